public import Boxes
public import Support

/// How well the first few proposals cover the objects of an image set: recall over the number of proposals, the figure by
/// which ways of proposing are compared (Ren et al., Faster R-CNN, NIPS 2015, figure 2).
public struct RecallCurve: Hashable, Sendable {
    public static let usualCounts = [50, 100, 300, 1000]

    /// Numbers of proposals, ascending.
    public let counts: [Int]
    /// For each of `counts`.
    public private(set) var qualities: [ProposalQuality]

    public init(_ counts: [Int] = usualCounts) {
        self.counts = counts
        qualities = counts.map { _ in ProposalQuality() }
    }

    /// Adds an image with its proposals, best first, and its objects.
    public mutating func add(proposals: [Box], groundTruth: [LabeledBox]) {
        for (position, count) in counts.enumerated() {
            qualities[position].add(proposals: Array(proposals.prefix(count)), groundTruth: groundTruth)
        }
    }

    /// A table for people.
    public var table: String {
        func text(_ value: Double?) -> String { value?.fixed(4) ?? "-" }
        return textTable(
            [["first boxes", "recall at IoU .5", "at IoU .7"]]
                + zip(counts, qualities).map { [String($0), text($1.recall50), text($1.recall70)] })
    }

    /// `[{"boxes", "0.5", "0.7"}]`.
    public var json: JSON {
        func number(_ value: Double?) -> JSON { value.map { .number($0) } ?? .null }
        return .array(
            zip(counts, qualities).map {
                ["boxes": .integer($0), "0.5": number($1.recall50), "0.7": number($1.recall70)]
            })
    }
}

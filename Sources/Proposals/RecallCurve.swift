public import Boxes
public import Reporting
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

    public var table: Table {
        Table(
            [.number("first boxes"), .number("recall at IoU .5", decimals: 4), .number("at IoU .7", decimals: 4)],
            zip(counts, qualities).map { [.integer($0), .number($1.recall50), .number($1.recall70)] })
    }

    /// Recall over the number of boxes, a line for each overlap.
    public var figure: Figure {
        let overlaps = [("IoU .5", \ProposalQuality.recall50), ("IoU .7", \ProposalQuality.recall70)]
        let series = overlaps.map { name, recall in
            LinePlot.Series(name, x: counts.map(Double.init), y: qualities.map { $0[keyPath: recall] ?? .nan })
        }
        var plot = LinePlot(title: "Recall of proposals", xLabel: "first boxes", yLabel: "recall", series: series)
        plot.yRange = 0...1
        return .line(plot)
    }

    /// `[{"boxes", "0.5", "0.7"}]`.
    public var json: JSON {
        .array(
            zip(counts, qualities).map {
                ["boxes": .integer($0), "0.5": JSON($1.recall50), "0.7": JSON($1.recall70)]
            })
    }
}

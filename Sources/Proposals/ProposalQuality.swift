public import Boxes
public import Reporting
public import Support

/// How well proposals cover the objects of an image set; images are added one at a time.
///
/// Source: Uijlings et al., IJCV 2013, section 5.1 (average best overlap, and its mean over classes).
public struct ProposalQuality: Hashable, Sendable {
    /// Images added.
    public private(set) var images = 0
    /// Objects counted.
    public private(set) var objects = 0
    private let countsDifficult: Bool
    private var boxes = 0
    private var seconds: Double?
    private var overlapSum = 0.0
    private var found50 = 0
    private var found70 = 0
    private var classes: [Int: ClassSum] = [:]

    private struct ClassSum: Hashable {
        var objects = 0
        var overlap = 0.0
    }

    /// - Parameter countsDifficult: whether objects marked difficult count too.
    public init(countsDifficult: Bool = false) { self.countsDifficult = countsDifficult }

    /// Adds an image with its proposals, its objects and, where known, the time the proposals took.
    public mutating func add(proposals: [Box], groundTruth: [LabeledBox], seconds: Double? = nil) {
        images += 1
        boxes += proposals.count
        if let seconds { self.seconds = (self.seconds ?? 0) + seconds }
        for object in groundTruth where countsDifficult || !object.isDifficult {
            let best = proposals.reduce(0) { max($0, object.box.iou($1)) }
            objects += 1
            overlapSum += best
            if best >= 0.5 { found50 += 1 }
            if best >= 0.7 { found70 += 1 }
            classes[object.classIndex, default: ClassSum()].objects += 1
            classes[object.classIndex, default: ClassSum()].overlap += best
        }
    }

    /// Mean number of proposals an image.
    public var boxesPerImage: Double? { images > 0 ? Double(boxes) / Double(images) : nil }
    /// Mean time over all images; nil when no time was given.
    public var secondsPerImage: Double? { seconds.map { $0 / Double(images) } }
    /// Fraction of the objects that some proposal overlaps by an IoU of at least 0.5; nil without objects.
    public var recall50: Double? { mean(Double(found50)) }
    /// The same at 0.7.
    public var recall70: Double? { mean(Double(found70)) }
    /// Mean over the objects of the highest IoU with a proposal; nil without objects.
    public var averageBestOverlap: Double? { mean(overlapSum) }
    /// Mean over the classes that have objects of their average best overlap (MABO); nil without objects.
    public var meanAverageBestOverlap: Double? {
        guard !classes.isEmpty else { return nil }
        // In the order of the classes, so that the sum is the same in every run.
        let means = classes.sorted { $0.key < $1.key }.map { $0.value.overlap / Double($0.value.objects) }
        return means.reduce(0, +) / Double(means.count)
    }

    private func mean(_ sum: Double) -> Double? { objects > 0 ? sum / Double(objects) : nil }

    /// The figures as results for machines; what is not known is null.
    public var json: JSON {
        [
            "images": .integer(images),
            "objects": .integer(objects),
            "boxes_per_image": JSON(boxesPerImage),
            "seconds_per_image": JSON(secondsPerImage),
            "recall": ["0.5": JSON(recall50), "0.7": JSON(recall70)],
            "average_best_overlap": JSON(averageBestOverlap),
            "mean_average_best_overlap": JSON(meanAverageBestOverlap),
        ]
    }

    public var table: Table {
        table([
            ("images", .integer(images)), ("boxes per image", .number(boxesPerImage, as: .number(decimals: 1))),
            ("seconds per image", .number(secondsPerImage, as: .number(decimals: 3))),
        ])
    }

    /// Other facts, and how well the objects are covered.
    func table(_ facts: [(name: String, value: Table.Cell)], notes: [String] = []) -> Table {
        let coverage = [
            ("recall at IoU .5", recall50), ("recall at IoU .7", recall70),
            ("average best overlap", averageBestOverlap),
        ].map { (name: $0, value: Table.Cell.number($1, as: .number(decimals: 4))) }
        return Table(facts: facts + (objects > 0 ? coverage : []), notes: notes, missing: "unknown")
    }
}

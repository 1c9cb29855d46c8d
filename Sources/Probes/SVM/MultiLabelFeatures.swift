internal import Support

/// Features of images that can hold several classes at once.
public struct MultiLabelFeatures: Hashable, Sendable {
    public enum Mark: Hashable, Sendable {
        case present
        case absent
        /// Only as an object marked difficult.
        case difficult
    }

    /// [count, dimension], row-major.
    public private(set) var features: [Float]
    public let dimension: Int
    public let classes: [String]
    /// For each class, what it is in each image.
    public let marks: [[Mark]]
    /// The data set, for errors.
    public let source: String

    /// - Throws: `InputError` naming `source` when there are no rows or no classes, when the numbers of marks and rows
    ///   differ, when a class is in no image, or in all, and when a row is not finite.
    public init(features: [Float], dimension: Int, classes: [String], marks: [[Mark]], source: String) throws {
        guard dimension > 0, !features.isEmpty, features.count % dimension == 0 else {
            throw InputError(source, "holds no features of \(dimension.counted("dimension"))")
        }
        guard !classes.isEmpty, marks.count == classes.count else {
            throw InputError(source, "has marks for \(marks.count) of \(classes.count.counted("class"))")
        }
        for (name, marks) in zip(classes, marks) {
            guard marks.count == features.count / dimension else {
                throw InputError(
                    source, "has \(features.count / dimension) features but \(marks.count) marks of \(name)")
            }
            for (mark, word) in [(Mark.present, "positive"), (.absent, "negative")] where !marks.contains(mark) {
                throw InputError(
                    source, "the class \(name) has no \(word) image", remedy: "use more images, or leave the class out")
            }
        }
        try requireFinite(features, dimension: dimension, name: source)
        self.features = features
        self.dimension = dimension
        self.classes = classes
        self.marks = marks
        self.source = source
    }

    public var count: Int { features.count / dimension }

    /// Scales every row to length 1.
    public mutating func normalize() { normalizeRows(&features, dimension: dimension) }
}

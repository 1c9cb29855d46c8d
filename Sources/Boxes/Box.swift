/// An axis-aligned rectangle in image coordinates.
///
/// The one box convention of this project: continuous coordinates, origin at the top-left corner of the image, x to
/// the right, y down, half-open. The pixel in column c covers [c, c + 1). A box over columns 3, 4, 5 has minX 3 and
/// maxX 6. VOC's 1-based inclusive pixel boxes (xmin … xmax) are [xmin − 1, xmax): its "+1" width is plainly
/// `width`, so areas and IoU agree with the official evaluator.
public struct Box: Hashable, Sendable {
    public var minX: Double
    public var minY: Double
    public var maxX: Double
    public var maxY: Double

    public init(minX: Double, minY: Double, maxX: Double, maxY: Double) {
        self.minX = minX
        self.minY = minY
        self.maxX = maxX
        self.maxY = maxY
    }

    /// From VOC's 1-based inclusive pixel coordinates.
    public init(vocXMin xmin: Double, yMin ymin: Double, xMax xmax: Double, yMax ymax: Double) {
        self.init(minX: xmin - 1, minY: ymin - 1, maxX: xmax, maxY: ymax)
    }

    /// VOC's 1-based inclusive (xmin, ymin, xmax, ymax).
    public var voc: (xmin: Double, ymin: Double, xmax: Double, ymax: Double) { (minX + 1, minY + 1, maxX, maxY) }

    public var width: Double { maxX - minX }
    public var height: Double { maxY - minY }
    public var centerX: Double { minX + 0.5 * width }
    public var centerY: Double { minY + 0.5 * height }
    /// Zero for a box without extent or turned inside out.
    public var area: Double { max(0, width) * max(0, height) }
    public var isFinite: Bool { minX.isFinite && minY.isFinite && maxX.isFinite && maxY.isFinite }

    /// The common part; its area is zero when the boxes do not overlap.
    public func intersection(_ other: Box) -> Box {
        Box(
            minX: max(minX, other.minX), minY: max(minY, other.minY), maxX: min(maxX, other.maxX),
            maxY: min(maxY, other.maxY))
    }

    /// Intersection over union in [0, 1]; 0 when both boxes are empty.
    public func iou(_ other: Box) -> Double {
        let common = intersection(other).area
        let union = area + other.area - common
        return union > 0 ? common / union : 0
    }

    /// The part inside [0, width) × [0, height).
    public func clipped(width: Double, height: Double) -> Box {
        Box(
            minX: min(max(minX, 0), width), minY: min(max(minY, 0), height), maxX: min(max(maxX, 0), width),
            maxY: min(max(maxY, 0), height))
    }

    /// Mirrored left to right in an image of the given width.
    public func flippedHorizontally(width: Double) -> Box {
        Box(minX: width - maxX, minY: minY, maxX: width - minX, maxY: maxY)
    }

    public func scaled(x: Double, y: Double) -> Box {
        Box(minX: minX * x, minY: minY * y, maxX: maxX * x, maxY: maxY * y)
    }
}

/// A ground-truth object: where it is, what it is, and whether the protocol counts it.
public struct LabeledBox: Hashable, Sendable {
    public var box: Box
    /// Index into the data set's class list.
    public var classIndex: Int
    /// VOC's `difficult`: neither counted as positive nor as a false positive when found.
    public var isDifficult: Bool

    public init(box: Box, classIndex: Int, isDifficult: Bool = false) {
        self.box = box
        self.classIndex = classIndex
        self.isDifficult = isDifficult
    }
}

/// A detected object.
public struct Detection: Hashable, Sendable {
    public var box: Box
    /// Index into the model's class list (background is not a class).
    public var classIndex: Int
    /// Confidence; for a softmax head in [0, 1].
    public var score: Double

    public init(box: Box, classIndex: Int, score: Double) {
        self.box = box
        self.classIndex = classIndex
        self.score = score
    }
}

public import Boxes

/// The object that a box overlaps most.
public struct BoxMatch: Hashable, Sendable {
    /// Index of the object, the first one if several are equal; -1 without objects.
    public var object: Int
    public var iou: Double

    public init(object: Int, iou: Double) {
        self.object = object
        self.iou = iou
    }

    /// From the IoU with each object.
    init(_ overlaps: ArraySlice<Double>) {
        self.init(object: -1, iou: 0)
        for (index, iou) in overlaps.enumerated() where object < 0 || iou > self.iou {
            (object, self.iou) = (index, iou)
        }
    }
}

/// The best object for each box.
public func bestMatches(_ boxes: [Box], _ objects: [Box]) -> [BoxMatch] {
    let overlaps = iouMatrix(boxes, objects)
    return boxes.indices.map { BoxMatch(overlaps[$0 * objects.count..<($0 + 1) * objects.count]) }
}

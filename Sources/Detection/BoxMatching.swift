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
}

/// The best object for each box.
public func bestMatches(_ boxes: [Box], _ objects: [Box]) -> [BoxMatch] {
    boxes.map { box in
        var best = BoxMatch(object: -1, iou: 0)
        for (index, object) in objects.enumerated() {
            let iou = box.iou(object)
            if best.object < 0 || iou > best.iou { best = BoxMatch(object: index, iou: iou) }
        }
        return best
    }
}

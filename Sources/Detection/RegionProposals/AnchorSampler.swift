public import Boxes
public import Support

/// What an anchor of a training image is to be taken for.
public struct AnchorTarget: Hashable, Sendable {
    /// Index of the anchor.
    public var anchor: Int
    /// The object it belongs to; nil where there is none.
    public var object: Box?

    public init(anchor: Int, object: Box?) {
        self.anchor = anchor
        self.object = object
    }
}

/// Chooses the anchors that a training step of a region proposal network looks at (Faster R-CNN, sections 3.1.2, 3.1.3).
public struct AnchorSampler: Hashable, Sendable {
    public var anchorsPerImage = 256
    /// Largest share of anchors that lie on objects.
    public var positiveFraction = 0.5
    /// An anchor is on an object from this IoU on; so are the anchors with an object's highest IoU.
    public var positiveThreshold = 0.7
    /// An anchor is on no object when its best IoU is below this; between the two it teaches nothing.
    public var negativeThreshold = 0.3
    /// Leaves out anchors that reach beyond the image, as the paper does; where all do, they stay.
    public var skipsStraddling = true

    public init() {}

    /// Draws positive, then negative anchors without replacement, for an image of `width` × `height` pixels.
    public func sample(
        _ anchors: [Box], _ objects: [Box], width: Double, height: Double, random: inout RandomStream
    ) -> [AnchorTarget] {
        var candidates = Array(anchors.indices)
        if skipsStraddling {
            let inside = candidates.filter {
                anchors[$0].minX >= 0 && anchors[$0].minY >= 0 && anchors[$0].maxX <= width
                    && anchors[$0].maxY <= height
            }
            if !inside.isEmpty { candidates = inside }
        }
        let overlaps = iouMatrix(candidates.map { anchors[$0] }, objects)
        let rows = candidates.indices.map { overlaps[$0 * objects.count..<($0 + 1) * objects.count] }
        // The highest IoU of each object with any of the anchors.
        let highest = rows.reduce(into: [Double](repeating: 0, count: objects.count)) { highest, row in
            for (object, iou) in row.enumerated() { highest[object] = max(highest[object], iou) }
        }
        let matches = rows.map { BoxMatch($0) }
        var positives: [Int] = []
        var negatives: [Int] = []
        for (position, match) in matches.enumerated() {
            let isBest = zip(rows[position], highest).contains { $0 > 0 && $0 == $1 }
            if match.object >= 0, match.iou >= positiveThreshold || isBest {
                positives.append(position)
            } else if match.iou < negativeThreshold {
                negatives.append(position)
            }
        }
        let drawn = BalancedSampler(count: anchorsPerImage, positiveFraction: positiveFraction)
            .draw(positives, negatives, random: &random)
        return drawn.positives.map { AnchorTarget(anchor: candidates[$0], object: objects[matches[$0].object]) }
            + drawn.negatives.map { AnchorTarget(anchor: candidates[$0], object: nil) }
    }
}

public import Boxes
public import Support

/// What a region of a training image is to be taken for.
public struct RegionTarget: Hashable, Sendable {
    public var box: Box
    /// Index into the classes; nil for background.
    public var classIndex: Int?
    /// The object it belongs to; nil for background.
    public var object: Box?
}

/// Chooses the regions of an image that a training step looks at (Fast R-CNN, section 2.3).
public struct RegionSampler: Hashable, Sendable {
    public var regionsPerImage = 64
    /// Largest share of regions that lie on objects.
    public var foregroundFraction = 0.25
    /// A region is on an object from this IoU on.
    public var foregroundThreshold = 0.5
    /// A region is background when its best IoU is in this range: near misses teach more than empty sky.
    public var backgroundThresholds = 0.1..<0.5

    public init() {}

    /// Draws foreground and background regions without replacement; objects themselves are candidates, too.
    ///
    /// An image without any candidate in the background range takes those below it, rather than none.
    public func sample(_ proposals: [Box], _ objects: [LabeledBox], random: inout RandomStream) -> [RegionTarget] {
        let candidates = objects.map(\.box) + proposals
        let matches = bestMatches(candidates, objects.map(\.box))
        let foreground = matches.indices.filter { matches[$0].object >= 0 && matches[$0].iou >= foregroundThreshold }
        var background = matches.indices.filter { backgroundThresholds.contains(matches[$0].iou) }
        if background.isEmpty {
            background = matches.indices.filter { matches[$0].iou < backgroundThresholds.lowerBound }
        }
        let drawn = BalancedSampler(count: regionsPerImage, positiveFraction: foregroundFraction)
            .draw(foreground, background, random: &random)
        return drawn.positives.map { index in
            let object = objects[matches[index].object]
            return RegionTarget(box: candidates[index], classIndex: object.classIndex, object: object.box)
        } + drawn.negatives.map { RegionTarget(box: candidates[$0], classIndex: nil, object: nil) }
    }
}

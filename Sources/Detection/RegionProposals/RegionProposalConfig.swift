internal import Support

/// What a region proposal network is and how it proposes when a detector is used.
public struct RegionProposalConfig: Hashable, Sendable {
    /// Sides of the anchors in cells of the map.
    public var scales: [Double] = [8, 16, 32]
    /// Heights of the anchors for a width of 1.
    public var ratios: [Double] = [0.5, 1, 2]
    /// Channels of the 3×3 convolution.
    public var channels = 512
    /// Least side of a proposal, in pixels of the image as it is given.
    public var minimumSide = 16.0
    /// Boxes that enter non-maximum suppression; how many stay is `DetectorConfig.proposals`.
    public var candidates = 6000
    public var nmsThreshold = 0.7

    public init() {}

    var json: JSON {
        [
            "scales": .array(scales.map { .number($0) }), "ratios": .array(ratios.map { .number($0) }),
            "channels": .integer(channels), "minimum_side": .number(minimumSide), "candidates": .integer(candidates),
            "nms": .number(nmsThreshold),
        ]
    }

    /// From `json`; nil when a field is missing or out of range.
    init?(json: JSON) {
        func numbers(_ field: String) -> [Double]? {
            guard let values = json[field]?.arrayValue?.compactMap(\.doubleValue),
                values.count == json[field]?.arrayValue?.count, (1...16).contains(values.count),
                values.allSatisfy({ $0 > 0 && $0 <= 1000 })
            else { return nil }
            return values
        }
        guard let scales = numbers("scales"), let ratios = numbers("ratios"),
            let channels = json["channels"]?.intValue, (1...65_536).contains(channels),
            let side = json["minimum_side"]?.doubleValue, (0...10_000).contains(side),
            let candidates = json["candidates"]?.intValue, (1...1_000_000).contains(candidates),
            let nms = json["nms"]?.doubleValue, (0...1).contains(nms)
        else { return nil }
        self.scales = scales
        self.ratios = ratios
        self.channels = channels
        minimumSide = side
        self.candidates = candidates
        nmsThreshold = nms
    }
}

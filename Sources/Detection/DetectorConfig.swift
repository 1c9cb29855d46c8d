public import Backbone
public import Imaging
public import Support

/// What a trained detector is: stored with its weights, so that it can be used without the data it was trained on.
public struct DetectorConfig: Hashable, Sendable {
    public var network: NetworkConfig
    public var normalization: Normalization
    public var classes: [String]
    /// Images are resized so that the short side has this length, unless the long one would exceed its limit.
    public var shortSide = 600
    public var longSide = 1000
    /// Cells a side that a region is pooled to; nil for what the network is published with.
    public var regionSize: Int?
    public var regionOperator = RegionOperator.pool
    /// Most proposals of an image that are looked at.
    public var proposals = 2000
    /// The network that proposes regions (Faster R-CNN); nil where they are given (Fast R-CNN).
    public var regionProposals: RegionProposalConfig?

    public init(network: NetworkConfig, normalization: Normalization, classes: [String]) {
        self.network = network
        self.normalization = normalization
        self.classes = classes
    }

    /// `head` in files and on the command line.
    public var kind: DetectorKind { regionProposals == nil ? .fast : .faster }

    /// The size an image is worked on at. Of an image so long and thin that the network's trunk could not look at it, the
    /// short side is stretched to what it needs.
    ///
    /// - Parameter shortSide: Another short side than the usual one, for training at several scales.
    public func inputSize(_ size: ImageSize, shortSide: Int? = nil) -> ImageSize {
        let scaled = size.scaled(shortSide: shortSide ?? self.shortSide, longSideAtMost: longSide)
        let least = network.architecture.smallestTrunkInput
        return ImageSize(width: max(scaled.width, least), height: max(scaled.height, least))
    }

    public var json: JSON {
        [
            "head": .string(kind.rawValue), "arch": .string(network.architecture.rawValue),
            "stem": .string(network.stem.rawValue), "region_norm": .bool(network.regionNorm),
            "normalization": normalization.json, "classes": .array(classes.map { .string($0) }),
            "short_side": .integer(shortSide), "long_side": .integer(longSide), "proposals": .integer(proposals),
            "region_size": regionSize.map { .integer($0) } ?? .null, "roi": .string(regionOperator.rawValue),
            "region_proposals": regionProposals?.json ?? .null,
        ]
    }

    /// From `json`; throws naming the field that is wrong.
    public init(json: JSON, file: String) throws(InputError) {
        func bad(_ field: String) -> InputError {
            InputError(file, "its description has no valid \"\(field)\"", remedy: "give a model written by finetune")
        }
        guard let kind = json["head"]?.stringValue.flatMap(DetectorKind.init(rawValue:)) else { throw bad("head") }
        guard let arch = json["arch"]?.stringValue.flatMap(Architecture.init(rawValue:)) else { throw bad("arch") }
        guard let stem = json["stem"]?.stringValue.flatMap(Stem.init(rawValue:)),
            arch.takes(stem)
        else { throw bad("stem") }
        guard let normalization = json["normalization"].flatMap(Normalization.init(json:)) else {
            throw bad("normalization")
        }
        guard let names = json["classes"]?.arrayValue, !names.isEmpty else { throw bad("classes") }
        let classes = names.compactMap(\.stringValue)
        guard classes.count == names.count else { throw bad("classes") }
        self.init(network: NetworkConfig(arch, stem: stem), normalization: normalization, classes: classes)
        func positive(_ field: String) throws(InputError) -> Int {
            guard let value = json[field]?.intValue, (1...1_000_000).contains(value) else { throw bad(field) }
            return value
        }
        if let size = json["region_size"], size != .null {
            guard let cells = size.intValue, (1...64).contains(cells), arch.takes(regionSize: cells) else {
                throw bad("region_size")
            }
            regionSize = cells
        }
        // Models written before there was a choice have none.
        if let text = json["roi"] {
            guard let value = text.stringValue.flatMap(RegionOperator.init(rawValue:)) else { throw bad("roi") }
            regionOperator = value
        }
        if let value = json["region_norm"] {
            guard let hasNorm = value.boolValue, !hasNorm || arch.isResidual else { throw bad("region_norm") }
            network.regionNorm = hasNorm
        }
        if kind == .faster {
            guard let config = json["region_proposals"].flatMap(RegionProposalConfig.init(json:)) else {
                throw bad("region_proposals")
            }
            regionProposals = config
        }
        shortSide = try positive("short_side")
        longSide = try positive("long_side")
        proposals = try positive("proposals")
    }
}

/// Where the regions of a detector come from.
public enum DetectorKind: String, CaseIterable, Sendable {
    /// Fast R-CNN: from outside, such as selective search.
    case fast
    /// Faster R-CNN: from a region proposal network on the same map.
    case faster
}

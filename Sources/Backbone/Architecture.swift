public import Support

/// The networks of this toolkit, by torchvision's names, and two for small images that torchvision does not have:
/// `resnet20` (He et al., CVPR 2016, section 4.2; its shortcuts are projections where sizes differ) and `resnet20x2`, the
/// same with twice the channels. Both name their parameters as torchvision's ResNets do, with three stages.
public enum Architecture: String, CaseIterable, Sendable, Hashable {
    case alexnet
    case vgg16
    case resnet18
    case resnet34
    case resnet50
    case resnet101
    case resnet20
    case resnet20x2
}

/// What is known of a network before it is built.
struct ArchitectureFacts {
    enum Family {
        case alexnet
        case vgg16
        case resnet(ResNetDepth)
    }

    var family: Family
    /// Stages of `Network.trunkStages`.
    var trunkStages: Int
    /// How many of them the published detection recipe keeps as they were pretrained.
    var frozenStages: Int
    /// Width of what the last linear layer sees.
    var featureCount: Int
    /// Pixels a side of the smallest image that all its layers can look at.
    var smallestInput = 1
    /// The same for its trunk alone.
    var smallestTrunkInput = 1
    /// Cells a side of the regions that the network behind its trunk needs; nil where it takes any.
    var regionSize: Int?
    /// What the names of the last linear layer begin with.
    var classifierPrefix: String

    /// Of a ResNet: frozen are the stem and the first stage of blocks; the last stage is behind the trunk.
    fileprivate static func resnet(_ block: ResNetDepth.Block, _ blocks: [Int], width: Int = 64) -> ArchitectureFacts {
        let depth = ResNetDepth(block, blocks, width: width)
        return ArchitectureFacts(
            family: .resnet(depth), trunkStages: blocks.count, frozenStages: 2, featureCount: depth.featureCount,
            classifierPrefix: "fc.")
    }
}

extension Architecture {
    /// A new network is a case of the enumeration and its entry here.
    var facts: ArchitectureFacts {
        switch self {
        case .alexnet:
            ArchitectureFacts(
                family: .alexnet, trunkStages: 5, frozenStages: 1, featureCount: 4096, smallestInput: 64,
                smallestTrunkInput: 31, regionSize: 6,
                classifierPrefix: "classifier.6.")
        case .vgg16:
            ArchitectureFacts(
                family: .vgg16, trunkStages: 5, frozenStages: 2, featureCount: 4096, smallestInput: 32,
                smallestTrunkInput: 16, regionSize: 7,
                classifierPrefix: "classifier.6.")
        case .resnet18: .resnet(.basic, [2, 2, 2, 2])
        case .resnet34: .resnet(.basic, [3, 4, 6, 3])
        case .resnet50: .resnet(.bottleneck, [3, 4, 6, 3])
        case .resnet101: .resnet(.bottleneck, [3, 4, 23, 3])
        case .resnet20: .resnet(.basic, [3, 3, 3], width: 16)
        case .resnet20x2: .resnet(.basic, [3, 3, 3], width: 32)
        }
    }

    /// How many stages of the trunk (`Network.trunkStages`) the published detection recipe keeps as they were
    /// pretrained: conv1 of AlexNet, conv1 and conv2 of VGG16, the stem and the first stage of blocks of ResNets.
    public var publishedFrozenStages: Int { facts.frozenStages }

    /// What the trunk has without the last stage of a ResNet, which is the head of a region.
    public var trunkStageCount: Int { facts.trunkStages }

    /// Whether it is a ResNet: regions of any size, batch norm, a choice of stems.
    public var isResidual: Bool {
        switch facts.family {
        case .resnet: true
        case .alexnet, .vgg16: false
        }
    }

    /// Width of what the last linear layer sees.
    public var featureCount: Int { facts.featureCount }

    /// Pixels a side of the smallest image that the network can look at: pooling without padding leaves nothing of
    /// smaller ones.
    public var smallestInput: Int { facts.smallestInput }

    /// The same for the trunk that detectors pool regions from.
    public var smallestTrunkInput: Int { facts.smallestTrunkInput }

    /// Throws when images of so many pixels a side are too small for the network.
    public func require(imageSize: Int) throws(InputError) {
        if imageSize < smallestInput {
            throw InputError(
                "image size", "\(rawValue) cannot take images of \(imageSize) pixels",
                remedy: "give --image-size \(smallestInput) or more")
        }
    }

    /// Whether the network behind the trunk takes regions of so many cells a side.
    public func takes(regionSize: Int) -> Bool { facts.regionSize.map { $0 == regionSize } ?? true }

    /// Whether there is a network of it that takes its input in this way.
    public func takes(_ stem: Stem) -> Bool {
        switch stem {
        case .imagenet: true
        case .cifar: isResidual
        }
    }
}

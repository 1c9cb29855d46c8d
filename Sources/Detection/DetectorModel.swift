internal import Backbone
public import Torch

/// The layers of a detector under one scope: Fast R-CNN, and for Faster R-CNN the network that proposes its regions.
public struct DetectorModel {
    public let head: FastRCNN
    public let proposer: RegionProposalNetwork?

    /// Random values as published, under `scope`.
    public init(_ scope: Scope, _ config: DetectorConfig) {
        head = FastRCNN(
            scope, config: config.network, classCount: config.classes.count, regionSize: config.regionSize,
            regionOperator: config.regionOperator)
        let network = head.network
        proposer = config.regionProposals.map {
            RegionProposalNetwork(scope / "rpn", $0, in: network.trunkChannels, stride: network.trunkStride)
        }
    }

    private init(head: FastRCNN, proposer: RegionProposalNetwork?) {
        self.head = head
        self.proposer = proposer
    }

    /// The same for inference alone, see `Network.frozen`.
    public func frozen(_ precision: Precision) -> DetectorModel {
        DetectorModel(head: head.frozen(precision), proposer: proposer?.frozen(precision))
    }
}

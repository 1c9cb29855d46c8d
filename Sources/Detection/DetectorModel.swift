internal import Backbone
public import Torch

/// The layers of a detector under one scope: Fast R-CNN, and for Faster R-CNN the network that proposes its regions.
public struct DetectorModel {
    public let fastRCNN: FastRCNN
    public let proposer: RegionProposalNetwork?

    /// Random values as published, under `scope`.
    public init(_ scope: Scope, _ config: DetectorConfig) {
        fastRCNN = FastRCNN(
            scope, config: config.network, classCount: config.classes.count, regionSize: config.regionSize,
            regionOperator: config.regionOperator)
        let network = fastRCNN.network
        proposer = config.regionProposals.map {
            RegionProposalNetwork(scope / "rpn", $0, in: network.trunkChannels, stride: network.trunkStride)
        }
    }

    private init(fastRCNN: FastRCNN, proposer: RegionProposalNetwork?) {
        self.fastRCNN = fastRCNN
        self.proposer = proposer
    }

    /// The same for inference alone, see `Network.frozen`.
    public func frozen(_ precision: Precision) -> DetectorModel {
        DetectorModel(fastRCNN: fastRCNN.frozen(precision), proposer: proposer?.frozen(precision))
    }
}

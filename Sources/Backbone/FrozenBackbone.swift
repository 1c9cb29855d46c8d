public import Torch

/// A pretrained network made ready to be looked at: fused layers, no gradients, pixels in, named layers out.
public final class FrozenBackbone {
    public let description: WeightDescription
    /// Names that `layers` takes, from the input on.
    public let layerNames: [String]
    private let network: any Network
    private let projection: FusedLinear?
    private let device: Device

    init(
        _ network: any Network, projection: Linear?, layerNames: [String], description: WeightDescription,
        device: Device, precision: Precision
    ) {
        self.network = network.frozen(precision)
        self.projection = projection.map { FusedLinear($0, precision) }
        self.layerNames = layerNames
        self.description = description
        self.device = device
    }

    /// The outputs of layers for NHWC pixels, in one pass: maps [N, C, h, w], vectors [N, d]; the embedding has unit
    /// length. Float32, whatever the precision inside. Traps for a name that is not in `layerNames`.
    public func layers(_ names: [String], _ pixels: [UInt8], count: Int, height: Int, width: Int) -> [Tensor] {
        withoutGradients {
            let x = description.normalization(pixels, count: count, height: height, width: width, device: device)
            guard let projection, names.contains(PretrainedNetwork.embeddingLayer) else {
                return network.layers(names, x).map { $0.to(dtype: .float32) }
            }
            // The last layer of a network is what its projection sees.
            let last = network.layerNames.last!
            let plain = names.map { $0 == PretrainedNetwork.embeddingLayer ? last : $0 }
            return zip(names, network.layers(plain, x)).map { name, output in
                name == PretrainedNetwork.embeddingLayer
                    ? projection(output, relu: false).to(dtype: .float32).l2Normalized() : output.to(dtype: .float32)
            }
        }
    }
}

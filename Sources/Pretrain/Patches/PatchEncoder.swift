internal import Backbone
internal import Imaging
internal import Support
package import Torch

/// The backbone over small pictures: each becomes one vector of its last map, averaged in ResNets, as it is in networks without an
/// average.
final class PatchEncoder {
    let network: any Network
    /// F, width of the vectors.
    let width: Int
    private let isAveraged: Bool

    /// - Throws: `InputError` when patches are too large for the training's images, or nothing is left of them in the network.
    init(_ context: MethodContext, _ cut: PatchCut) throws(InputError) {
        try cut.require(imageSize: context.options.recipe.imageSize)
        let side = cut.side
        try context.options.trainedNetwork().require(
            side: side, of: "tile size", remedy: "use a larger --image-size or --tile, or a ResNet")
        let network = context.makeNetwork()
        self.network = network
        isAveraged = network.takesAnyRegionSize
        width =
            isAveraged
            ? network.featureCount
            : withoutGradients {
                network.lastMap(
                    Tensor.zeros([1, 3, side, side], device: context.options.device), mode: .evaluate)
            }.count
    }

    /// [N, 3, H, W] → [N, F]
    func callAsFunction(_ pictures: Tensor, mode: Mode) -> Tensor {
        let map = network.lastMap(pictures, mode: mode)
        return isAveraged ? map.mean([2, 3]) : map.flatten(from: 1)
    }
}

extension Tensor {
    /// Each channel of each picture by itself at mean 0 and deviation 1: (x − mean) / (deviation + 10⁻⁶), [N, C, H, W]. Where a
    /// channel is flat, as in a clear sky, it becomes 0.
    package var standardizedPictures: Tensor {
        let centered = self - mean([2, 3], keepDimensions: true)
        let deviation = centered.square().mean([2, 3], keepDimensions: true).sqrt()
        // One level of one pixel of a thousand is above this; the rounding of a mean is below.
        let scale = Tensor.where(deviation.less(1e-5), deviation.zerosLike() + 1, deviation + 1e-6)
        let flat = Tensor.where(deviation.less(1e-5), deviation.zerosLike(), deviation.zerosLike() + 1)
        return (centered / scale * flat).contiguous(.channelsLast)
    }
}

internal import Imaging
internal import Support
public import Torch
public import Training

/// Two views of each image.
public struct TwoViews: TensorGroup {
    /// [B, 3, H, W] each.
    public var first: Tensor
    public var second: Tensor

    /// - Parameter images: [2·B, 3, H, W], the first views in front.
    package init(_ images: Tensor) {
        let count = images.size(0) / 2
        (first, second) = (images.narrow(0, 0, count), images.narrow(0, count, count))
    }

    private init(_ first: Tensor, _ second: Tensor) { (self.first, self.second) = (first, second) }

    public func map(_ transform: (Tensor) -> Tensor) -> TwoViews { TwoViews(transform(first), transform(second)) }
}

extension Tensor {
    /// How far embeddings ([B, D], of any length) differ from each other: √D times the deviation over the batch of each channel
    /// of their unit vectors, on average. About 1 where they spread over all directions, 0 where they have collapsed into one
    /// (Chen, He, CVPR 2021, section 4.1).
    package var spread: Tensor {
        let unit = detach().to(dtype: .float32).l2Normalized()
        return (unit.square().mean([0]) - unit.mean([0]).square()).clamp(min: 0).sqrt().mean()
            * Double(size(1)).squareRoot()
    }
}

/// What recipes of methods with two views share.
extension PretrainRecipe {
    /// The same changes, drawn twice.
    var twoViews: [ImagePipeline] {
        let pipeline = augmentation.pipeline(imageSize: imageSize)
        return [pipeline, pipeline]
    }

    /// Colours as in MoCo v2 and its successors; `strength` is SimCLR's s.
    mutating func changesColors(_ strength: Double, saturation: Double? = nil) {
        var color = Augmentation.Color(grayscale: 0.2, jitter: 0.8 * strength)
        color.saturation = saturation
        color.hue = 0.2 * strength
        color.jitterProbability = 0.8
        color.grayscaleFirst = false
        augmentation.color = color
    }
}

extension Setting<PretrainOptions> {
    /// What methods with two views offer beside their own.
    static var viewSettings: [Setting<PretrainOptions>] {
        Augmentation.viewSettings.map { $0.lifted(to: \.recipe.augmentation) } + [
            .optional(
                "lars", "η", "scale gradients layer by layer to η of the length of the weights",
                \.recipe.optimization.trust, .above(0))
        ]
    }
}

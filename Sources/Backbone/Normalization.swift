public import Support
public import Torch

/// Mean and standard deviation of each colour channel, of pixels in [0, 1].
public struct Normalization: Hashable, Sendable {
    public var mean: [Double]
    public var standardDeviation: [Double]

    public init(mean: [Double], standardDeviation: [Double]) {
        self.mean = mean
        self.standardDeviation = standardDeviation
    }

    /// torchvision's, measured on ImageNet.
    public static let imagenet = Normalization(mean: [0.485, 0.456, 0.406], standardDeviation: [0.229, 0.224, 0.225])
    /// The InstDisc reference code's, for CIFAR-10.
    public static let cifar10 = Normalization(
        mean: [0.4914, 0.4822, 0.4465], standardDeviation: [0.2023, 0.1994, 0.2010])

    /// [N, H, W, 3] uint8 pixels → [N, 3, H, W] float32 in channels-last memory, on the pixels' device.
    public func callAsFunction(_ pixels: Tensor) -> Tensor {
        // (p / 255 − mean) / deviation, as one multiplication and one addition.
        let scale = Tensor(standardDeviation.map { Float(1 / (255 * $0)) }).uploaded(to: pixels.device)
        let shift = Tensor(zip(mean, standardDeviation).map { Float(-$0 / $1) }).uploaded(to: pixels.device)
        return (pixels.to(dtype: .float32).mul_(scale).add_(shift)).permute(0, 3, 1, 2)
    }

    /// The same for pixels in host memory; `pixels` holds `count` images of NHWC bytes.
    public func callAsFunction(_ pixels: [UInt8], count: Int, height: Int, width: Int, device: Device) -> Tensor {
        self(Tensor(pixels, shape: [count, height, width, 3]).uploaded(to: device))
    }

    public var json: JSON {
        ["mean": .array(mean.map { .number($0) }), "std": .array(standardDeviation.map { .number($0) })]
    }

    /// From `json`; nil when it is something else.
    public init?(json: JSON) {
        guard let mean = json["mean"]?.arrayValue?.compactMap(\.doubleValue), mean.count == 3,
            let deviation = json["std"]?.arrayValue?.compactMap(\.doubleValue), deviation.count == 3,
            (mean + deviation).allSatisfy(\.isFinite), deviation.allSatisfy({ $0 > 0 })
        else { return nil }
        self.init(mean: mean, standardDeviation: deviation)
    }
}

public import Support
public import Torch

/// The colours that a network takes.
public enum InputSpace: String, CaseIterable, Sendable {
    /// Red, green and blue in [0, 1].
    case rgb
    /// Lightness in 0…100, a and b (`Lab`).
    case lab
}

/// What a network takes: a colour space, and the mean and deviation of each of its channels.
public struct Normalization: Hashable, Sendable {
    public var space: InputSpace
    public var mean: [Double]
    public var standardDeviation: [Double]

    public init(_ space: InputSpace = .rgb, mean: [Double], standardDeviation: [Double]) {
        self.space = space
        self.mean = mean
        self.standardDeviation = standardDeviation
    }

    /// torchvision's, measured on ImageNet.
    public static let imagenet = Normalization(mean: [0.485, 0.456, 0.406], standardDeviation: [0.229, 0.224, 0.225])
    /// The InstDisc reference code's, for CIFAR-10.
    public static let cifar10 = Normalization(
        mean: [0.4914, 0.4822, 0.4465], standardDeviation: [0.2023, 0.1994, 0.2010])

    /// Lab by the middle and half the range of what sRGB has (Tian, Krishnan, Isola, CMC, 2019): within −1…1, or a little more.
    public static let lab = Normalization(
        .lab, mean: [50, 6.025, -6.6895], standardDeviation: [50, 92.208, 101.1675])

    /// [N, H, W, 3] uint8 pixels of sRGB → [N, 3, H, W] float32 in channels-last memory, on the pixels' device.
    public func callAsFunction(_ pixels: Tensor) -> Tensor {
        // (p / unit − mean) / deviation, as one multiplication and one addition.
        let (values, unit): (Tensor, Double) =
            switch space {
            case .rgb: (pixels.to(dtype: .float32), 255)
            case .lab: (Lab.fromRGB(pixels), 1)
            }
        let scale = Tensor(standardDeviation.map { Float(1 / (unit * $0)) }).uploaded(to: pixels.device)
        let shift = Tensor(zip(mean, standardDeviation).map { Float(-$0 / $1) }).uploaded(to: pixels.device)
        return (values.mul_(scale).add_(shift)).permute(0, 3, 1, 2)
    }

    /// [N, 3, H, W] as above → the colours themselves in their space, [N, 3, H, W].
    public func undone(_ x: Tensor) -> Tensor {
        func column(_ values: [Double]) -> Tensor {
            Tensor(values.map { Float($0) }, shape: [3, 1, 1]).uploaded(to: x.device)
        }
        return x * column(standardDeviation) + column(mean)
    }

    /// The same for pixels in host memory; `pixels` holds `count` images of NHWC bytes.
    public func callAsFunction(_ pixels: [UInt8], count: Int, height: Int, width: Int, device: Device) -> Tensor {
        self(Tensor(pixels, shape: [count, height, width, 3]).uploaded(to: device))
    }

    /// Of another space than RGB under its name, so that a program that knows RGB alone refuses it.
    public var json: JSON {
        let values: JSON = [
            "mean": .array(mean.map { .number($0) }), "std": .array(standardDeviation.map { .number($0) }),
        ]
        return space == .rgb ? values : .object([.init(space.rawValue, values)])
    }

    /// From `json`; nil when it is something else.
    public init?(json: JSON) {
        let space = InputSpace.allCases.first { $0 != .rgb && json[$0.rawValue] != nil } ?? .rgb
        let json = json[space.rawValue] ?? json
        guard let mean = json["mean"]?.arrayValue?.compactMap(\.doubleValue), mean.count == 3,
            let deviation = json["std"]?.arrayValue?.compactMap(\.doubleValue), deviation.count == 3,
            (mean + deviation).allSatisfy(\.isFinite), deviation.allSatisfy({ $0 > 0 })
        else { return nil }
        self.init(space, mean: mean, standardDeviation: deviation)
    }
}

internal import Foundation

/// Whether a forward pass is part of training: decides batch statistics and dropout.
public enum Mode: Sendable {
    case train
    case evaluate
}

/// 2-D convolution; weight [out, in/groups, kH, kW].
public final class Conv2d {
    public let weight: Tensor
    public let bias: Tensor?
    public let stride: Extent
    public let padding: Extent
    public let groups: Int

    public init(
        _ scope: Scope, in inputs: Int, out outputs: Int, kernel: Int, stride: Int = 1, padding: Int = 0,
        groups: Int = 1, bias hasBias: Bool = true, initializer: Initializer = .torchDefault
    ) {
        let shape = [outputs, inputs / groups, kernel, kernel]
        // As its kernels read it, so that no step begins by bringing it into another order.
        weight = scope.parameter("weight", shape, initializer, format: .channelsLast)
        let bound = 1 / Double(shape[1] * kernel * kernel).squareRoot()
        bias =
            hasBias
            ? scope.parameter("bias", [outputs], initializer == .torchDefault ? .uniform(bound: bound) : .constant(0))
            : nil
        self.stride = Extent(stride)
        self.padding = Extent(padding)
        self.groups = groups
    }

    public func callAsFunction(_ x: Tensor) -> Tensor {
        convolve(x, weight, bias)
    }

    /// scale · convolution(x) + shift, a value of each for every output channel, in one convolution.
    public func callAsFunction(_ x: Tensor, scaledBy transform: (scale: Tensor, shift: Tensor)) -> Tensor {
        let scaled = weight * transform.scale.reshape(-1, 1, 1, 1)
        let shift = bias.map { $0 * transform.scale + transform.shift } ?? transform.shift
        return convolve(x, scaled, shift)
    }

    private func convolve(_ x: Tensor, _ weight: Tensor, _ bias: Tensor?) -> Tensor {
        if Winograd.serves(weight, stride: stride, padding: padding, groups: groups), Winograd.pays(x, weight) {
            return Winograd.convolution(x, weight, bias: bias)
        }
        if DirectConvolution.serves(x, weight, groups: groups) {
            return x.roundedOnce(weight, bias) {
                DirectConvolution.convolution($0, $1, bias: $2, stride: stride, padding: padding)
            }
        }
        return x.conv2d(weight, bias: bias, stride: stride, padding: padding, groups: groups)
    }
}

/// Transposed 2-D convolution of stride 2 that doubles the sides of a map; weight [in, out, k, k], k odd.
public final class Upconv2d {
    public let weight: Tensor
    public let bias: Tensor?
    private let kernel: Int

    public init(
        _ scope: Scope, in inputs: Int, out outputs: Int, kernel: Int, bias hasBias: Bool = true,
        initializer: Initializer
    ) {
        precondition(kernel % 2 == 1, "a kernel of \(kernel)")
        self.kernel = kernel
        weight = scope.parameter("weight", [inputs, outputs, kernel, kernel], initializer, format: .channelsLast)
        bias = hasBias ? scope.parameter("bias", [outputs], .constant(0)) : nil
    }

    /// [N, in, h, w] → [N, out, 2·h, 2·w].
    public func callAsFunction(_ x: Tensor) -> Tensor {
        x.transposedConv2d(
            weight, bias: bias, stride: Extent(2), padding: Extent(kernel / 2), outputPadding: Extent(1))
    }
}

/// Fully connected layer; weight [out, in].
public final class Linear {
    public let weight: Tensor
    public let bias: Tensor?

    public init(
        _ scope: Scope, in inputs: Int, out outputs: Int, bias hasBias: Bool = true,
        initializer: Initializer = .torchDefault
    ) {
        weight = scope.parameter("weight", [outputs, inputs], initializer)
        let bound = 1 / Double(inputs).squareRoot()
        bias =
            hasBias
            ? scope.parameter("bias", [outputs], initializer == .torchDefault ? .uniform(bound: bound) : .constant(0))
            : nil
    }

    public func callAsFunction(_ x: Tensor) -> Tensor { x.linear(weight, bias: bias) }
}

/// Batch normalisation over N, H, W, or over N of [N, C] (Ioffe and Szegedy, 2015), with torch's momentum .1 and ε 1e-5.
public final class BatchNorm2d {
    /// ε, added to the variance.
    public static let epsilon = 1e-5
    /// Share of a batch in the running statistics.
    @TaskLocal private static var momentum = 0.1
    /// Parts of a batch that are normalised each by its own statistics.
    @TaskLocal private static var groupCount = 1
    /// Processes whose batches are normalised as one.
    @TaskLocal private static var processes: ProcessGroup?

    public let weight: Tensor
    public let bias: Tensor
    public let runningMean: Tensor
    public let runningVariance: Tensor
    private let batchesTracked: Tensor

    /// - Parameter isAffine: whether it has a trained scale and shift.
    public init(_ scope: Scope, _ channels: Int, initialWeight: Double = 1, isAffine: Bool = true) {
        if isAffine {
            weight = scope.parameter("weight", [channels], .constant(initialWeight))
            bias = scope.parameter("bias", [channels], .constant(0))
        } else {
            weight = Tensor.ones([channels], device: scope.device)
            bias = Tensor.zeros([channels], device: scope.device)
        }
        runningMean = scope.buffer("running_mean", Tensor.zeros([channels]))
        runningVariance = scope.buffer("running_var", Tensor.ones([channels]))
        batchesTracked = scope.buffer("num_batches_tracked", Tensor.zeros([], dtype: .int64))
    }

    /// Within `body`, each of so many equal, consecutive parts of a batch is normalised by its own statistics in training, as
    /// if each lay on a device of its own: a network can then not tell images from their neighbours' statistics (He et al.,
    /// CVPR 2020, section 3.3). Running statistics become means over the parts.
    public static func splitting<Result>(into groups: Int, _ body: () throws -> Result) rethrows -> Result {
        try $groupCount.withValue(groups, operation: body)
    }

    /// Within `body`, a batch in training has such a share in the running statistics: with 1/k for the k-th of several they become
    /// the mean over all of these.
    public static func weighing<Result>(_ share: Double, _ body: () throws -> Result) rethrows -> Result {
        try $momentum.withValue(share, operation: body)
    }

    /// Within `body`, the batches of all processes are normalised as one in training: by the statistics of all their images.
    ///
    /// - Parameter group: One that nothing else uses; nil leaves each process its own statistics.
    public static func synchronizing<Result>(over group: ProcessGroup?, _ body: () throws -> Result) rethrows -> Result
    {
        try $processes.withValue(group, operation: body)
    }

    /// What it does to a value of each channel in evaluation mode: scale · x + shift, both [C]. Gradients reach weight and
    /// bias.
    public var transform: (scale: Tensor, shift: Tensor) {
        let scale = weight / (runningVariance + Self.epsilon).sqrt()
        return (scale, bias - runningMean * scale)
    }

    /// Where libCTorch.so has it: normalisation in training with what follows, on the CPU.
    private static let fused = Operator(ifPresent: "detect::batch_norm")
    private static let synchronized = Operator("detect::sync_batch_norm")
    private static let fusedChannelStep = 16

    /// relu(normalised x + `other`), addition and ReLU on request.
    public func callAsFunction(_ x: Tensor, mode: Mode, adding other: Tensor? = nil, relu: Bool = false) -> Tensor {
        if mode == .train { withoutGradients { _ = batchesTracked.copy_(batchesTracked + 1) } }
        let groups = mode == .train ? Self.groupCount : 1
        if groups == 1 { return normalize(x, mode: mode, momentum: Self.momentum, adding: other, relu: relu) }
        precondition(x.size(0) % groups == 0, "a batch of \(x.size(0)) does not split into \(groups) parts")
        // So much for each that all together weigh as one batch.
        let momentum = 1 - pow(1 - Self.momentum, 1 / Double(groups))
        let (parts, others) = (x.split(x.size(0) / groups), other?.split(x.size(0) / groups))
        return Tensor.cat(
            parts.indices.map {
                normalize(parts[$0], mode: mode, momentum: momentum, adding: others?[$0], relu: relu)
            })
    }

    private func normalize(_ x: Tensor, mode: Mode, momentum: Double, adding other: Tensor?, relu: Bool) -> Tensor {
        if mode == .train, let group = Self.processes, group.size > 1, group.failure == nil {
            do throws(TorchError) {
                let y = try Self.synchronized.call(
                    [
                        .tensor(x), .tensor(weight), .tensor(bias), .tensor(runningMean), .tensor(runningVariance),
                        .double(momentum), .double(Self.epsilon), .string(group.name),
                    ], 1)[0]!
                return y.finished_(adding: other, relu: relu)
            } catch {
                group.note(error)
            }
        }
        if mode == .train, x.device.kind == .cpu, x.rank == 4, x.count > 0, x.dtype == .float32 || x.dtype == .bfloat16,
            x.size(1) % Self.fusedChannelStep == 0, let fused = Self.fused
        {
            return fused(
                .tensor(x), .tensor(weight), .tensor(bias), .tensor(runningMean), .tensor(runningVariance),
                .double(momentum), .double(Self.epsilon), .optional(other), .bool(relu))
        }
        return x.batchNorm(
            weight: weight, bias: bias, runningMean: runningMean, runningVariance: runningVariance,
            training: mode == .train, momentum: momentum, epsilon: Self.epsilon
        ).finished_(adding: other, relu: relu)
    }
}

/// Dropout whose mask comes from a generator that a checkpoint can keep, on the device of what it is applied to.
public final class Dropout {
    public let probability: Double
    private let generator: Generator

    public init(_ probability: Double, generator: Generator) {
        self.probability = probability
        self.generator = generator
    }

    public func callAsFunction(_ x: Tensor, mode: Mode) -> Tensor {
        mode == .train && probability > 0 ? x.dropout(probability, generator) : x
    }
}

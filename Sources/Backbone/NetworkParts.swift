public import Support
public import Torch

/// A network that sees some channels of the input alone, and how wide it is.
public struct NetworkPart: Hashable, Sendable {
    /// Of the three.
    public var inputs: Range<Int>
    /// What the channels of every layer are divided by.
    public var divisor: Int

    /// All of it.
    public static let whole = NetworkPart(inputs: 0..<3, divisor: 1)
    /// Full width, for the first channel alone: the lightness of Lab.
    public static let lightness = NetworkPart(inputs: 0..<1, divisor: 1)
    /// Two halves side by side: one sees the lightness of Lab, the other its colours.
    public static let halves = [
        NetworkPart(inputs: 0..<1, divisor: 2), NetworkPart(inputs: 1..<3, divisor: 2),
    ]
}

/// Networks that see different channels of the input and never meet before their features, and the one network that they make
/// up: their channels side by side, block-diagonal kernels, statistics of batch norm one after the other (Zhang, Isola, Efros,
/// Split-Brain Autoencoders, CVPR 2017; Tian, Krishnan, Isola, CMC, 2019).
///
/// The whole has torchvision's names and shapes, and its layers give what those of the parts give side by side: it serves
/// probes and detectors like any other. Between the parts it has zeros, which fine-tuning may train.
public final class NetworkParts {
    public let networks: [any Network]
    private let parts: [NetworkPart]
    private let names: [String]
    private let config: NetworkConfig
    private let parameters: Parameters
    private let device: Device

    /// Registers the parameters of each part under its name in `scope`.
    ///
    /// - Parameters:
    ///   - config: Of the whole.
    ///   - parts: With their names, in the order of the channels they see.
    public init(_ scope: Scope, _ config: NetworkConfig, _ parts: [(name: String, part: NetworkPart)]) {
        precondition(scope.path.isEmpty && config.classes == nil, "parts lie at the root and have no classes")
        self.config = config
        self.parts = parts.map(\.part)
        names = parts.map(\.name)
        networks = parts.map { name, part in
            var own = config
            own.part = part
            return own.makeNetwork(scope / name)
        }
        parameters = scope.parameters
        device = scope.device
    }

    /// The channels of images [N, 3, H, W] that each part sees.
    public func inputs(_ images: Tensor) -> [Tensor] {
        parts.map { images.narrow(1, $0.inputs.lowerBound, $0.inputs.count).contiguous(.channelsLast) }
    }

    /// The whole with the parts' parameters as they are now, copied.
    public func joined() -> (network: any Network, parameters: Parameters) {
        let scope = Scope(seed: 0, device: device)
        let network = config.makeNetwork(scope)
        withoutGradients {
            for entry in scope.parameters.entries {
                let own = names.map { parameters["\($0).\(entry.name)"]!.detach() }
                if entry.tensor.rank == 0 {
                    entry.tensor.copy_(own[0])
                    continue
                }
                entry.tensor.fill_(0)
                for (block, tensor) in zip(blocks(of: entry.tensor, like: own.map(\.shape)), own) {
                    block.copy_(tensor)
                }
            }
        }
        return (network, scope.parameters)
    }

    /// The tensors of a whole under the parts' names; those that do not fit are left as they are.
    ///
    /// - Throws: `InputError` naming the file when it joins what the parts keep apart.
    public func split(_ weights: [String: Tensor], from file: String) throws(InputError) -> [String: Tensor] {
        var result: [String: Tensor] = [:]
        for (name, tensor) in weights {
            let own = names.compactMap { parameters["\($0).\(name)"]?.shape }
            guard own.count == names.count, fits(tensor.shape, own) else {
                result[name] = tensor
                continue
            }
            if tensor.rank == 0 {
                for part in names { result["\(part).\(name)"] = tensor }
                continue
            }
            let blocks = blocks(of: tensor, like: own)
            // Ones where the blocks are: what is elsewhere must be zero.
            let inside = Tensor.zeros(tensor.shape)
            for block in self.blocks(of: inside, like: own) { block.fill_(1) }
            let outside = tensor.to(dtype: .float32).abs().maskedFill(inside.greater(0), 0)
            guard outside.count == 0 || outside.max().item == 0 else {
                throw InputError(
                    file, "has values in \(name) outside the parts that see different channels",
                    remedy: "use weights of the same method")
            }
            for (part, block) in zip(names, blocks) { result["\(part).\(name)"] = block }
        }
        return result
    }

    /// Where the parts' tensors lie in one of the whole: one behind the other along the outputs, and along the inputs.
    private func blocks(of whole: Tensor, like shapes: [[Int]]) -> [Tensor] {
        var (row, column) = (0, 0)
        return shapes.map { shape in
            defer { (row, column) = (row + shape[0], column + (shape.count > 1 ? shape[1] : 0)) }
            let rows = whole.narrow(0, row, shape[0])
            return shape.count > 1 ? rows.narrow(1, column, shape[1]) : rows
        }
    }

    /// Whether tensors of these shapes can be blocks of one of that shape.
    private func fits(_ whole: [Int], _ shapes: [[Int]]) -> Bool {
        guard let first = shapes.first, shapes.allSatisfy({ $0.count == whole.count }) else { return false }
        if whole.isEmpty { return true }
        return shapes.reduce(0) { $0 + $1[0] } == whole[0] && first.dropFirst(2) == whole.dropFirst(2)
            && (whole.count == 1 || shapes.reduce(0) { $0 + $1[1] } <= whole[1])
    }
}

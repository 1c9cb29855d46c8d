public import Support

/// The named tensors of a model, in the order in which its layers registered them.
///
/// Names are torchvision's (`layer1.0.bn1.running_mean`), so a weight file needs no converter.
public final class Parameters {
    public struct Entry {
        public let name: String
        public let tensor: Tensor
        /// A statistic that is saved with the model but not trained.
        public let isBuffer: Bool

        public init(name: String, tensor: Tensor, isBuffer: Bool) {
            self.name = name
            self.tensor = tensor
            self.isBuffer = isBuffer
        }
    }

    public private(set) var entries: [Entry] = []
    private var positions: [String: Int] = [:]

    public init() {}

    func register(_ name: String, _ tensor: Tensor, isBuffer: Bool) {
        precondition(positions[name] == nil, "two parameters are named \(name)")
        positions[name] = entries.count
        entries.append(Entry(name: name, tensor: tensor, isBuffer: isBuffer))
    }

    public subscript(name: String) -> Tensor? { positions[name].map { entries[$0].tensor } }

    /// The trained tensors with their names.
    public var trainable: [Entry] { entries.filter { !$0.isBuffer && $0.tensor.requiresGradient } }

    /// Means and variances that batch norm keeps.
    public var runningStatistics: [Tensor] {
        entries.filter { $0.isBuffer && $0.tensor.dtype == .float32 }.map(\.tensor)
    }

    /// Number of values in parameters, buffers not counted.
    public var valueCount: Int { entries.reduce(0) { $0 + ($1.isBuffer ? 0 : $1.tensor.count) } }

    /// Stops gradients for every parameter whose name begins with one of the prefixes.
    public func freeze(_ prefixes: [String]) {
        for entry in entries where !entry.isBuffer && prefixes.contains(where: { entry.name.hasPrefix($0) }) {
            entry.tensor.requiresGradient = false
        }
    }

    /// What happened to each name when weights were loaded.
    public struct LoadReport: Sendable, Hashable {
        public var loaded: [String] = []
        /// The model has it, the file does not.
        public var missing: [String] = []
        /// The file has it, the model does not.
        public var unexpected: [String] = []
        /// In both, with different shapes.
        public var mismatched: [String] = []
    }

    /// Copies tensors of equal name and shape into the model, and says what did not fit.
    ///
    /// - Throws: `InputError` naming the file when one of them could not be used (`WeightCheck`).
    @discardableResult
    public func load(_ source: [String: Tensor], from file: String) throws(InputError) -> LoadReport {
        var check = WeightCheck()
        for entry in entries {
            if let value = source[entry.name], value.shape == entry.tensor.shape { check.examine(entry.name, value) }
        }
        try check.require(in: file)
        var report = LoadReport()
        withoutGradients {
            for entry in entries {
                guard let value = source[entry.name] else {
                    // Old files lack this counter, and nothing here depends on it.
                    if !entry.name.hasSuffix("num_batches_tracked") { report.missing.append(entry.name) }
                    continue
                }
                if value.shape == entry.tensor.shape {
                    entry.tensor.copy_(value)
                    report.loaded.append(entry.name)
                } else {
                    report.mismatched.append("\(entry.name) \(value.shape), expected \(entry.tensor.shape)")
                }
            }
        }
        report.unexpected = source.keys.filter { positions[$0] == nil }.sorted()
        return report
    }

    /// Copies every tensor; throws naming the file and the first names that do not fit, or cannot be used.
    public func loadExactly(_ source: [String: Tensor], from file: String) throws(InputError) {
        let report = try load(source, from: file)
        let problems =
            report.missing.map { "\($0) is missing" } + report.mismatched
            + report.unexpected.map { "\($0) is unexpected" }
        if let first = problems.first {
            throw InputError(
                file,
                "does not hold this model: \(first)" + (problems.count > 1 ? " and \(problems.count - 1) more" : ""),
                remedy: "check the architecture")
        }
    }
}

/// A place in a model's tree of names, through which layers register their tensors: `scope / "layer1" / "0"`.
public struct Scope {
    public let parameters: Parameters
    public let path: String
    public let device: Device
    /// Draws initial values, on the CPU so that every device starts from the same ones.
    public let generator: Generator
    /// Draws what training needs anew in each step, such as the masks of dropout, on the device; on the CPU the same.
    public let trainingGenerator: Generator

    /// The root of a new model whose initial values follow from `seed`.
    public init(seed: UInt64, device: Device = .cpu, parameters: Parameters = Parameters()) {
        self.parameters = parameters
        self.path = ""
        self.device = device
        generator = Generator(seed: seed)
        trainingGenerator = device == .cpu ? generator : Generator(seed: seed, device: device)
    }

    private init(parent: Scope, name: String) {
        parameters = parent.parameters
        path = parent.path.isEmpty ? name : "\(parent.path).\(name)"
        device = parent.device
        generator = parent.generator
        trainingGenerator = parent.trainingGenerator
    }

    public static func / (scope: Scope, name: String) -> Scope { Scope(parent: scope, name: name) }
    public static func / (scope: Scope, index: Int) -> Scope { scope / String(index) }

    /// A trained tensor.
    ///
    /// - Parameter format: how its values lie in memory, and with them its gradient and what the optimiser keeps.
    public func parameter(
        _ name: String, _ shape: [Int], _ initializer: Initializer, format: MemoryFormat = .contiguous
    ) -> Tensor {
        let tensor = initializer(shape, generator).contiguous(format).to(device: device)
        tensor.requiresGradient = true
        parameters.register((self / name).path, tensor, isBuffer: false)
        return tensor
    }

    /// A tensor that is saved with the model but not trained.
    public func buffer(_ name: String, _ initial: Tensor) -> Tensor {
        let tensor = initial.to(device: device)
        parameters.register((self / name).path, tensor, isBuffer: true)
        return tensor
    }
}

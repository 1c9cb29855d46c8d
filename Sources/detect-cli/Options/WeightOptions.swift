internal import Backbone
internal import Experiments
internal import Support

/// `--weights FILE|random`, and what random ones need.
struct WeightOptions {
    let weights: Option<String?>
    private let architecture: Option<Architecture?>
    private let stem: Option<Stem>
    private let takesArchitecture: Bool

    /// - Parameters:
    ///   - default: The weights when none are given; nil when they must be.
    ///   - takesArchitecture: Whether `--arch` beside a file is checked against it, rather than refused.
    init(
        _ parser: ArgumentParser, default fallback: String? = nil, takesArchitecture: Bool = false
    ) {
        self.takesArchitecture = takesArchitecture
        fallbackName = fallback
        weights = parser.optional(
            "weights", "FILE", "safetensors or a .pth of PyTorch, or \"\(WeightSource.random)\"",
            shown: fallback ?? "")
        architecture = parser.optionalChoice(
            "arch", "the network", shown: takesArchitecture ? "what the weights hold" : "")
        stem = parser.choice("stem", "how a ResNet takes its input in, for random weights", default: .imagenet)
    }

    private let fallbackName: String?

    var isGiven: Bool { weights.isGiven }

    /// Whether random weights were chosen, or none where that means these.
    var isRandom: Bool { weights.value ?? fallbackName == WeightSource.random }

    /// What `--arch` says; nil where it says nothing.
    var knownArchitecture: Architecture? { architecture.value }

    /// What was chosen.
    func source() throws(UsageError) -> WeightSource {
        guard let name = weights.value ?? fallbackName else {
            throw UsageError("--weights is missing", remedy: "give a weight file, or --weights random --arch NAME")
        }
        guard name == WeightSource.random else {
            if architecture.isGiven, !takesArchitecture {
                throw UsageError(
                    "--arch is only for random weights", remedy: "leave it out: the weight file says what it holds")
            }
            return .file(name)
        }
        guard let architecture = architecture.value else {
            throw UsageError("--arch is missing", remedy: "random weights need --arch NAME")
        }
        try stem.value.require(in: architecture)
        return .random(architecture, stem: stem.value)
    }

    /// The same, opened; throws when a file holds another network than `--arch` says.
    func open() throws -> StartingWeights {
        let start = try source().open()
        let found = start.description.config.architecture
        if let wanted = architecture.value, wanted != found {
            throw InputError(
                start.source.name, "holds \(found.rawValue), not \(wanted.rawValue)",
                remedy: "correct --arch or leave it out")
        }
        return start
    }
}

extension Stem {
    /// Throws when the network does not come with this stem.
    func require(in architecture: Architecture) throws(UsageError) {
        if self == .cifar, !architecture.isResidual {
            throw UsageError("\(architecture.rawValue) has no CIFAR stem", remedy: "use a ResNet, or leave --stem out")
        }
    }
}

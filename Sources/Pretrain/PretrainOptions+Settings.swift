public import Backbone
public import Support
internal import Imaging
internal import Training

extension PretrainOptions {
    /// What a run begins with: the recipe, with what the architecture asks for.
    public init(_ architecture: Architecture, _ objective: Objective, recipe name: PretrainRecipe.Name) {
        var recipe = PretrainRecipe.named(name)
        if !architecture.isResidual {
            recipe.stem = .imagenet
            // Without batch norm the sum over thousands of noise images blows the weights up within a few steps.
            recipe.optimization.gradientClip = 1
        }
        self.init(architecture: architecture, objective: objective, recipe: recipe)
    }

    /// Every setting beside architecture and objective, under headings.
    public static var settings: [(title: String, rows: [Setting<PretrainOptions>])] {
        [
            (
                "Instance discrimination",
                InstanceSettings.settings.map { $0.lifted(to: \.recipe.instance).within(.instance) }
            ),
            (
                "Training",
                PretrainRecipe.lengthSettings.map { $0.lifted(to: \.recipe) }
                    + Optimization.settings.map { $0.lifted(to: \.recipe.optimization) }
                    + [
                        .value(
                            "image-size", "N", "side of the training crops in pixels", \.recipe.imageSize,
                            .between(8, 4096)),
                        .choice("stem", "how a ResNet takes its input in", \.recipe.stem).with(.residual),
                    ] + Augmentation.settings.map { $0.lifted(to: \.recipe.augmentation) }
            ),
        ]
    }

    /// The same without the headings.
    public static var rows: [Setting<PretrainOptions>] { settings.flatMap(\.rows) }
}

extension InstanceSettings {
    /// Every setting of the method, as options and in `config.json`.
    static var settings: [Setting<InstanceSettings>] {
        [
            .choice("loss", "noise-contrastive estimation, or the full softmax over all images", \.loss),
            .value("negatives", "M", "noise images a sample", \.negatives, .between(1, 1 << 24)).with(.noise),
            .choice(
                "negatives-mode", "noise images for each sample, or the same for the whole batch", \.negativesMode
            ).with(.noise),
            .flag("exclude-positive", "keep an image from being drawn as its own noise", \.excludesPositive).with(
                .noise),
        ] + partitionSettings + [
            .value("temperature", "T", "divides the similarities", \.temperature, .above(0)),
            .value("dim", "D", "dimensions of the embedding", \.dimension, .between(1, 65536)),
            .value(
                "bank-momentum", "m", "share of the old row in an update of the memory bank", \.bankMomentum,
                Requirement("of at least 0 and below 1; 1 would never update the memory bank, 0 replaces rows") {
                    (0..<1).contains($0)
                }),
            .choice("bank-storage", "how the memory bank is kept; bf16 takes half the memory", \.bankStorage),
            .value("proximal", "λ", "weight of the proximal term", \.proximal, .atLeast(0)),
        ]
    }

    /// Z: how it is estimated, recorded as one.
    private static var partitionSettings: [Setting<InstanceSettings>] {
        typealias Method = PartitionEstimate.Method
        let kinds = ["frozen", "ema"]
        let (batches, decay) = (Requirement<Int>.atLeast(1), Requirement<Double>.between(0, 1))
        return [
            Setting(
                "z", kinds.joined(separator: "|"),
                "Z: the mean over the first batches, then constant; or a moving average",
                key: "z", choices: kinds, expected: "one of \(kinds.joined(separator: ", "))", role: .noise,
                set: { settings, text in
                    switch text {
                    case "frozen": settings.partition = .frozen(batches: 1)
                    case "ema": settings.partition = .movingAverage(decay: 0.99)
                    default: return false
                    }
                    return true
                }, text: { $0.partition.isFrozen ? "frozen" : "ema" }, json: { $0.partition.json }),
            Setting(
                "z-batches", "N", "batches that a frozen Z is measured on", key: nil, expected: batches.expected,
                role: .partition(isFrozen: true, "with a moving average"),
                set: { settings, text in
                    guard let count = batches.value(text) else { return false }
                    if settings.partition.isFrozen { settings.partition = .frozen(batches: count) }
                    return true
                },
                text: { if case .frozen(let batches) = $0.partition { batches.argument } else { "none" } },
                json: { _ in .null }),
            Setting(
                "z-decay", "D", "share of the old Z in a moving average", key: nil, expected: decay.expected,
                role: .partition(isFrozen: false, "without --z ema"),
                set: { settings, text in
                    guard let share = decay.value(text) else { return false }
                    if !settings.partition.isFrozen { settings.partition = .movingAverage(decay: share) }
                    return true
                },
                text: {
                    if case .movingAverage(let decay) = $0.partition {
                        decay.argument
                    } else {
                        "0.99 of a moving average"
                    }
                },
                json: { _ in .null }),
        ]
    }
}

extension PartitionEstimate.Method {
    fileprivate var isFrozen: Bool { if case .frozen = self { true } else { false } }
}

extension SettingRole<InstanceSettings> {
    /// Of noise-contrastive estimation.
    fileprivate static var noise: SettingRole {
        SettingRole { settings in
            settings.loss == .nce
                ? nil : ("with the full softmax, which draws no noise", "leave it out, or give --loss nce")
        }
    }

    fileprivate static func partition(isFrozen: Bool, _ reason: String) -> SettingRole {
        SettingRole { settings in
            noise.refusal(settings)
                ?? (settings.partition.isFrozen == isFrozen ? nil : (reason, "leave one of them out"))
        }
    }
}

extension SettingRole<PretrainOptions> {
    /// Of ResNets.
    fileprivate static var residual: SettingRole {
        SettingRole { options in
            options.architecture.isResidual || options.recipe.stem == .imagenet
                ? nil
                : ("for \(options.architecture.rawValue), which has no CIFAR stem", "use a ResNet, or leave it out")
        }
    }

    /// Of one method; what else the setting asks for comes after.
    fileprivate static func of(_ objective: Objective, _ inner: SettingRole?) -> SettingRole {
        SettingRole { options in
            options.objective == objective
                ? inner?.refusal(options)
                : ("with --objective \(options.objective.rawValue), which has no memory bank", "leave it out")
        }
    }
}

extension Setting<PretrainOptions> {
    fileprivate func within(_ objective: Objective) -> Setting { with(.of(objective, role)) }
}

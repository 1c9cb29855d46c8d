public import Support

extension PretrainRecipe {
    /// The settings of instance discrimination; its defaults in a recipe of another method.
    public var instance: InstanceSettings {
        get { own as? InstanceSettings ?? InstanceSettings() }
        set { own = newValue }
    }
}

extension InstanceSettings: MethodSettings {
    public static var settings: [Setting<PretrainOptions>] { rows.map(\.ofTraining) }

    static var rows: [Setting<InstanceSettings>] {
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

public import Support

extension Optimization {
    /// Every setting of an optimisation, as options and in `config.json`.
    public static var settings: [Setting<Optimization>] {
        [
            .value("lr", "RATE", "learning rate", \.learningRate, .above(0)),
            .choice("schedule", "how the learning rate falls", \.schedule),
            .value(
                "milestones", "E,E", "epochs at which the learning rate falls, or begins to fall exponentially",
                \.milestones
            ).with(.milestones),
            .value(
                "gamma", "F", "what it is multiplied by there, or exponentially up to the end", \.gamma, .above(0)
            ).with(.milestones),
            .value(
                "warmup", "E", "epochs in which the learning rate rises to its full value", \.warmUpEpochs, .atLeast(0),
                key: "warmup_epochs"),
            momentumSetting,
            .value("weight-decay", "W", "weight decay", \.weightDecay, .atLeast(0)),
            .choice("no-decay", "parameters left out of weight decay", \.decayExemption),
            .optional(
                "clip", "NORM", "largest norm of the gradient", \.gradientClip, .above(0), key: "gradient_clip"),
        ]
    }

    private static var momentumSetting: Setting<Optimization> {
        var row = Setting.value("momentum", "M", "momentum", \Optimization.momentum, .between(0, 1))
        row.role = SettingRole { $0.rule == .momentum ? nil : ("with Adam", "leave it out, or use --beta1") }
        row.isOffered = { $0.rule == .momentum }
        return row
    }

    /// Those of trainings by Adam.
    public static var adamSettings: [Setting<Optimization>] {
        let share = Requirement<Double>("of at least 0 and below 1") { $0 >= 0 && $0 < 1 }
        return [
            .value("beta1", "B", "what each step leaves of Adam's mean of gradients", \.beta1, share),
            .value("beta2", "B", "what each step leaves of Adam's mean of their squares", \.beta2, share),
        ]
    }

    /// Whether momentum looks ahead (Nesterov's form).
    public static var nesterovSetting: Setting<Optimization> {
        Setting(
            "nesterov", "on|off", "whether momentum looks ahead", key: "nesterov", choices: ["on", "off"],
            expected: "one of on, off",
            set: { optimization, text in
                guard ["on", "off"].contains(text) else { return false }
                optimization.isNesterov = text == "on"
                return true
            }, text: { $0.isNesterov ? "on" : "off" }, json: { .bool($0.usesNesterov) })
    }

    /// Some of them, in the order of all.
    public static func settings(_ names: Set<String>) -> [Setting<Optimization>] {
        settings.filter { names.contains($0.name) }
    }
}

extension SettingRole<Optimization> {
    static var milestones: SettingRole {
        SettingRole { optimization in
            optimization.schedule.hasMilestones
                ? nil : ("without --schedule step or exponential", "leave one of them out")
        }
    }
}

/// A training over epochs.
public protocol EpochRecipe {
    var epochs: Int { get set }
    /// Images a step.
    var batch: Int { get set }
    var optimization: Optimization { get set }
}

extension EpochRecipe {
    /// A shorter or longer run with a schedule of the same shape.
    public mutating func stretch(toEpochs count: Int) {
        optimization.stretch(from: epochs, to: count)
        epochs = count
    }

    /// Epochs and batch; they come before the settings of the optimisation, whose milestones epochs change.
    public static var lengthSettings: [Setting<Self>] {
        let positive = Requirement<Int>.atLeast(1)
        return [
            Setting(
                "epochs", "N", "passes over the data; milestones keep their share of them", key: "epochs",
                expected: positive.expected,
                set: { recipe, text in
                    guard let epochs = positive.value(text) else { return false }
                    recipe.stretch(toEpochs: epochs)
                    return true
                }, text: { $0.epochs.argument }, json: { $0.epochs.json }),
            .value("batch", "N", "images a step", \.batch, .between(2, 65536)),
        ]
    }
}

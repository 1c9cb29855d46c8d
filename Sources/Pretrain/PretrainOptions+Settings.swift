public import Backbone
public import Support
internal import Imaging
internal import Training

extension PretrainOptions {
    /// What a run begins with: the method's recipe, with what the architecture asks for.
    public init(_ architecture: Architecture, _ method: MethodName, recipe name: PretrainRecipe.Name) {
        var recipe = method.method.recipe(name)
        if !architecture.isResidual {
            recipe.stem = .imagenet
            // Without batch norm the sum over thousands of noise images blows the weights up within a few steps; not those
            // of Adam, whose steps have a length of their own.
            let isNormalized = architecture == .alexnet && recipe.alexNet.isNormalized
            if !isNormalized, recipe.optimization.rule == .momentum { recipe.optimization.gradientClip = 1 }
        }
        self.init(architecture: architecture, method: method, recipe: recipe)
    }

    /// Every setting beside architecture and method, under headings.
    public static var settings: [(title: String, rows: [Setting<PretrainOptions>])] {
        [
            ("Method", methodRows),
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

    /// What the methods have of their own. Several may have a setting of one name, each with its own meaning of it.
    private static var methodRows: [Setting<PretrainOptions>] {
        let all = MethodName.allCases.flatMap { name in name.method.settings.map { (name, $0) } }
        return all.map(\.1.name).distinct.map { name in
            .shared(Dictionary(uniqueKeysWithValues: all.filter { $0.1.name == name }))
        }
    }
}

extension Setting<PretrainOptions> {
    /// One row for the settings of one name that several methods have.
    fileprivate static func shared(_ rows: [MethodName: Setting<PretrainOptions>]) -> Setting<PretrainOptions> {
        let first = MethodName.allCases.lazy.compactMap { rows[$0] }.first!
        var row = Setting(
            first.name, first.metavar, first.help, key: first.key, choices: first.choices, expected: first.expected,
            role: SettingRole { options in
                guard let own = rows[options.method] else {
                    let others = MethodName.allCases.filter { rows[$0] != nil }.map(\.rawValue)
                    return (
                        "with --method \(options.method.rawValue)",
                        "leave it out; it belongs to \(others.joined(separator: ", "))"
                    )
                }
                return own.role?.refusal(options)
            },
            // Of a method without it any value is as good as another: it is refused by its role.
            set: { options, text in rows[options.method]?.set(&options, text) ?? true },
            text: { options in rows[options.method]?.text(options) ?? "none" },
            json: { options in rows[options.method]?.json(options) ?? .null })
        row.isOffered = { rows[$0.method] != nil }
        return row
    }
}

extension SettingRole<PretrainOptions> {
    /// Of AlexNet.
    static var alexNet: SettingRole {
        SettingRole { options in
            options.architecture == .alexnet
                ? nil : ("for \(options.architecture.rawValue)", "use --arch alexnet, or leave it out")
        }
    }

    /// Of ResNets.
    fileprivate static var residual: SettingRole {
        SettingRole { options in
            options.architecture.isResidual || options.recipe.stem == .imagenet
                ? nil
                : ("for \(options.architecture.rawValue), which has no CIFAR stem", "use a ResNet, or leave it out")
        }
    }
}

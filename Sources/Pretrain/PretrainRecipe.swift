public import Backbone
public import Imaging
internal import Support
public import Training

/// The hyper-parameters of a published training, as one readable definition; every one can be overridden.
public struct PretrainRecipe: EpochRecipe, Sendable {
    public enum Name: String, CaseIterable, Sendable {
        /// The paper's, for ImageNet at 224 pixels.
        case imagenet
        /// For CIFAR-10 at 32 pixels.
        case cifar10
    }

    public var batch = 256
    public var epochs = 200
    public var optimization = Optimization(learningRate: 0.03, milestones: [120, 160], weightDecay: 1e-4)
    public var imageSize = 224
    public var stem = Stem.imagenet
    /// The form in which an AlexNet is trained.
    public var alexNet = TrainingForm()
    public var normalization = Normalization.imagenet
    public var augmentation = Augmentation(cropScale: 0.2, color: .init(grayscale: 0.2, jitter: 0.4))
    /// The settings of the method.
    public var own: any MethodSettings

    /// What most recipes for ImageNet share.
    init(_ own: any MethodSettings) { self.own = own }

    /// What most recipes for CIFAR-10 share.
    static func cifar(_ own: any MethodSettings) -> PretrainRecipe {
        var recipe = PretrainRecipe(own)
        recipe.batch = 128
        recipe.optimization.weightDecay = 5e-4
        recipe.imageSize = 32
        recipe.stem = .cifar
        recipe.normalization = .cifar10
        return recipe
    }

    /// The method's own settings by their type; traps for another method's.
    func settings<Settings: MethodSettings>(_: Settings.Type = Settings.self) -> Settings {
        guard let own = own as? Settings else { preconditionFailure("\(type(of: own)) are another method's settings") }
        return own
    }
}

extension Setting where Target: MethodSettings {
    /// The same of a training by the method; the method's defaults where it is another's.
    var ofTraining: Setting<PretrainOptions> {
        func own(_ options: PretrainOptions) -> Target { options.recipe.own as? Target ?? Target() }
        return Setting<PretrainOptions>(
            name, metavar, help, key: key, choices: choices, expected: expected,
            role: role.map { role in SettingRole { role.refusal(own($0)) } },
            set: { options, text in
                var settings = own(options)
                guard set(&settings, text) else { return false }
                options.recipe.own = settings
                return true
            }, text: { text(own($0)) }, json: { json(own($0)) })
    }
}

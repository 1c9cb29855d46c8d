public import Support

extension Augmentation {
    /// Every setting of crops, colours and mirroring.
    public static var settings: [Setting<Augmentation>] {
        [
            .value(
                "crop-scale", "S", "least share of the image that a random crop takes", \.cropScale, .between(0.01, 1)
            ).with(.randomCrops)
        ] + colorSettings + [.value("flip", "P", "probability of mirroring", \.flip, .between(0, 1))]
    }

    /// Those of trainings that leave colours alone.
    public static var plainSettings: [Setting<Augmentation>] {
        settings.filter { $0.name != "jitter" && $0.name != "grayscale" }
    }

    /// What methods that compare two views of an image have beside them.
    public static var viewSettings: [Setting<Augmentation>] {
        let share = Requirement<Double>.between(0, 1)
        return [
            .value(
                "jitter-probability", "P", "probability that the colours are changed at all",
                \.colorOrNone.jitterProbability, share),
            .optional(
                "hue", "S", "strength of the change of hue", \.colorOrNone.hue, .between(0, 0.5),
                whenNone: "as --jitter"),
            .optional(
                "saturation", "S", "strength of the change of saturation", \.colorOrNone.saturation, share,
                whenNone: "as --jitter"),
            .value("blur", "P", "probability of a Gaussian blur", \.blur, share),
            .value("solarize", "P", "probability of inverting bright samples", \.solarize, share),
        ]
    }

    /// What methods have whose images are to give no hint by their colours.
    public static var shortcutSettings: [Setting<Augmentation>] {
        let share = Requirement<Double>.between(0, 1)
        return [
            .value(
                "project-colors", "P", "probability of taking green against magenta out of the colours", \.projection,
                share),
            .value("drop-channels", "P", "probability of keeping one colour channel of three", \.channelDrop, share),
        ]
    }

    /// Black pixels around images that are shifted.
    public static var paddingSetting: Setting<Augmentation> {
        .value(
            "pad", "N", "pixels by which images are shifted in place of crops of random size; 0 for such crops",
            \.padding,
            .between(0, 4096))
    }

    /// How far images are turned.
    public static var rotationSetting: Setting<Augmentation> {
        .value("turn", "DEG", "degrees by which images are turned at most", \.rotation, .between(0, 180))
    }

    private static var colorSettings: [Setting<Augmentation>] {
        [
            .value(
                "jitter", "S", "strength of the random changes of colour", \.colorOrNone.jitter, .between(0, 1)),
            .value(
                "grayscale", "P", "probability of taking the colour away", \.colorOrNone.grayscale, .between(0, 1)),
        ]
    }

    private var colorOrNone: Color {
        get { color ?? Color(grayscale: 0, jitter: 0) }
        set { color = newValue }
    }
}

extension SettingRole<Augmentation> {
    fileprivate static var randomCrops: SettingRole {
        SettingRole { augmentation in
            augmentation.framing == .randomResizedCrop
                ? nil : ("where images are not cropped at random sizes", "leave it out")
        }
    }
}

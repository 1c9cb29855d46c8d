public import Support

extension Augmentation {
    /// Every setting of crops and mirroring, and those of colour.
    public static var settings: [Setting<Augmentation>] {
        [
            .value(
                "crop-scale", "S", "least share of the image that a random crop takes", \.cropScale, .between(0.01, 1))
        ] + colorSettings + [.value("flip", "P", "probability of mirroring", \.flip, .between(0, 1))]
    }

    /// Those of trainings that leave colours alone.
    public static var plainSettings: [Setting<Augmentation>] {
        settings.filter { $0.name != "jitter" && $0.name != "grayscale" }
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

public import Support

/// How much of everything the demo does; the size alone decides its figures.
public enum DemoSize: String, CaseIterable, Sendable {
    /// Seconds: shows that everything runs, and nothing else.
    case tiny
    case small
    case medium
    case large

    /// The sizes that a trial decides between, smallest first.
    public static let offered: [DemoSize] = [.small, .medium, .large]

    var settings: DemoSettings {
        switch self {
        case .tiny:
            DemoSettings(
                classificationImages: 8, validationImages: 4, instanceEpochs: 1, supervisedEpochs: 1, scenes: 24,
                testScenes: 4, iterations: 6)
        case .small:
            DemoSettings(
                classificationImages: 100, validationImages: 30, instanceEpochs: 25, supervisedEpochs: 8, scenes: 450,
                testScenes: 90, iterations: 450)
        case .medium:
            DemoSettings(
                classificationImages: 100, validationImages: 30, instanceEpochs: 50, supervisedEpochs: 12, scenes: 600,
                testScenes: 120, iterations: 900)
        case .large:
            DemoSettings(
                classificationImages: 200, validationImages: 60, instanceEpochs: 150, supervisedEpochs: 30,
                scenes: 1200, testScenes: 240, iterations: 3000)
        }
    }
}

/// The numbers behind a size.
struct DemoSettings {
    /// Single objects of each class that are trained on, and those that are classified.
    var classificationImages: Int
    var validationImages: Int
    var instanceEpochs: Int
    var supervisedEpochs: Int
    /// Scenes of all splits together: four fifths are trained on.
    var scenes: Int
    /// Scenes of the last fifth that are tested on.
    var testScenes: Int
    /// Steps of fine-tuning.
    var iterations: Int

    static let classes = 10

    var objects: Int { Self.classes * (classificationImages + validationImages) }
    var trainScenes: Int { scenes * 4 / 5 }
}

/// How a demo comes to its size.
public enum DemoChoice: Hashable, Sendable {
    case given(DemoSize)
    /// The largest that a short trial expects to end in time.
    case within(minutes: Double)
}

/// The size that was taken, and why.
public struct DemoDecision: Sendable {
    public var size: DemoSize
    public var reason: String
    /// Expected by the trial; nil where there was none.
    public var seconds: Double?
    var trial: DemoTrial?

    /// The largest size that a trial expects to end in time, or the smallest there is.
    init(_ trial: DemoTrial, batch: Int, minutes: Double) {
        let expected = DemoSize.offered.map { ($0, trial.seconds($0.settings, batch: batch)) }
        let best = expected.last { $0.1 <= 60 * minutes } ?? expected[0]
        size = best.0
        seconds = best.1
        self.trial = trial
        let times = expected.map { "\($0.0.rawValue) \($0.1.fixed(0)) s" }.joined(separator: ", ")
        reason =
            (best.1 <= 60 * minutes ? "the largest within" : "the smallest there is, though over")
            + " \(minutes.shortest) minutes: a trial expects \(times)"
    }

    public init(_ size: DemoSize, reason: String) {
        self.size = size
        self.reason = reason
    }

    public var json: JSON {
        [
            "size": .string(size.rawValue), "reason": .string(reason),
            "expected_seconds": seconds.map { .number($0) } ?? .null,
            "trial": trial.map {
                [
                    "pretraining_step_ms": .number(1000 * $0.pretraining),
                    "finetuning_step_ms": .number(1000 * $0.fineTuning),
                ]
            } ?? .null,
        ]
    }
}

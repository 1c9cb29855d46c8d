internal import Datasets
internal import Imaging
internal import Pretrain
public import Support

/// One setting of pretraining and the values it takes: "negatives=64,512".
public struct Sweep: Hashable, Sendable {
    public enum Setting: String, CaseIterable, Sendable {
        case negatives, dim, images, temperature
        case bankMomentum = "bank-momentum"
        case proximal
    }

    public let setting: Setting
    public let values: [Double]

    /// nil for values that the setting cannot have, and for one that is given twice.
    public init?(_ setting: Setting, _ values: [Double]) {
        let isAllowed = values.allSatisfy { value in
            switch setting {
            case .negatives, .dim, .images: value >= 1 && value == value.rounded() && value < 1e9
            case .temperature: value > 0
            case .bankMomentum: (0..<1).contains(value)
            case .proximal: value >= 0
            }
        }
        guard isAllowed, !values.isEmpty, Set(values).count == values.count else { return nil }
        self.setting = setting
        self.values = values
    }
}

/// Trains once for each value of a setting, all else being equal, and compares: loss, kNN accuracy, speed.
public struct SweepRun {
    public let sweep: Sweep
    /// What all runs share; its folder receives one folder a value.
    public let base: PretrainRun

    public init(_ sweep: Sweep, base: PretrainRun) {
        self.sweep = sweep
        self.base = base
    }

    /// What the runs came to, in the order of the values.
    public struct Outcome: Sendable {
        public var setting: Sweep.Setting
        public var runs: [(value: Double, outcome: PretrainRun.Outcome)]
        /// The picture file.
        public var picture: String

        /// For people.
        public var table: String {
            let header = [setting.rawValue, "kNN top-1 %", "loss", "images/s"]
            let lines = runs.map { value, outcome in
                [
                    value.shortest, outcome.knn.map { (100 * $0.top1).fixed(1) } ?? "–",
                    outcome.loss?.fixed(4) ?? "–", outcome.imagesPerSecond.fixed(1),
                ]
            }
            return textTable([header] + lines) + "\n" + (runs[0].outcome.knn?.protocolText ?? "")
        }

        public var json: JSON {
            [
                "setting": .string(setting.rawValue),
                "runs": .array(
                    runs.map { .object([.init("value", .number($0.value))] + ($0.outcome.json.members ?? [])) }),
                "protocol": runs[0].outcome.knn.map { .string($0.protocolText) } ?? .null,
            ]
        }
    }

    /// Why these runs could not be compared; nil when they can.
    public var refusal: (problem: String, remedy: String)? {
        guard base.options.objective == .instance, base.data.classes.count > 1, base.knnEvery > 0 else {
            return (
                "a sweep compares kNN accuracies of instance discrimination",
                "choose that objective, labelled data and a kNN probe while it runs"
            )
        }
        if sweep.setting == .negatives, base.options.recipe.instance.loss == .softmax {
            return ("a sweep of negatives has no meaning with the full softmax", "choose noise-contrastive estimation")
        }
        return nil
    }

    /// Trains what is missing; runs that are complete are only read, when `base` resumes.
    ///
    /// - Parameter announce: Receives the name of each run before it starts.
    public func callAsFunction(announce: (String) -> Void = { _ in }) throws -> Outcome {
        if let refusal { throw InputError(base.folder, refusal.problem, remedy: refusal.remedy) }
        try Files.makeFolder(base.folder)
        let runs = try sweep.values.map { value in
            announce("\(sweep.setting.rawValue) = \(value.shortest)")
            var run = base
            run.folder = "\(base.folder)/\(sweep.setting.rawValue)-\(value.shortest)"
            run.resume = base.resume && Files.exists(run.folder)
            apply(value, to: &run)
            return (value: value, outcome: try run())
        }
        let outcome = Outcome(setting: sweep.setting, runs: runs, picture: "\(base.folder)/sweep.png")
        try plot(outcome).render().write(to: outcome.picture)
        try Files.writeAtomically(outcome.json.pretty, to: "\(base.folder)/sweep.json")
        return outcome
    }

    private func apply(_ value: Double, to run: inout PretrainRun) {
        switch sweep.setting {
        case .negatives: run.options.recipe.instance.negatives = Int(value)
        case .dim: run.options.recipe.instance.dimension = Int(value)
        case .temperature: run.options.recipe.instance.temperature = value
        case .bankMomentum: run.options.recipe.instance.bankMomentum = value
        case .proximal: run.options.recipe.instance.proximal = value
        case .images:
            // Evenly spaced, so that every class keeps its share.
            let (count, all) = (min(Int(value), base.data.count), base.data.count)
            run.data = base.data.subset((0..<count).map { $0 * all / count })
        }
    }

    /// Bars, because the values of a sweep are seldom evenly spaced.
    private func plot(_ outcome: Outcome) -> BarPlot {
        BarPlot(
            title: "kNN accuracy by \(sweep.setting.rawValue)", yLabel: "top-1 %",
            groups: sweep.values.map(\.shortest),
            series: [.init("", outcome.runs.map { 100 * ($0.outcome.knn?.top1 ?? .nan) })])
    }
}

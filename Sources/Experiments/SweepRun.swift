internal import Graphics
internal import Datasets
internal import Backbone
internal import Imaging
internal import Pretrain
public import Reporting
public import Support

/// One setting of pretraining and the numbers it takes: "negatives=64,512".
public struct Sweep: OptionValue, Hashable, Sendable {
    /// Any setting with a number, or `images`.
    public let setting: String
    public let values: [Double]

    /// So many of the training images.
    private static let images = "images"

    /// nil for what is no setting with a number, for values that it cannot have, and for one that is given twice.
    public init?(argument: String) {
        let parts = argument.split(separator: "=", omittingEmptySubsequences: false)
        guard parts.count == 2, let values = [Double](argument: String(parts[1])), Set(values).count == values.count
        else { return nil }
        setting = String(parts[0])
        self.values = values
        guard setting == Self.images || Self.row(setting) != nil, values.allSatisfy(isAllowed) else { return nil }
    }

    public static var kind: String {
        let names = PretrainOptions.rows.filter(hasNumber).map(\.name) + [images]
        return "NAME=V,V with a NAME of \(names.joined(separator: ", ")) and values it can have"
    }

    public var argument: String { "\(setting)=\(values.argument)" }

    private static func hasNumber(_ row: Setting<PretrainOptions>) -> Bool {
        row.choices.isEmpty && !row.metavar.isEmpty
    }

    private static func row(_ name: String) -> Setting<PretrainOptions>? {
        PretrainOptions.rows.first { $0.name == name && hasNumber($0) }
    }

    private func isAllowed(_ value: Double) -> Bool {
        guard let row = Self.row(setting) else { return value >= 1 && value == value.rounded() && value < 1e9 }
        // Whatever the method, it has to be a value for one that has the setting.
        return MethodName.allCases.contains { method in
            var options = PretrainOptions(.resnet18, method, recipe: .imagenet)
            return row.isOffered(options) && row.set(&options, value.shortest)
        }
    }

    /// Why the setting has no effect there; nil when it has.
    func refusal(_ options: PretrainOptions) -> (reason: String, remedy: String)? {
        Self.row(setting)?.role?.refusal(options)
    }

    /// Gives the setting one of its values.
    func apply(_ value: Double, to run: inout PretrainRun) {
        if let row = Self.row(setting) {
            _ = row.set(&run.options, value.shortest)
        } else {
            // Evenly spaced, so that every class keeps its share.
            let (data, count) = (run.data, min(Int(value), run.data.count))
            run.data = data.subset((0..<count).map { $0 * data.count / count })
        }
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
        public var setting: String
        public var runs: [(value: Double, outcome: PretrainRun.Outcome)]
        /// The picture file.
        public var picture: String

        /// The runs in a table, and their accuracies as bars: the values of a sweep are seldom evenly spaced.
        public var report: Report {
            let table = Table(
                [
                    .text(setting), .percent("kNN top-1 %", decimals: 1), .number("loss", decimals: 4),
                    .number("images/s", decimals: 1),
                ],
                runs.map { value, outcome in
                    [
                        .text(value.shortest), .number(outcome.knn?.top1), .number(outcome.loss),
                        .number(outcome.imagesPerSecond),
                    ]
                }, notes: runs[0].outcome.knn.map { [$0.protocolText] } ?? [])
            let bars = BarPlot(
                title: "kNN accuracy by \(setting)", yLabel: "top-1 %", groups: runs.map(\.value.shortest),
                series: [.init("", runs.map { 100 * ($0.outcome.knn?.top1 ?? .nan) })])
            return Report("Sweep of \(setting)", [.table(table), .figure(.bars(bars))])
        }

        public var json: JSON {
            [
                "setting": .string(setting),
                "runs": .array(
                    runs.map { .object([.init("value", .number($0.value))] + ($0.outcome.json.members ?? [])) }),
                "protocol": JSON(runs[0].outcome.knn?.protocolText),
            ]
        }
    }

    /// Why these runs could not be compared; nil when they can.
    public var refusal: (problem: String, remedy: String)? {
        guard ![.parametric, .supervised].contains(base.options.method), base.data.classes.count > 1, base.knnEvery > 0
        else {
            return (
                "a sweep compares kNN accuracies of methods without labels",
                "choose such a method, labelled data and a kNN probe while it runs"
            )
        }
        return sweep.refusal(base.options).map { ("\(sweep.setting) has no meaning \($0.reason)", $0.remedy) }
    }

    /// Trains what is missing; runs that are complete are only read, when `base` resumes.
    ///
    /// - Parameter announce: Receives the name of each run before it starts.
    public func callAsFunction(announce: (String) -> Void = { _ in }) throws -> Outcome {
        if let refusal { throw InputError(base.folder, refusal.problem, remedy: refusal.remedy) }
        for value in sweep.values {
            var run = base
            sweep.apply(value, to: &run)
            try run.options.architecture.require(imageSize: run.options.recipe.imageSize)
        }
        try Files.makeFolder(base.folder)
        let runs = try sweep.values.map { value in
            announce("\(sweep.setting) = \(value.shortest)")
            var run = base
            run.folder = "\(base.folder)/\(sweep.setting)-\(value.shortest)"
            run.resume = base.resume && Files.exists(run.folder)
            sweep.apply(value, to: &run)
            return (value: value, outcome: try run())
        }
        let outcome = Outcome(setting: sweep.setting, runs: runs, picture: "\(base.folder)/sweep.png")
        try outcome.report.picture?.write(to: outcome.picture)
        try Files.writeAtomically(outcome.json.pretty, to: "\(base.folder)/sweep.json")
        return outcome
    }
}

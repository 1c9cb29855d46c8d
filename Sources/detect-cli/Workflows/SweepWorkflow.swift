internal import Datasets
internal import Imaging
internal import Pretrain
internal import Support

/// `--sweep NAME=V,V`: one setting and the values it takes.
struct Sweep: OptionValue {
    enum Setting: String, CaseIterable {
        case negatives, dim, images, temperature
        case bankMomentum = "bank-momentum"
        case proximal

        var isWhole: Bool { [.negatives, .dim, .images].contains(self) }
    }

    let setting: Setting
    let values: [Double]

    init?(argument: String) {
        let parts = argument.split(separator: "=", omittingEmptySubsequences: false)
        guard parts.count == 2, let setting = Setting(rawValue: String(parts[0])),
            let values = [Double](argument: String(parts[1])), Set(values).count == values.count
        else { return nil }
        let isAllowed = values.allSatisfy { value in
            switch setting {
            case .negatives, .dim, .images: value >= 1 && value == value.rounded() && value < 1e9
            case .temperature: value > 0
            case .bankMomentum: (0..<1).contains(value)
            case .proximal: value >= 0
            }
        }
        guard isAllowed else { return nil }
        self.setting = setting
        self.values = values
    }

    static var kind: String {
        "NAME=V,V with a NAME of \(Setting.allCases.map(\.rawValue).joined(separator: ", ")) and values it can have"
    }
    var argument: String { "\(setting.rawValue)=\(values.argument)" }
}

/// Trains once for each value of a setting, all else being equal, and compares: loss, kNN accuracy, speed.
struct SweepWorkflow {
    let sweep: Sweep
    /// What all runs share; its run folder receives one folder a value.
    let base: PretrainWorkflow

    struct Outcome {
        var table: String
        var picture: String
        var results: JSON
    }

    func callAsFunction() throws -> Outcome {
        guard base.options.objective == .instance, base.data.classes.count > 1, base.knnEvery > 0 else {
            throw UsageError(
                "--sweep compares kNN accuracies of instance discrimination",
                remedy: "give --objective instance, labelled data and --knn-every above 0")
        }
        if sweep.setting == .negatives, base.options.recipe.loss == .softmax {
            throw UsageError("--sweep negatives has no meaning with the full softmax", remedy: "give --loss nce")
        }
        try Files.makeFolder(base.run)
        let rows = try sweep.values.map { value in
            let name = "\(sweep.setting.rawValue)-\(value.argument)"
            print("· \(sweep.setting.rawValue) = \(value.argument)")
            Program.flush()
            var workflow = base
            workflow.run = "\(base.run)/\(name)"
            // A sweep that was stopped goes on where it was: complete runs are only read.
            workflow.resume = base.resume && Files.exists(workflow.run)
            apply(value, to: &workflow)
            return (value: value, results: try workflow().results)
        }
        let picture = "\(base.run)/sweep.png"
        try plot(rows).render().write(to: picture)
        let results: JSON = [
            "setting": .string(sweep.setting.rawValue),
            "runs": .array(rows.map { .object([.init("value", .number($0.value))] + ($0.results.members ?? [])) }),
            "protocol": rows[0].results["knn"]?["protocol"] ?? .null,
        ]
        try Files.writeAtomically(results.pretty, to: "\(base.run)/sweep.json")
        return Outcome(table: table(rows), picture: picture, results: results)
    }

    private func apply(_ value: Double, to workflow: inout PretrainWorkflow) {
        switch sweep.setting {
        case .negatives: workflow.options.recipe.negatives = Int(value)
        case .dim: workflow.options.recipe.dimension = Int(value)
        case .temperature: workflow.options.recipe.temperature = value
        case .bankMomentum: workflow.options.recipe.bankMomentum = value
        case .proximal: workflow.options.proximal = value
        case .images:
            // Evenly spaced, so that every class keeps its share.
            let (count, all) = (min(Int(value), base.data.count), base.data.count)
            workflow.data = base.data.subset((0..<count).map { $0 * all / count })
        }
    }

    private typealias Row = (value: Double, results: JSON)

    private func accuracy(_ row: Row) -> Double? { row.results["knn"]?["top1"]?.doubleValue }

    private func table(_ rows: [Row]) -> String {
        let header = [sweep.setting.rawValue, "kNN top-1 %", "loss", "images/s"]
        let lines = rows.map { row in
            [
                row.value.argument, accuracy(row).map { (100 * $0).fixed(1) } ?? "–",
                row.results["loss"]?.doubleValue?.fixed(4) ?? "–",
                row.results["images_per_second"]?.doubleValue?.fixed(1) ?? "–",
            ]
        }
        return textTable([header] + lines) + "\n" + (rows[0].results["knn"]?["protocol"]?.stringValue ?? "")
    }

    /// Bars, because the values of a sweep are seldom evenly spaced.
    private func plot(_ rows: [Row]) -> BarPlot {
        BarPlot(
            title: "kNN accuracy by \(sweep.setting.rawValue)", yLabel: "top-1 %", groups: rows.map(\.value.argument),
            series: [.init("", rows.map { 100 * (accuracy($0) ?? .nan) })])
    }
}

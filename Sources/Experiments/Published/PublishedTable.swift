public import Backbone
public import Reporting
public import Support

/// Measured figures of a task with published ones of the same task and network below them, each with what it is of.
public struct PublishedTable: Sendable {
    /// Figures of ours.
    public struct Measured: Hashable, Sendable {
        /// The tasks that they can stand beside.
        public var tasks: [PublishedResult.Task]
        public var architecture: Architecture
        /// What the weights learnt from, as their file calls it.
        public var start: String
        public var figures: [PublishedResult.Figure]
        /// On what they were measured, and how.
        public var remarks: String
        /// Where they are from; empty for the run itself.
        public var source: String

        public init(
            _ tasks: [PublishedResult.Task], _ architecture: Architecture, start: String,
            _ figures: [PublishedResult.Figure], remarks: String, source: String = ""
        ) {
            self.tasks = tasks
            self.architecture = architecture
            self.start = start
            self.figures = figures
            self.remarks = remarks
            self.source = source
        }
    }

    public let task: PublishedResult.Task
    public let measured: [Measured]
    /// Those of the methods measured first, then as their tables have them.
    public let published: [PublishedResult]

    /// One for each task and network that has been measured and published.
    public static func beside(_ measured: [Measured]) -> [PublishedTable] {
        let measured = measured.distinct
        return PublishedResult.Task.allCases.flatMap { task in
            Architecture.allCases.compactMap { architecture in
                let ours = measured.filter { $0.tasks.contains(task) && $0.architecture == architecture }
                let theirs = PublishedResult.all.filter { $0.task == task && $0.architecture == architecture }
                return ours.isEmpty || theirs.isEmpty ? nil : PublishedTable(task, ours, theirs)
            }
        }
    }

    private init(_ task: PublishedResult.Task, _ measured: [Measured], _ published: [PublishedResult]) {
        self.task = task
        self.measured = measured
        let starts = measured.compactMap { PublishedResult.Weights(objective: $0.start) }.distinct
        self.published =
            starts.flatMap { start in published.filter { $0.weights == start } }
            + published.filter { !starts.contains($0.weights) }
    }

    /// A row each; only columns that some row has a figure for.
    public var table: Table {
        let shown = task.columns.filter { columns.contains($0.name) }
        func row(
            _ name: String, _ kind: String, _ figures: [PublishedResult.Figure], as format: Table.Kind?,
            _ rest: [String]
        ) -> [Table.Cell] {
            var cells: [Table.Cell] = [.text(name), .text(kind)]
            for column in shown {
                cells.append(.number(figures.first { $0.column == column.name }?.percent, as: format))
            }
            for text in rest { cells.append(.text(text)) }
            return cells
        }
        let ours = measured.map {
            row(
                $0.start, "measured", $0.figures, as: .number(decimals: 1),
                [$0.architecture.rawValue, $0.remarks, $0.source])
        }
        let theirs = published.map {
            row(
                $0.weights.name + ($0.isRescaled ? " †" : ""), "published", $0.figures, as: nil,
                [$0.network, $0.remarks, $0.source])
        }
        var headings: [Table.Column] = [.text("weights"), .text("figures", alignment: .left)]
        for column in shown { headings.append(.number(column.heading)) }
        for name in ["network", "remarks", "source"] { headings.append(.text(name, alignment: .left)) }
        return Table(headings, ours + theirs, caption: task.caption, notes: notes)
    }

    /// The columns that some row has a figure for.
    private var columns: Set<String> {
        Set(measured.flatMap(\.figures).map(\.column) + published.flatMap(\.figures).map(\.column))
    }

    /// What differs between the rows, and for which of ours nothing is published.
    public var notes: [String] {
        var notes: [String] = []
        let lacking = measured.compactMap { PublishedResult.Weights(objective: $0.start) }.distinct.filter { start in
            !published.contains { $0.weights == start }
        }
        if !lacking.isEmpty {
            notes.append("none published of this task and network: \(lacking.map(\.name).joined(separator: ", "))")
        }
        if published.contains(where: { $0.network == PublishedResult.caffeNet }) {
            notes.append(
                "\(PublishedResult.caffeNet) has 96, 256, 384, 384, 256 channels, in groups; the network measured is torchvision's: "
                    + "64, 192, 384, 256, 256, without groups")
        }
        if published.contains(where: \.isRescaled) {
            notes.append("†: layers rescaled before fine-tuning, as by weights init --rescale")
        }
        return notes + task.notes(of: columns)
    }
}

extension [PublishedTable] {
    /// One each, the first with the heading of all.
    public var sections: [Report.Section] {
        enumerated().map { .init($0 == 0 ? "Published" : "", [.table($1.table)]) }
    }

    /// `"published"`, an object a row, and `"published_notes"`, what differs.
    public var members: [JSON.Member] {
        [
            .init("published", .array(flatMap { $0.published.map(\.json) })),
            .init(
                "published_notes",
                .array(flatMap { [$0.task.caption] + $0.notes }.map { .string($0) })),
        ]
    }
}

extension PublishedTable.Measured {
    /// What `probe linear` or `probe knn` wrote as JSON; nil for anything else, and for weights that are not named.
    public init?(probe json: JSON, source: String = "") {
        let weights = json["weights"] ?? json["features"] ?? json["train"]?["protocol"]
        guard let architecture = weights?["arch"]?.stringValue.flatMap(Architecture.init(rawValue:)),
            let start = weights?["objective"]?.stringValue, let train = json["n_train"]?.intValue,
            let test = json["n_test"]?.intValue
        else { return nil }
        let images = "\(train) training, \(test.counted("test image"))"
        if let layers = json["layers"]?.arrayValue {
            let figures = layers.compactMap { layer in
                layer["layer"]?.stringValue.flatMap { name in
                    layer["top1"]?.doubleValue.map { PublishedResult.Figure(name, 100 * $0) }
                }
            }
            let classes = json["n_classes"]?.intValue
            let tasks = PublishedResult.Task.linear(classes: classes)
            // A figure of a layer that no table has stands nowhere.
            let columns = Set(tasks.flatMap { $0.columns.map(\.name) })
            guard figures.contains(where: { columns.contains($0.column) }) else { return nil }
            self.init(
                tasks, architecture, start: start, figures,
                remarks: images + (classes.map { " of \($0.counted("class"))" } ?? ""), source: source)
        } else if let k = json["k"]?.intValue, let accuracy = json["top1"]?.doubleValue {
            let layer = weights?["layer"]?.stringValue.map { ", \($0)" } ?? ""
            self.init(
                [.imageNetNeighbors], architecture, start: start, [.init("top1", 100 * accuracy)],
                remarks: "K = \(k)\(layer); \(images)", source: source)
        } else {
            return nil
        }
    }
}

extension PublishedResult.Task {
    /// What linear classifiers of so many classes can stand beside: those of ImageNet and of Places by themselves, any other
    /// number beside both.
    fileprivate static func linear(classes: Int?) -> [PublishedResult.Task] {
        switch classes {
        case 1000: [.imageNetLinear]
        case 205: [.placesLinear]
        default: [.imageNetLinear, .placesLinear]
        }
    }
}

public import Imaging
public import Support

/// What fine-tuning on a few labels measured, with the protocol.
public struct SemiSupervisedResult: Sendable {
    /// One fine-tuning.
    public struct Run: Hashable, Sendable {
        /// What the network started from: an objective, or "random".
        public var start: String
        public var fraction: LabelFraction
        public var seed: UInt64
        /// Labelled images it was trained on.
        public var labelCount: Int
        public var top1: Double
        /// Nil for five classes or fewer.
        public var top5: Double?

        public init(
            start: String, fraction: LabelFraction, seed: UInt64, labelCount: Int, top1: Double, top5: Double?
        ) {
            self.start = start
            self.fraction = fraction
            self.seed = seed
            self.labelCount = labelCount
            self.top1 = top1
            self.top5 = top5
        }

        public var json: JSON {
            [
                "start": .string(start), "fraction": .number(fraction.share),
                "seed": .integer(Int(truncatingIfNeeded: seed)), "labels": .integer(labelCount),
                "top1": .number(top1), "top5": top5.map { .number($0) } ?? .null,
            ]
        }
    }

    /// In the order of starts, fractions, seeds.
    public var runs: [Run]
    public var recipe: ClassifierRecipe
    public var architecture: String
    public var imageSize: Int
    public var trainCount: Int
    public var testCount: Int
    /// Of the whole probe in this process.
    public var fitSeconds: Double

    public init(
        runs: [Run], recipe: ClassifierRecipe, architecture: String, imageSize: Int, trainCount: Int, testCount: Int,
        fitSeconds: Double
    ) {
        self.runs = runs
        self.recipe = recipe
        self.architecture = architecture
        self.imageSize = imageSize
        self.trainCount = trainCount
        self.testCount = testCount
        self.fitSeconds = fitSeconds
    }

    public var protocolText: String {
        let seeds = Set(runs.map(\.seed)).count
        return "\(architecture) fine-tuned as a whole on a share of the labels, the same share of each class, "
            + "\(seeds) seed\(seeds == 1 ? "" : "s") (mean, least and greatest); \(recipe.text); test images: the middle, "
            + "\(imageSize) pixels"
    }

    private var starts: [String] { runs.map(\.start).distinct }
    private var fractions: [LabelFraction] { runs.map(\.fraction).distinct }

    /// All seeds of a start at a fraction.
    private func group(_ start: String, _ fraction: LabelFraction) -> [Run] {
        runs.filter { $0.start == start && $0.fraction == fraction }
    }

    private static func mean(_ values: [Double]) -> Double? {
        values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
    }

    /// `{"protocol", "top1", "top5" (first start at the largest fraction), "curve": [{"start", "fraction", "labels",
    /// "top1", "top1_min", "top1_max", "top5", "runs"}], "recipe", "n_train", "n_test", "fit_seconds"}`.
    public var json: JSON {
        func number(_ value: Double?) -> JSON { value.map { .number($0) } ?? .null }
        let (starts, fractions) = (starts, fractions)
        let headline = starts.first.flatMap { start in
            fractions.max { $0.share < $1.share }.map { group(start, $0) }
        }
        return [
            "protocol": .string(protocolText), "top1": number(headline.flatMap { Self.mean($0.map(\.top1)) }),
            "top5": number(headline.flatMap { Self.mean($0.compactMap(\.top5)) }),
            "curve": .array(
                starts.flatMap { start in
                    fractions.map { fraction in
                        let group = group(start, fraction)
                        return [
                            "start": .string(start), "fraction": .number(fraction.share),
                            "labels": group.first.map { .integer($0.labelCount) } ?? .null,
                            "top1": number(Self.mean(group.map(\.top1))), "top1_min": number(group.map(\.top1).min()),
                            "top1_max": number(group.map(\.top1).max()),
                            "top5": number(Self.mean(group.compactMap(\.top5))),
                            "runs": .array(group.map(\.json)),
                        ]
                    }
                }), "recipe": recipe.json, "arch": .string(architecture), "image_size": .integer(imageSize),
            "n_train": .integer(trainCount), "n_test": .integer(testCount), "fit_seconds": .number(fitSeconds),
        ]
    }

    /// A table for people, in percent.
    public var table: String {
        func percent(_ value: Double?) -> String { value.map { (100 * $0).fixed(2) } ?? "-" }
        var rows = [["labels", "images", "start", "top-1 %", "least", "greatest", "top-5 %"]]
        for fraction in fractions {
            for start in starts {
                let group = group(start, fraction)
                rows.append([
                    fraction.text, group.first.map { String($0.labelCount) } ?? "-", start,
                    percent(Self.mean(group.map(\.top1))), percent(group.map(\.top1).min()),
                    percent(group.map(\.top1).max()), percent(Self.mean(group.compactMap(\.top5))),
                ])
            }
        }
        return textTable(rows) + "\n" + protocolText + "\n"
            + "\(trainCount) training images in all, \(testCount) test images\n"
    }

    /// Mean top-1 over the share of the labels, a line for each start.
    public var plot: LinePlot {
        let fractions = self.fractions.sorted { $0.share < $1.share }
        return LinePlot(
            title: "fine-tuned on a share of the labels, \(architecture)", xLabel: "labels (%)", yLabel: "top-1 (%)",
            series: starts.map { start in
                LinePlot.Series(
                    start, x: fractions.map { 100 * $0.share },
                    y: fractions.map { 100 * (Self.mean(group(start, $0).map(\.top1)) ?? .nan) })
            })
    }
}

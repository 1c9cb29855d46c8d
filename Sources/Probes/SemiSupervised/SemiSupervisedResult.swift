public import Reporting
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
                "top1": .number(top1), "top5": JSON(top5),
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
            + "\(seeds.counted("seed")) (mean, least and greatest); \(recipe.text); test images: the middle, "
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
        let (starts, fractions) = (starts, fractions)
        let headline = starts.first.flatMap { start in
            fractions.max { $0.share < $1.share }.map { group(start, $0) }
        }
        return [
            "protocol": .string(protocolText), "top1": JSON(headline.flatMap { Self.mean($0.map(\.top1)) }),
            "top5": JSON(headline.flatMap { Self.mean($0.compactMap(\.top5)) }),
            "curve": .array(
                starts.flatMap { start in
                    fractions.map { fraction in
                        let group = group(start, fraction)
                        return [
                            "start": .string(start), "fraction": .number(fraction.share),
                            "labels": JSON(group.first?.labelCount),
                            "top1": JSON(Self.mean(group.map(\.top1))), "top1_min": JSON(group.map(\.top1).min()),
                            "top1_max": JSON(group.map(\.top1).max()),
                            "top5": JSON(Self.mean(group.compactMap(\.top5))),
                            "runs": .array(group.map(\.json)),
                        ]
                    }
                }), "recipe": recipe.json, "arch": .string(architecture), "image_size": .integer(imageSize),
            "n_train": .integer(trainCount), "n_test": .integer(testCount), "fit_seconds": .number(fitSeconds),
        ]
    }

    /// Accuracies by share of the labels, and the same as curves.
    public var report: Report {
        let rows = fractions.flatMap { fraction in
            starts.map { start -> [Table.Cell] in
                let group = group(start, fraction)
                let top1 = group.map(\.top1)
                return [
                    .text(fraction.text), .integer(group.first?.labelCount), .text(start), .number(Self.mean(top1)),
                    .number(top1.min()), .number(top1.max()), .number(Self.mean(group.compactMap(\.top5))),
                ]
            }
        }
        let table = Table(
            [
                .text("labels"), .number("images"), .text("start"), .percent("top-1 %"), .percent("least"),
                .percent("greatest"), .percent("top-5 %"),
            ], rows,
            notes: [protocolText, "\(trainCount.counted("training image")) in all, \(testCount.counted("test image"))"])
        return Report("Few labels", [.table(table), .figure(figure)])
    }

    /// Mean top-1 over the share of the labels, a line for each start.
    private var figure: Figure {
        let fractions = self.fractions.sorted { $0.share < $1.share }
        return .line(
            LinePlot(
                title: "fine-tuned on a share of the labels, \(architecture)", xLabel: "labels (%)",
                yLabel: "top-1 (%)",
                series: starts.map { start in
                    LinePlot.Series(
                        start, x: fractions.map { 100 * $0.share },
                        y: fractions.map { 100 * (Self.mean(group(start, $0).map(\.top1)) ?? .nan) })
                }))
    }
}

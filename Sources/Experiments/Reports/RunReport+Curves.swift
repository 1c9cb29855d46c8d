internal import Reporting
internal import Support

extension RunReport {
    /// Measurements that are drawn together where there is one run, with their titles.
    private static let panels: [(names: [String], title: String)] = [
        (["loss", "discriminator_loss"], "Loss"),
        (["classification_loss", "box_loss", "rpn_objectness_loss", "rpn_box_loss"], "Parts of the loss"),
        (["plain_loss", "color_loss", "lightness_loss"], "Parts of the loss"),
        (["positive_similarity", "negative_similarity"], "Similarity of pairs"),
        (["real_score", "generated_score"], "Discriminator on pairs"), (["knn_top1"], "kNN top-1"),
        (["map"], "mAP on the way"), (["task_accuracy"], "Accuracy of the task"),
        (["roi_accuracy"], "Accuracy of regions"), (["embedding_spread"], "Spread of embeddings"),
        (["z", "z_l", "z_ab"], "Z"), (["lr"], "Learning rate"), (["images_per_second"], "Images a second"),
        (["gradient_norm"], "Norm of the gradient"),
    ]

    /// What runs of one command have logged, over their steps.
    ///
    /// - Parameter isAlone: Whether no other command has curves, which need no heading then.
    static func curves(_ groups: [RunGroup], _ command: String, isAlone: Bool) -> [Report.Block] {
        let runs = groups.flatMap { group in
            group.runs.map { run in
                (
                    run: run,
                    label: group.runs.count > 1 ? "\(group.label), seed \(run.seed ?? "?")" : group.label
                )
            }
        }
        let logged = runs.flatMap { $0.run.metrics.flatMap { ($0.members ?? []).map(\.name) } }.distinct.filter {
            !["step", "epoch"].contains($0)
        }
        let losses = logged.filter { $0.hasPrefix("loss_") }
        let known = Set(panels.flatMap(\.names) + losses)
        let panels =
            panels + [(losses, "Loss by layer")]
            + logged.filter { !known.contains($0) }.map { ([$0], $0.replacing("_", with: " ")) }
        func series(_ run: RunFiles, _ name: String, as label: String) -> LinePlot.Series? {
            let points = run.metrics.compactMap { line in
                line["step"]?.doubleValue.flatMap { step in line[name]?.doubleValue.map { (step, $0) } }
            }
            return points.isEmpty ? nil : .init(label, x: points.map(\.0), y: points.map(\.1))
        }
        let figures = panels.flatMap { names, title -> [Figure] in
            if runs.count == 1 {
                var series = names.compactMap { name in
                    series(runs[0].run, name, as: name.replacing("_", with: " "))
                }
                // The title names a curve that is alone.
                if series.count == 1 { series[0].name = "" }
                return series.isEmpty ? [] : [figure(title, series)]
            }
            // Of several runs one measurement a figure.
            return names.compactMap { name in
                let series = runs.map { series($0.run, name, as: $0.label) ?? .init($0.label, []) }
                let word = name.prefix(1).uppercased() + name.dropFirst().replacing("_", with: " ")
                return series.allSatisfy(\.x.isEmpty) ? nil : figure(names.count == 1 ? title : word, series)
            }
        }
        if figures.isEmpty { return [] }
        return (isAlone ? [] : [.paragraph("\(command):")]) + [.figures(figures)]
    }

    /// A series without a value keeps its place, so that a run has one colour in all figures.
    private static func figure(_ title: String, _ series: [LinePlot.Series]) -> Figure {
        .line(LinePlot(title: title, xLabel: "step", yLabel: "", series: series))
    }
}

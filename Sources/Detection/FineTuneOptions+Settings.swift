internal import Backbone
public import Support
internal import Training

extension FineTuneOptions {
    /// Every setting of a fine-tuning, under headings; the defaults are a recipe's.
    public static var settings: [(title: String, rows: [Setting<FineTuneOptions>])] {
        [("Input and regions", inputSettings), ("Training", trainingSettings), ("Layers", layerSettings)]
    }

    private static var inputSettings: [Setting<FineTuneOptions>] {
        let sides = Requirement<Int>.between(32, 4096)
        return [
            Setting(
                "scale", "N", "short side of the input in pixels", key: nil, expected: sides.expected,
                set: { options, text in
                    guard let side = sides.value(text) else { return false }
                    options.detector.shortSide = side
                    options.shortSides = []
                    // The long side is no shorter, unless it is given.
                    options.detector.longSide = max(options.detector.longSide, side)
                    return true
                },
                text: {
                    let sides = $0.shortSides
                    return sides.isEmpty ? $0.detector.shortSide.argument : "\(sides.first!) to \(sides.last!), drawn"
                }, json: { $0.detector.shortSide.json }),
            .value("max-side", "N", "longest side of the input in pixels", \.longSide, .between(32, 8192)),
            .value(
                "max-proposals", "N", "most proposals of an image that are looked at", \.detector.proposals,
                .between(1, 100_000)),
            .choice("roi", "ROI max pooling, or ROI align", \.detector.regionOperator),
            .optional(
                "roi-size", "N", "cells a side that a region is pooled to, for ResNets", \.detector.regionSize,
                .between(1, 64), whenNone: "the network's own, 7"
            ).with(.residual),
            .value(
                "anchor-scales", "S,S",
                "sides of the anchors in cells of the map: 8,16,32 are 128 to 512 pixels", \.anchorScales,
                Requirement("of up to 16, each above 0 and at most 1000") {
                    $0.count <= 16 && $0.allSatisfy { $0 > 0 && $0 <= 1000 }
                }
            ).with(.faster),
        ]
    }

    private static var trainingSettings: [Setting<FineTuneOptions>] {
        let steps = Requirement<Int>.between(1, 100_000_000)
        return [
            Setting(
                "iterations", "N", "steps; the learning rate then falls after three quarters of them", key: nil,
                expected: steps.expected,
                set: { options, text in
                    guard let count = steps.value(text) else { return false }
                    options.iterations = count
                    options.milestones = [count * 3 / 4]
                    options.warmUpSteps = min(options.warmUpSteps, count / 10)
                    return true
                }, text: { $0.iterations.argument }, json: { $0.iterations.json }),
            .value("lr", "RATE", "learning rate", \.learningRate, .above(0)),
            .choice("schedule", "how the learning rate falls", \.schedule),
            .value("milestones", "N,N", "steps at which the learning rate falls to a tenth, or begins to", \.milestones)
                .with(
                    .bySteps),
            .value(
                "warmup", "N", "steps in which the learning rate rises to its full value", \.warmUpSteps, .atLeast(0)),
            .value("rois", "N", "regions of an image a step", \.sampler.regionsPerImage, .between(4, 4096)),
            .optional("clip", "NORM", "largest norm of the gradient", \.gradientClip, .above(0)),
            .flag("train-difficult", "train on objects marked difficult, too", \.trainsOnDifficult),
        ]
    }

    private static var layerSettings: [Setting<FineTuneOptions>] {
        [
            Setting(
                "train-all", "",
                "train every layer and all batch norm, whatever the weights: so random and pretrained ones are treated alike",
                key: nil, expected: "nothing",
                set: { options, _ in
                    options.trainAll()
                    return true
                }, text: { _ in "" }, json: { .bool($0.batchNorm == .train && $0.frozenStages == 0) }),
            .choice("batch-norm", "keep the statistics of the weights, or train", \.batchNorm),
            .value(
                "freeze-stages", "N", "stages of the network, from the input on, that keep their weights",
                \.frozenStages, .between(0, 5)
            ).with(.stages),
        ]
    }

    /// Trains every layer and all batch norm, whatever the weights: only so are detectors from random and from pretrained
    /// weights trained alike.
    public mutating func trainAll() {
        batchNorm = .train
        frozenStages = 0
    }

    private var longSide: Int {
        get { detector.longSide }
        set { detector.longSide = max(newValue, detector.shortSide) }
    }

    private var anchorScales: [Double] {
        get { detector.regionProposals?.scales ?? [] }
        set { detector.regionProposals?.scales = newValue }
    }
}

extension SettingRole<FineTuneOptions> {
    fileprivate static var residual: SettingRole {
        SettingRole { options in
            let architecture = options.detector.network.architecture
            return architecture.isResidual
                ? nil : ("for \(architecture.rawValue), whose region size is fixed", "leave it out, or use a ResNet")
        }
    }

    fileprivate static var faster: SettingRole {
        SettingRole { $0.detector.kind == .faster ? nil : ("without --head faster", "leave it out") }
    }

    fileprivate static var bySteps: SettingRole {
        SettingRole {
            $0.schedule.hasMilestones ? nil : ("without --schedule step or exponential", "leave one of them out")
        }
    }

    fileprivate static var stages: SettingRole {
        SettingRole { options in
            let architecture = options.detector.network.architecture
            return options.frozenStages <= architecture.trunkStageCount
                ? nil
                : (
                    "with \(options.frozenStages): \(architecture.rawValue) has \(architecture.trunkStageCount) stages",
                    "give a smaller number"
                )
        }
    }
}

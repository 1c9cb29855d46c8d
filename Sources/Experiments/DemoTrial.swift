internal import Backbone
internal import Boxes
internal import Detection
internal import Pretrain
internal import Support
internal import Torch
internal import Training

/// A few steps of each kind of training on pixels that mean nothing, to tell how long the demo will take on this machine. Nothing
/// of it enters a result.
struct DemoTrial {
    /// Seconds of a step of pretraining, and of fine-tuning.
    let pretraining: Double
    let fineTuning: Double

    /// Pieces of work at a time.
    private var lanes = 1

    private static let warmUp = 2
    private static let steps = 8

    /// Steps of the demo's own size, by its options.
    init(_ pretrain: PretrainOptions, _ finetune: FineTuneOptions) {
        let scope = Scope(seed: 0, device: pretrain.device)
        let recipe = pretrain.recipe
        let network = NetworkConfig(pretrain.architecture, stem: recipe.stem).makeNetwork(scope)
        let optimizer = recipe.optimization.optimizer(scope.parameters)
        func pixels(_ count: Int, _ height: Int, _ width: Int) -> Tensor {
            // Values without order: equal ones would have no variance, and gradients too small for ordinary arithmetic.
            let values = (0..<count * height * width * 3).map {
                UInt8(truncatingIfNeeded: $0 &* $0 &* 2_654_435_761 >> 16)
            }
            return recipe.normalization(
                values, count: count, height: height, width: width, device: pretrain.device)
        }
        let crops = pixels(recipe.batch, recipe.imageSize, recipe.imageSize)
        pretraining = Self.seconds(optimizer) {
            withPrecision(pretrain.precision, on: pretrain.device) { network.features(crops, mode: .train) }
        }
        let detectorScope = Scope(seed: 0, device: finetune.device)
        let detector = DetectorModel(detectorScope, finetune.detector).fastRCNN
        let learning = SGD(
            [ParameterGroup(detectorScope.parameters.trainable, weightDecay: finetune.weightDecay)],
            momentum: finetune.momentum)
        let (height, width) = (finetune.detector.shortSide, finetune.detector.shortSide * 4 / 3)
        let scene = pixels(1, height, width)
        let whole = Box(minX: 0, minY: 0, maxX: Double(width), maxY: Double(height))
        let boxes = [Box](repeating: whole, count: finetune.sampler.regionsPerImage)
        fineTuning = Self.seconds(learning) {
            withPrecision(finetune.precision, on: finetune.device) {
                let pooled = (0..<finetune.imagesPerStep).map { _ in
                    detector.pool(detector.featureMap(scene, mode: .train), boxes)
                }
                return detector.classify(Tensor.cat(pooled), mode: .train).logits
            }
        }
    }

    /// What several found that ran beside each other.
    init(slowestOf trials: [DemoTrial], lanes: Int) {
        pretraining = trials.map(\.pretraining).max()!
        fineTuning = trials.map(\.fineTuning).max()!
        self.lanes = lanes
    }

    /// How long a demo of that size should take.
    func seconds(_ settings: DemoSettings, batch: Int) -> Double {
        let stepsPerEpoch = DemoSettings.classes * settings.classificationImages / batch
        let instance = Double(settings.instanceEpochs * stepsPerEpoch) * pretraining
        let supervised = Double(settings.supervisedEpochs * stepsPerEpoch) * pretraining
        // A test image is a sixth of a step of two images.
        let detector = (Double(settings.iterations) + Double(settings.testScenes) / 6) * fineTuning
        let stages = lanes > 1 ? max(instance, supervised + detector) + detector : instance + supervised + 3 * detector
        // Drawing, proposals, probes and pictures, by measurements.
        return stages + 6
    }

    /// The fastest of a few steps: something else on the machine may disturb some of them.
    private static func seconds(_ optimizer: any Optimizer, _ output: () -> Tensor) -> Double {
        let clock = ContinuousClock()
        let times = (0..<warmUp + steps).map { _ in
            let began = clock.now
            optimizer.clearGradients()
            output().to(dtype: .float32).mean().backward()
            optimizer.step(learningRate: 0)
            return (clock.now - began) / .seconds(1)
        }
        return times.dropFirst(warmUp).min()!
    }
}

internal import Backbone

/// Published ways to fine-tune a detector on VOC: what is not chosen otherwise is as they have it.
public enum DetectionRecipe: String, CaseIterable, Sendable {
    /// Fast R-CNN (Girshick, ICCV 2015) and Faster R-CNN (Ren et al., NIPS 2015) as first published for VOC 2007.
    case voc07
    /// Faster R-CNN on ResNet-C4 as self-supervised weights are compared today (He et al., Momentum Contrast, CVPR 2020,
    /// and its detection code): all layers and all batch norm trained, one more batch norm behind stage 5, ROI align,
    /// several scales, 24,000 steps of 16 images.
    case c4MoCo = "voc07-c4-moco"

    /// What is trained by it unless another is asked for.
    public var usualKind: DetectorKind { self == .c4MoCo ? .faster : .fast }

    /// Images a step that the rate and the number of steps of `c4MoCo` are meant for.
    private static let mocoImagesPerStep = 16

    /// The settings for a detector whose network, normalisation and classes are set.
    ///
    /// - Parameters:
    ///   - isPretrained: Whether weights are loaded; the first recipe freezes nothing that is random.
    ///   - imagesPerStep: Of `c4MoCo`: with fewer images a step than published the rate falls in proportion, and there
    ///     are more steps, so that as many images are seen. nil for what is published.
    public func options(
        _ detector: DetectorConfig, _ kind: DetectorKind, isPretrained: Bool, imagesPerStep: Int? = nil
    ) -> FineTuneOptions {
        var detector = detector
        let architecture = detector.network.architecture
        if kind == .faster {
            detector.regionProposals = RegionProposalConfig()
            detector.proposals = 300
            if architecture.isResidual { detector.regionSize = 14 }
        }
        var options = FineTuneOptions(detector: detector)
        options.batchNorm = isPretrained ? .frozen : .train
        options.frozenStages = isPretrained ? architecture.publishedFrozenStages : 0
        switch self {
        case .voc07:
            options.imagesPerStep = imagesPerStep ?? options.imagesPerStep
            if kind == .faster {
                options.iterations = 70_000
                options.milestones = [50_000]
                options.sampler.regionsPerImage = 128
                options.sampler.backgroundThresholds = 0..<0.5
            }
        case .c4MoCo:
            let images = imagesPerStep ?? Self.mocoImagesPerStep
            let share = Double(images) / Double(Self.mocoImagesPerStep)
            func steps(_ published: Int) -> Int { Int((Double(published) / share).rounded()) }
            options.imagesPerStep = images
            options.iterations = steps(24_000)
            options.milestones = [steps(18_000), steps(22_000)]
            options.learningRate = 0.02 * share
            options.warmUpSteps = steps(100)
            options.weightDecay = 1e-4
            options.biasScale = 1
            options.decaysBiases = true
            options.batchNorm = .train
            options.frozenStages = 0
            options.shortSides = Array(stride(from: 480, through: 800, by: 32))
            options.boxBeta = 0
            options.sampler.regionsPerImage = 512
            options.sampler.backgroundThresholds = 0..<0.5
            options.proposing.beta = 0
            options.proposing.sampler.skipsStraddling = false
            options.detector.network.regionNorm = architecture.isResidual
            options.detector.shortSide = 800
            options.detector.longSide = 1333
            options.detector.regionOperator = .align
            if var proposing = options.detector.regionProposals {
                proposing.scales = [2, 4, 8, 16, 32]
                proposing.channels = 1024
                proposing.minimumSide = 0
                options.detector.regionProposals = proposing
                options.detector.proposals = 1000
            }
        }
        return options
    }

    /// Which boxes become detections.
    public var filter: DetectionFilter {
        var filter = DetectionFilter.pyFasterRCNN
        if self == .c4MoCo { filter.nmsThreshold = 0.5 }
        return filter
    }
}

public import Boxes
internal import Datasets
public import Imaging
public import Support

/// An image of a training step, ready for the network.
public struct TrainingSample: Sendable {
    /// Index into the set.
    public var index: Int
    /// At an input size of the detector, mirrored or not.
    public var image: Image
    /// Pixels of `image` for a pixel of the file.
    public var scale: Double
    /// What can be learnt from, in the pixels of `image`.
    public var objects: [LabeledBox]
    /// What is classified; nil when the network proposes regions of its own.
    public var regions: RegionBatch?
    /// Draws what is left to be drawn.
    public var random: RandomStream
}

/// Regions of an image with what is to be learnt about them.
public struct RegionBatch: Sendable {
    /// In the pixels of the input.
    public var boxes: [Box]
    /// 0 for background, k + 1 for class k.
    public var labels: [Int]
    /// Four normalised deltas for each region; zeros for background.
    public var targets: [Float]

    public init(_ regions: [RegionTarget], _ statistics: BoxTargetStatistics) {
        boxes = regions.map(\.box)
        labels = regions.map { $0.classIndex.map { $0 + 1 } ?? 0 }
        targets = regions.flatMap { region -> [Float] in
            guard let classIndex = region.classIndex, let object = region.object else { return [0, 0, 0, 0] }
            return statistics.normalized(BoxDelta(from: region.box, to: object), classIndex: classIndex)
        }
    }
}

/// Makes training samples; everything random in one is a function of (seed, epoch, position).
struct SampleMaker: Sendable {
    let set: DetectionSet
    let options: FineTuneOptions
    let statistics: BoxTargetStatistics

    /// Images in an epoch: each one as it is and mirrored.
    var samplesPerEpoch: Int { 2 * set.count }

    /// The sample at a position of an epoch's order.
    func sample(epoch: Int, position: Int) throws -> TrainingSample {
        let detector = options.detector
        let drawn = order(epoch)[position]
        let (index, isMirrored) = (drawn / 2, drawn % 2 == 1)
        let original = try set.images.image(index)
        var image = original.resized(
            to: detector.inputSize(original.size, shortSide: shortSide(epoch: epoch, position: position)))
        if isMirrored { image = image.flippedHorizontally() }
        let (scaleX, scaleY) = (
            Double(image.width) / Double(original.width), Double(image.height) / Double(original.height)
        )
        func place(_ box: Box) -> Box {
            let scaled = box.clipped(width: Double(original.width), height: Double(original.height)).scaled(
                x: scaleX, y: scaleY)
            return isMirrored ? scaled.flippedHorizontally(width: Double(image.width)) : scaled
        }
        let truth = set.trainingObjects(index, difficult: options.trainsOnDifficult).map {
            LabeledBox(box: place($0.box), classIndex: $0.classIndex)
        }.filter { $0.box.area > 0 }
        var random = RandomStream(options.seed, UInt64(epoch), UInt64(position), 1)
        var regions: RegionBatch?
        if detector.kind == .fast {
            let proposals = set.boxes(index, limit: detector.proposals).map(place).filter { $0.area > 0 }
            regions = draw(proposals, truth, image.size, random: &random)
        }
        return TrainingSample(
            index: index, image: image, scale: scaleX, objects: truth, regions: regions, random: random)
    }

    /// The regions that are classified.
    func draw(_ proposals: [Box], _ objects: [LabeledBox], _ size: ImageSize, random: inout RandomStream)
        -> RegionBatch
    {
        // A step needs a region: an image with neither objects nor proposals is background as a whole.
        let whole = Box(minX: 0, minY: 0, maxX: Double(size.width), maxY: Double(size.height))
        let candidates = proposals.isEmpty && objects.isEmpty ? [whole] : proposals
        return RegionBatch(options.sampler.sample(candidates, objects, random: &random), statistics)
    }

    /// One of the scales of training; nil for the detector's own.
    private func shortSide(epoch: Int, position: Int) -> Int? {
        if options.shortSides.isEmpty { return nil }
        var random = RandomStream(options.seed, UInt64(epoch), UInt64(position), 2)
        return options.shortSides[random.integer(below: options.shortSides.count)]
    }

    /// Image 2·i is image i as it is, 2·i + 1 the same mirrored.
    private func order(_ epoch: Int) -> [Int] {
        EpochSampler(count: samplesPerEpoch, seed: options.seed, epoch: epoch).order
    }

    /// The deltas of all proposals that lie on objects, as the normalisation is measured. Where proposals are the
    /// network's own there is nothing to measure yet, and the usual values are taken.
    static func statistics(of set: DetectionSet, options: FineTuneOptions) throws -> BoxTargetStatistics {
        guard options.detector.kind == .fast else {
            return BoxTargetStatistics(classCount: set.classes.count, deltas: [])
        }
        let pairs = try parallelMap(set.count, threads: options.workers) { i -> [(classIndex: Int, delta: BoxDelta)] in
            let objects = set.trainingObjects(i, difficult: options.trainsOnDifficult)
            let proposals = set.boxes(i, limit: options.detector.proposals).filter { $0.area > 0 }
            return zip(proposals, bestMatches(proposals, objects.map(\.box))).compactMap { proposal, match in
                guard match.object >= 0, match.iou >= options.sampler.foregroundThreshold else { return nil }
                let object = objects[match.object]
                return (object.classIndex, BoxDelta(from: proposal, to: object.box))
            }
        }
        return BoxTargetStatistics(classCount: set.classes.count, deltas: pairs.flatMap { $0 })
    }
}

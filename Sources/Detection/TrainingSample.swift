public import Boxes
internal import Datasets
public import Imaging
internal import Support

/// An image of a training step, ready for the network.
public struct TrainingSample: Sendable {
    /// Index into the set.
    public var index: Int
    /// At the detector's input size, mirrored or not.
    public var image: Image
    /// Regions in the pixels of `image`.
    public var boxes: [Box]
    /// 0 for background, k + 1 for class k.
    public var labels: [Int]
    /// Four normalised deltas for each region; zeros for background.
    public var targets: [Float]
}

/// Makes training samples; everything random in one is a function of (seed, epoch, position).
struct SampleMaker: Sendable {
    let set: DetectionSet
    let detector: DetectorConfig
    let sampler: RegionSampler
    let trainsOnDifficult: Bool
    let statistics: BoxTargetStatistics
    let seed: UInt64

    /// Images in an epoch: each one as it is and mirrored.
    var samplesPerEpoch: Int { 2 * set.count }

    /// The sample at a position of an epoch's order.
    func sample(epoch: Int, position: Int) throws -> TrainingSample {
        let drawn = order(epoch)[position]
        let (index, isMirrored) = (drawn / 2, drawn % 2 == 1)
        var random = RandomStream(seed, UInt64(epoch), UInt64(position), 1)
        let original = try Image.decode(set.images.data(index), name: set.images.path(index))
        var image = original.resized(to: detector.inputSize(original.size))
        if isMirrored { image = image.flippedHorizontally() }
        let (scaleX, scaleY) = (
            Double(image.width) / Double(original.width), Double(image.height) / Double(original.height)
        )
        func place(_ box: Box) -> Box {
            let scaled = box.clipped(width: Double(original.width), height: Double(original.height)).scaled(
                x: scaleX, y: scaleY)
            return isMirrored ? scaled.flippedHorizontally(width: Double(image.width)) : scaled
        }
        let truth = set.trainingObjects(index, difficult: trainsOnDifficult).map {
            LabeledBox(box: place($0.box), classIndex: $0.classIndex)
        }.filter { $0.box.area > 0 }
        let proposals = set.boxes(index, limit: detector.proposals).map(place).filter { $0.area > 0 }
        // A step needs a region: an image with neither objects nor proposals is background as a whole.
        let whole = Box(minX: 0, minY: 0, maxX: Double(image.width), maxY: Double(image.height))
        let candidates = proposals.isEmpty && truth.isEmpty ? [whole] : proposals
        let regions = sampler.sample(candidates, truth, random: &random)
        return TrainingSample(
            index: index, image: image, boxes: regions.map(\.box),
            labels: regions.map { $0.classIndex.map { $0 + 1 } ?? 0 },
            targets: regions.flatMap { region -> [Float] in
                guard let classIndex = region.classIndex, let object = region.object else { return [0, 0, 0, 0] }
                return statistics.normalized(BoxDelta(from: region.box, to: object), classIndex: classIndex)
            })
    }

    /// Image 2·i is image i as it is, 2·i + 1 the same mirrored.
    private func order(_ epoch: Int) -> [Int] { EpochSampler(count: samplesPerEpoch, seed: seed, epoch: epoch).order }

    /// The deltas of all proposals that lie on objects, as the normalisation is measured.
    static func statistics(of set: DetectionSet, options: FineTuneOptions, threads: Int) throws -> BoxTargetStatistics {
        let pairs = try parallelMap(set.count, threads: threads) { i -> [(classIndex: Int, delta: BoxDelta)] in
            let objects = set.trainingObjects(i, difficult: options.trainsOnDifficult)
            let proposals = set.boxes(i, limit: options.detector.proposals).filter { $0.area > 0 }
            return zip(proposals, RegionSampler.match(proposals, objects)).compactMap { proposal, match in
                guard match.iou >= options.sampler.foregroundThreshold else { return nil }
                let object = objects[match.object]
                return (object.classIndex, BoxDelta(from: proposal, to: object.box))
            }
        }
        return BoxTargetStatistics(classCount: set.classes.count, deltas: pairs.flatMap { $0 })
    }
}

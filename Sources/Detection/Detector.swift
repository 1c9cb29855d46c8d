internal import Backbone
public import Boxes
public import Imaging
internal import Support
public import Torch
public import Training

/// A trained detector: finds the objects of one image at a time.
public final class Detector {
    public let config: DetectorConfig
    public var filter = DetectionFilter()
    /// Where the time goes, when asked for.
    public var profile: StageClock?
    private let model: DetectorModel
    private let device: Device

    private static let key = "detector"

    /// Reads a model written by `write`; throws `InputError` naming the file.
    public convenience init(path: String, device: Device = .cpu, precision: Precision = .fp32) throws {
        if FileKind(path: path)?.role == .torch {
            throw InputError(path, "is a PyTorch file, no detector", remedy: "give a model written by finetune")
        }
        let file = try SafetensorsFile(path: path)
        guard let text = file.metadata[Self.key], let json = try? JSON.parse(text.utf8) else {
            throw InputError(path, "is no detector", remedy: "give a model written by finetune")
        }
        try self.init(
            file.tensors(), DetectorConfig(json: json, file: path), device: device, precision: precision, source: path)
    }

    /// The same from a run folder of finetune or its model file.
    public convenience init(run: String, device: Device = .cpu, precision: Precision = .fp32) throws {
        try self.init(
            path: Files.isFolder(run) ? "\(run)/model.safetensors" : run, device: device, precision: precision)
    }

    /// A detector from tensors that predict plain deltas; `source` is what an error names when they do not fit.
    public init(
        _ tensors: [String: Tensor], _ config: DetectorConfig, device: Device = .cpu, precision: Precision = .fp32,
        source: String = "the model in memory"
    ) throws {
        self.config = config
        self.device = device
        let scope = Scope(seed: 0, device: device)
        let model = DetectorModel(scope, config)
        try scope.parameters.loadExactly(tensors, from: source)
        fingerprint = Self.fingerprint(scope.parameters, config, precision)
        self.model = model.frozen(precision)
    }

    /// Tells detectors apart: a digest of the configuration, the precision and the layers that are new.
    public let fingerprint: String

    private static func fingerprint(_ parameters: Parameters, _ config: DetectorConfig, _ precision: Precision)
        -> String
    {
        var hash = SHA256()
        hash.update(config.json.line.utf8)
        hash.update(precision.rawValue.utf8)
        for entry in parameters.entries where entry.name.hasPrefix("box_predictor.") || entry.name.hasPrefix("rpn.") {
            entry.tensor.detach().to(device: .cpu).withBytes { hash.update($0) }
        }
        return hash.finish()
    }

    /// Writes a model that predicts plain deltas, with what it is.
    public static func write(_ tensors: [(name: String, tensor: Tensor)], _ config: DetectorConfig, to path: String)
        throws
    {
        try SafetensorsFile.write(tensors, metadata: [key: config.json.line], to: path)
    }

    /// Detections in the pixels of the image as it is given, best first.
    ///
    /// - Parameter proposals: The regions to look at, of Fast R-CNN; Faster R-CNN proposes its own.
    public func detect(_ image: Image, proposals: [Box] = []) -> [Detection] {
        detect(image.resized(to: config.inputSize(image.size)), originalSize: image.size, proposals: proposals)
    }

    /// The same for an image that is already at `config.inputSize`; proposals in the pixels of the original.
    public func detect(_ resized: Image, originalSize: ImageSize, proposals: [Box] = []) -> [Detection] {
        defer { profile?.step() }
        return withoutGradients {
            if let proposer = model.proposer {
                let featureMap = featureMap(resized)
                let boxes = propose(proposer, featureMap, resized, originalSize, limit: config.proposals)
                return classify(featureMap, boxes, resized, originalSize)
            }
            let boxes = Self.inside(proposals.prefix(config.proposals), originalSize)
            // Nothing to look at: the map would be for nothing.
            return boxes.isEmpty ? [] : classify(featureMap(resized), boxes, resized, originalSize)
        }
    }

    /// The regions that Faster R-CNN proposes in an image, best first, in its pixels. Traps for Fast R-CNN.
    public func regionProposals(_ image: Image, limit: Int) -> [Box] {
        guard let proposer = model.proposer else { preconditionFailure("Fast R-CNN proposes no regions") }
        let resized = image.resized(to: config.inputSize(image.size))
        return withoutGradients { propose(proposer, featureMap(resized), resized, image.size, limit: limit) }
    }

    private func featureMap(_ resized: Image) -> Tensor {
        profile.measure("backbone") {
            model.fastRCNN.featureMap(
                config.normalization(
                    resized.pixels, count: 1, height: resized.height, width: resized.width, device: device),
                mode: .evaluate)
        }
    }

    /// Regions in the pixels of the original.
    private func propose(
        _ proposer: RegionProposalNetwork, _ featureMap: Tensor, _ resized: Image, _ originalSize: ImageSize, limit: Int
    ) -> [Box] {
        profile.measure("proposals") {
            let scale = Self.scale(resized, originalSize)
            let layer = ProposalLayer(
                candidates: proposer.config.candidates, proposals: limit, nmsThreshold: proposer.config.nmsThreshold)
            let boxes = proposer.proposals(
                proposer(featureMap), layer, width: resized.width, height: resized.height, scale: scale.x)
            return Self.inside(boxes.map { $0.scaled(x: 1 / scale.x, y: 1 / scale.y) }, originalSize)
        }
    }

    /// Inside the image, as in training; a proposal far outside would not even be a place on the map.
    private static func inside(_ boxes: some Sequence<Box>, _ size: ImageSize) -> [Box] {
        boxes.map { $0.clipped(width: Double(size.width), height: Double(size.height)) }.filter { $0.area > 0 }
    }

    private static func scale(_ resized: Image, _ originalSize: ImageSize) -> (x: Double, y: Double) {
        (Double(resized.width) / Double(originalSize.width), Double(resized.height) / Double(originalSize.height))
    }

    private func classify(_ featureMap: Tensor, _ boxes: [Box], _ resized: Image, _ originalSize: ImageSize)
        -> [Detection]
    {
        if boxes.isEmpty { return [] }
        let scale = Self.scale(resized, originalSize)
        let (distinct, positions) = model.fastRCNN.distinct(boxes.map { $0.scaled(x: scale.x, y: scale.y) })
        let pooled = profile.measure("roi") { model.fastRCNN.pool(featureMap, distinct) }
        let (scores, deltas) = profile.measure("head") {
            let (logits, deltas) = model.fastRCNN.classify(pooled, mode: .evaluate)
            return (logits.softmax().floats, deltas.floats)
        }
        return profile.measure("nms") { select(boxes, positions, scores, deltas, originalSize) }
    }

    /// scores [D, K + 1] and deltas [D, 4·(K + 1)] of the distinct regions, and for each region which one is its own →
    /// detections.
    private func select(
        _ regions: [Box], _ positions: [Int], _ scores: [Float], _ deltas: [Float], _ size: ImageSize
    ) -> [Detection] {
        let classes = config.classes.count
        var detections: [Detection] = []
        for k in 0..<classes {
            var boxes: [Box] = []
            var confidences: [Double] = []
            for (region, r) in zip(regions, positions) {
                let score = Double(scores[r * (classes + 1) + k + 1])
                guard score > filter.scoreThreshold else { continue }
                let offset = 4 * (r * (classes + 1) + k + 1)
                let delta = BoxDelta(
                    dx: Double(deltas[offset]), dy: Double(deltas[offset + 1]), dw: Double(deltas[offset + 2]),
                    dh: Double(deltas[offset + 3]))
                let box = delta.applied(to: region).clipped(width: Double(size.width), height: Double(size.height))
                guard box.area > 0 else { continue }
                boxes.append(box)
                confidences.append(score)
            }
            if let limit = filter.candidatesPerClass, boxes.count > limit {
                let order = confidences.indicesByDescendingValue().prefix(limit)
                (boxes, confidences) = (order.map { boxes[$0] }, order.map { confidences[$0] })
            }
            for index in nonMaximumSuppression(boxes, scores: confidences, iouThreshold: filter.nmsThreshold) {
                detections.append(Detection(box: boxes[index], classIndex: k, score: confidences[index]))
            }
        }
        let order = detections.map(\.score).indicesByDescendingValue()
        return order.prefix(filter.detectionsPerImage).map { detections[$0] }
    }
}

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
    private let model: FastRCNN
    private let device: Device

    private static let key = "detector"

    /// Reads a model written by `write`; throws `InputError` naming the file.
    public convenience init(path: String, device: Device = .cpu, precision: Precision = .fp32) throws {
        let file = try SafetensorsFile(path: path)
        guard let text = file.metadata[Self.key], let json = try? JSON.parse(text.utf8) else {
            throw InputError(path, "is no detector", remedy: "give a model written by finetune")
        }
        try self.init(
            file.tensors(), DetectorConfig(json: json, file: path), device: device, precision: precision, source: path)
    }

    /// A detector from tensors that predict plain deltas; `source` is what an error names when they do not fit.
    public init(
        _ tensors: [String: Tensor], _ config: DetectorConfig, device: Device = .cpu, precision: Precision = .fp32,
        source: String = "the model in memory"
    ) throws {
        self.config = config
        self.device = device
        let scope = Scope(seed: 0, device: device)
        let model = FastRCNN(
            scope, config: config.network, classCount: config.classes.count, regionSize: config.regionSize,
            regionOperator: config.regionOperator)
        try scope.parameters.loadExactly(tensors, from: source)
        fingerprint = Self.fingerprint(scope.parameters, config, precision)
        self.model = model.frozen(precision)
    }

    /// Tells detectors apart: a digest of the configuration, the precision and the last layers.
    public let fingerprint: String

    private static func fingerprint(_ parameters: Parameters, _ config: DetectorConfig, _ precision: Precision)
        -> String
    {
        var hash = SHA256()
        hash.update(config.json.line.utf8)
        hash.update(precision.rawValue.utf8)
        for entry in parameters.entries where entry.name.hasPrefix("box_predictor.") {
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
    public func detect(_ image: Image, proposals: [Box]) -> [Detection] {
        detect(image.resized(to: config.inputSize(image.size)), originalSize: image.size, proposals: proposals)
    }

    /// The same for an image that is already at `config.inputSize`; proposals in the pixels of the original.
    public func detect(_ resized: Image, originalSize: ImageSize, proposals: [Box]) -> [Detection] {
        // Inside the image, as in training; a proposal far outside would not even be a place on the map.
        let boxes = proposals.prefix(config.proposals).map {
            $0.clipped(width: Double(originalSize.width), height: Double(originalSize.height))
        }.filter { $0.area > 0 }
        if boxes.isEmpty { return [] }
        let scaleX = Double(resized.width) / Double(originalSize.width)
        let scaleY = Double(resized.height) / Double(originalSize.height)
        let (scores, deltas) = withoutGradients {
            let map = profile.measure("backbone") {
                model.map(
                    config.normalization(
                        resized.pixels, count: 1, height: resized.height, width: resized.width, device: device),
                    mode: .evaluate)
            }
            let pooled = profile.measure("roi") { model.pool(map, boxes.map { $0.scaled(x: scaleX, y: scaleY) }) }
            return profile.measure("head") {
                let (logits, deltas) = model.head(pooled, mode: .evaluate)
                return (logits.softmax().floats, deltas.floats)
            }
        }
        defer { profile?.step() }
        return profile.measure("nms") { select(boxes, scores, deltas, originalSize) }
    }

    /// scores [R, K + 1] and deltas [R, 4·(K + 1)] of the regions → detections.
    private func select(_ regions: [Box], _ scores: [Float], _ deltas: [Float], _ size: ImageSize) -> [Detection] {
        let classes = config.classes.count
        var detections: [Detection] = []
        for k in 0..<classes {
            var boxes: [Box] = []
            var confidences: [Double] = []
            for (r, region) in regions.enumerated() {
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

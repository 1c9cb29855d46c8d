internal import Backbone
public import Boxes
public import Imaging
internal import Support
public import Torch

/// Which boxes of an image become detections (the filter of py-faster-rcnn's test).
public struct DetectionFilter: Hashable, Sendable {
    /// A class is reported for a region when its probability is above this.
    public var scoreThreshold = 0.05
    /// Of boxes of one class that overlap more than this, the best one stays.
    public var nmsThreshold = 0.3
    /// Most detections of an image, over all classes.
    public var detectionsPerImage = 100

    public init() {}
}

/// A trained detector: finds the objects of one image at a time.
public final class Detector {
    public let config: DetectorConfig
    public var filter = DetectionFilter()
    private let model: FastRCNN
    private let device: Device
    private let precision: Precision

    private static let key = "detector"

    /// Reads a model written by `write`; throws `InputError` naming the file.
    public init(path: String, device: Device = .cpu, precision: Precision = .fp32) throws {
        let file = try SafetensorsFile(path: path)
        guard let text = file.metadata[Self.key], let json = try? JSON.parse(text.utf8) else {
            throw InputError(path, "is no detector", remedy: "give a model written by finetune")
        }
        config = try DetectorConfig(json: json, file: path)
        model = FastRCNN(
            Scope(seed: 0, device: device), config: config.network, classCount: config.classes.count,
            regionSize: config.regionSize)
        try model.parameters.loadExactly(file.tensors(), from: path)
        self.device = device
        self.precision = precision
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
            let x = config.normalization(
                resized.pixels, count: 1, height: resized.height, width: resized.width, device: device)
            return withPrecision(precision, on: device) {
                let pooled = model.pool(model.map(x, mode: .evaluate), boxes.map { $0.scaled(x: scaleX, y: scaleY) })
                let (logits, deltas) = model.head(pooled, mode: .evaluate)
                return (logits.to(dtype: .float32).softmax().floats, deltas.floats)
            }
        }
        return select(boxes, scores, deltas, originalSize)
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
            for index in nonMaximumSuppression(boxes, scores: confidences, iouThreshold: filter.nmsThreshold) {
                detections.append(Detection(box: boxes[index], classIndex: k, score: confidences[index]))
            }
        }
        let order = detections.map(\.score).indicesByDescendingValue()
        return order.prefix(filter.detectionsPerImage).map { detections[$0] }
    }
}

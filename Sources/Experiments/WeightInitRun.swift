public import Backbone
public import Datasets
internal import Imaging
internal import Probes
public import Reporting
public import Support
public import Torch

/// Makes weights that nothing was learnt with: random ones, or such that images have shaped (Krähenbühl et al., ICLR 2016).
public struct WeightInitRun {
    public var seed: UInt64 = 0
    public var device = Device.cpu

    public init() {}

    /// What files that it writes say they learnt from.
    static let randomObjective = "random-init"
    static let dataDrivenObjective = "data-driven"

    /// The images that shape weights.
    public struct Images {
        public var source: any ImageCollection
        /// How many of them are looked at; the paper's number.
        public var count = 160
        public var workers = 2
        public var onBadImage = BadImagePolicy.stop

        public init(_ source: any ImageCollection) { self.source = source }
    }

    /// A network and what a weight file says of it.
    private struct Model {
        let network: any Network
        let parameters: Parameters
        var description: WeightDescription
    }

    /// As the network is initialised.
    public func random(_ config: NetworkConfig, to path: String) throws {
        let model = model(WeightSource.description(of: config, objective: Self.randomObjective))
        try WeightFile.write(model.parameters, model.description, to: path)
    }

    /// Weights whose directions come from images, scaled within layers and between them.
    ///
    /// - Parameter imageSize: Side of the network's input in pixels.
    /// - Throws: `InputError` for a network with branches or batch norm, and for what the images lack.
    public func dataDriven(
        _ config: NetworkConfig, _ directions: WeightDirections, from images: Images, imageSize: Int, to path: String
    ) throws -> WeightInitResult {
        try config.architecture.require(imageSize: imageSize)
        var description = WeightSource.description(of: config, objective: Self.dataDrivenObjective)
        description.imageSize = imageSize
        var model = model(description)
        let initialization = try DataDrivenInitialization(model.network, seed: seed)
        let batches = try batches(of: images, for: description)
        let bar = ProgressBar("weights", total: initialization.layerCount, unit: "layers")
        let gaussian = try initialization.draw(directions, from: batches) { done in
            try Interruption.check()
            bar.update(done)
        }
        bar.finish()
        let rates = initialization.balance(Array(batches.prefix(Self.balancedBatches)))
        model.description.details = [
            "directions": .string(directions.rawValue),
            "drawn_from_a_normal_distribution": .array(gaussian.map { .string($0) }),
            "data": .string(images.source.source), "images": .integer(batches.reduce(0) { $0 + $1.size(0) }),
            "seed": .integer(Int(truncatingIfNeeded: seed)),
        ]
        try WeightFile.write(model.parameters, model.description, to: path)
        return WeightInitResult(config: config, rates: rates, gaussian: gaussian)
    }

    /// The weights of a file, its layers scaled to change at one rate.
    ///
    /// - Throws: `InputError` likewise, and for the file.
    public func rescaled(_ path: String, from images: Images, to out: String) throws -> WeightInitResult {
        let opened = try WeightFile.open(path)
        var model = model(opened.description)
        let initialization = try DataDrivenInitialization(model.network, seed: seed)
        // The projection of instance discrimination fits features of the old length alone.
        try model.parameters.loadExactly(
            opened.file.tensors().filter { !$0.key.hasPrefix("projection.") }, from: path)
        let rates = initialization.balance(
            try batches(of: images, for: opened.description, atMost: Self.balancedBatches))
        let rescaling: JSON = [
            "data": .string(images.source.source),
            "seed": .integer(Int(truncatingIfNeeded: seed)),
        ]
        model.description.details = .object((opened.description.details.members ?? []) + [.init("rescaled", rescaling)])
        try WeightFile.write(model.parameters, model.description, to: out)
        return WeightInitResult(config: opened.description.config, rates: rates, gaussian: [])
    }

    private func model(_ description: WeightDescription) -> Model {
        let scope = Scope(seed: seed, device: device)
        return Model(
            network: description.config.makeNetwork(scope), parameters: scope.parameters, description: description)
    }

    /// [B, 3, H, W] each, of images drawn from the whole set.
    ///
    /// - Parameter most: Batches to make of them, the first ones; nil for all.
    private func batches(
        of images: Images, for description: WeightDescription, atMost most: Int? = nil
    ) throws -> [Tensor] {
        var random = RandomStream(seed, Self.choiceKey)
        let drawn = random.permutation(images.source.count).prefix(images.count).sorted()
        let chosen = most.map { Array(drawn.prefix($0 * Self.batchSize)) } ?? drawn
        let loader = TestBatches(
            batchSize: Self.batchSize, pipeline: FeatureExtractor.testPipeline(imageSize: description.imageSize),
            workers: images.workers, onBadImage: images.onBadImage)
        var batches: [Tensor] = []
        try loader.forEach(
            of: Subset(images.source, indices: chosen), progress: { _ in try Interruption.check() }
        ) { batch in
            batches.append(
                description.normalization(
                    batch.pixels, count: batch.count, height: batch.size.height, width: batch.size.width,
                    device: device))
        }
        return batches
    }

    private static let batchSize = 16

    /// Batches whose gradients balance the layers; the authors' code takes one.
    private static let balancedBatches = 2

    /// Tells the stream that chooses images from the others of the same seed.
    private static let choiceKey: UInt64 = 0x696e_6974_6961_6c
}

/// What became of the layers.
public struct WeightInitResult {
    public var config: NetworkConfig
    public var rates: [DataDrivenInitialization.Rate]
    /// Layers drawn from N(0, 1), their inputs being too few for their units.
    public var gaussian: [String]

    public var report: Report {
        var table = Table(
            [.text("layer"), .number("rate before", decimals: 6), .number("rate after", decimals: 6)],
            rates.map { [.text($0.layer), .number($0.before), .number($0.after)] },
            notes: ["rate: root mean square of the gradient over that of the weights"])
        if !gaussian.isEmpty {
            table.notes.append(
                "drawn from N(0, 1), having fewer inputs than units: \(gaussian.joined(separator: ", "))")
        }
        return Report("Weights of \(config)", [.table(table)])
    }

    public var json: JSON {
        [
            "network": .string("\(config)"),
            "rates": .array(
                rates.map { ["layer": .string($0.layer), "before": .number($0.before), "after": .number($0.after)] }),
            "drawn_from_a_normal_distribution": .array(gaussian.map { .string($0) }),
        ]
    }
}

internal import Foundation
public import Support
public import Torch

/// What the weights of a layer look like before they are scaled.
public enum WeightDirections: String, CaseIterable, Sendable {
    /// Centres of whitened patches of the layer's input.
    case kmeans
    /// Their principal components.
    case pca
    /// Drawn from N(0, 1).
    case gaussian
}

/// Weights that images have shaped, without learning: every unit is alive on real images, and every layer changes at one rate
/// (Krähenbühl, Doersch, Donahue, Darrell, "Data-dependent initializations of convolutional neural networks", ICLR 2016).
///
/// Only for networks without branches and without batch norm: AlexNet and VGG16.
public struct DataDrivenInitialization {
    /// β, the mean of every unit before its ReLU.
    public static let meanActivation = 0.1
    /// Patches of a layer's input that directions are found from.
    private static let patchCount = 20_000

    private let layers: [StackedLayer]
    private let seed: UInt64
    private let generator: Generator

    /// - Throws: `InputError` for a network with branches or batch norm.
    public init(_ network: any Network, seed: UInt64) throws(InputError) {
        guard let network = network as? any StackedNetwork, !network.hasBatchNorm else {
            throw InputError(
                "data-driven initialisation", "needs layers that follow each other without branches or batch norm",
                remedy: "use alexnet or vgg16")
        }
        self.init(network.stack, seed: seed)
    }

    package init(_ layers: [StackedLayer], seed: UInt64) {
        self.layers = layers
        self.seed = seed
        generator = Generator(seed: seed)
    }

    public var layerCount: Int { layers.count }
    package var layerNames: [String] { layers.map(\.name) }

    // MARK: Within layers

    /// Draws all weights, and scales those of each unit so that its values before the ReLU have deviation 1 and mean β over the
    /// images and places (algorithm 1).
    ///
    /// - Parameters:
    ///   - images: [N, 3, H, W] each.
    ///   - progress: Gets the number of layers done.
    /// - Returns: The layers whose inputs are too few for their units; they are drawn from N(0, 1).
    @discardableResult
    public func draw(
        _ directions: WeightDirections, from images: [Tensor], progress: (Int) throws -> Void = { _ in }
    ) throws -> [String] {
        try withoutGradients {
            var gaussian: [String] = []
            var inputs = images
            for (index, layer) in layers.enumerated() {
                inputs = inputs.map(layer.prepare)
                let found = directions == .gaussian ? nil : self.directions(directions, of: layer, index, inputs)
                if found == nil, directions != .gaussian { gaussian.append(layer.name) }
                layer.weight.copy_(found ?? Tensor.randn(layer.weight.shape, generator: generator))
                layer.bias.fill_(0)
                normalize(layer, inputs)
                inputs = inputs.map { layer($0).relu_() }
                try progress(index + 1)
            }
            return gaussian
        }
    }

    private func normalize(_ layer: StackedLayer, _ inputs: [Tensor]) {
        let units = layer.bias.count
        var (sum, squares) = (Tensor.zeros([units], dtype: .float64), Tensor.zeros([units], dtype: .float64))
        var count = 0
        for input in inputs {
            // [values, units]
            let values = layer(input).transpose(0, 1).reshape(units, -1).to(dtype: .float64)
            count += values.size(1)
            sum = sum + values.sum([1]).to(device: .cpu)
            squares = squares + values.square().sum([1]).to(device: .cpu)
        }
        let mean = sum / Double(count)
        let deviation = (squares / Double(count) - mean.square()).clamp(min: 0).sqrt()
        // A unit that says the same everywhere keeps its weights.
        let scale = Tensor.where(
            deviation.greater(1e-12), deviation.reciprocal(), Tensor.ones([units], dtype: .float64))
        let bias = -(mean * scale) + Self.meanActivation
        func placed(_ values: Tensor) -> Tensor { values.to(dtype: .float32).uploaded(to: layer.weight.device) }
        layer.weight.mul_(placed(scale).reshape([units] + Array(repeating: 1, count: layer.weight.shape.count - 1)))
        layer.bias.copy_(placed(bias))
    }

    /// Weights from patches of the layer's input; nil when there are fewer of them than units.
    private func directions(
        _ kind: WeightDirections, of layer: StackedLayer, _ index: Int, _ inputs: [Tensor]
    ) -> Tensor? {
        let units = layer.bias.count
        let images = inputs.reduce(0) { $0 + $1.size(0) }
        var random = RandomStream(seed, UInt64(index))
        let each = layer.steps == nil ? 1 : max(1, Self.patchCount / images)
        guard each * images >= units else { return nil }
        let rows = Tensor.cat(
            inputs.flatMap { input in
                (0..<input.size(0)).map { layer.patches(of: input.narrow(0, $0, 1), count: each, &random) }
            }
        ).to(device: .cpu)
        let space = WhitenedSpace(rows, dimensions: units)
        let points: Tensor
        switch kind {
        case .kmeans: points = kMeans(space.points.l2Normalized(), clusters: units, &random)
        case .pca, .gaussian:
            // More units than dimensions: the rest are mixtures.
            let spare = units - space.dimensions
            let mixed = spare > 0 ? [Tensor.randn([spare, space.dimensions], generator: generator)] : []
            points = Tensor.cat([Tensor.identity(space.dimensions)] + mixed)
        }
        return space.weights(points).reshape(layer.weight.shape)
    }

    // MARK: Between layers

    /// How fast a layer would change: the root mean square of its gradient over that of its weights.
    public struct Rate: Hashable, Sendable {
        public var layer: String
        public var before: Double
        public var after: Double
    }

    /// Scales whole layers so that all change at one rate, under a random gradient at the top, and the output has deviation 1
    /// (algorithm 2). What the network says stays the same but for its scale.
    ///
    /// - Parameter images: [N, 3, H, W] each; some dozen images are enough.
    public func balance(_ images: [Tensor], rounds: Int = 10) -> [Rate] {
        var before: [Double]?
        var (rates, deviation) = measure(images)
        for _ in 0..<rounds {
            before = before ?? rates
            let target =
                exp(rates.map(log).reduce(0, +) / Double(rates.count)) * pow(deviation, 1 / Double(rates.count))
            guard rates.contains(where: { abs(log($0 / target)) > 0.01 }) else { break }
            var below = 1.0
            withoutGradients {
                for (layer, rate) in zip(layers, rates) {
                    let scale = (rate / target).squareRoot()
                    layer.weight.mul_(scale)
                    below *= scale
                    layer.bias.mul_(below)
                }
            }
            (rates, deviation) = measure(images)
        }
        return zip(layers, zip(before ?? rates, rates)).map { Rate(layer: $0.name, before: $1.0, after: $1.1) }
    }

    /// What the last layer says, before any ReLU.
    package func output(_ images: Tensor) -> Tensor {
        layers.enumerated().reduce(images) { x, layer in
            let y = layer.element(layer.element.prepare(x))
            return layer.offset < layers.count - 1 ? y.relu() : y
        }
    }

    /// The rate of each layer, and the deviation of the output over the images.
    private func measure(_ images: [Tensor]) -> (rates: [Double], deviation: Double) {
        let trained = layers.map(\.weight.requiresGradient)
        for layer in layers {
            layer.weight.requiresGradient = true
            layer.weight.gradient = nil
            layer.bias.gradient = nil
        }
        var outputs: [Tensor] = []
        // The same gradient each time, so that a round sees what the one before has done.
        let generator = Generator(seed: seed &+ 1)
        for image in images {
            let x = output(image)
            x.backward(Tensor.randn(x.shape, generator: generator).uploaded(to: x.device))
            outputs.append(x.detach())
        }
        let rates = withoutGradients {
            layers.map { layer in
                let gradient = layer.weight.gradient.map { $0.square().mean().item } ?? 0
                return (gradient / layer.weight.square().mean().item).squareRoot()
            }
        }
        for (layer, isTrained) in zip(layers, trained) {
            layer.weight.gradient = nil
            layer.bias.gradient = nil
            layer.weight.requiresGradient = isTrained
        }
        let all = Tensor.cat(outputs)
        let variance = all.square().mean([0]) - all.mean([0]).square()
        return (rates, variance.clamp(min: 0).sqrt().mean().item)
    }
}

/// The leading principal components of rows, each scaled to one deviation.
private struct WhitenedSpace {
    let points: Tensor  // [n, dimensions]
    private let back: Tensor  // [dimensions, D]

    var dimensions: Int { back.size(0) }

    /// - Parameter rows: [n, D]
    init(_ rows: Tensor, dimensions: Int) {
        let centred = rows - rows.mean([0])
        let (values, vectors) = centred.transpose().matmul(centred).symmetricEigen()
        let first = max(0, values.count - dimensions)
        let leading = values.narrow(0, first, values.count - first)
        let scale = Tensor.where(
            leading.less(1e-6), leading.zerosLike(), (leading.clamp(min: 0) + 1e-3).sqrt().reciprocal())
        let map = (vectors.narrow(1, first, values.count - first) * scale)  // [D, dimensions]
        points = centred.matmul(map)
        back = map.transpose()
    }

    /// Weights whose product with a row is the product of a point with the row's: [units, dimensions] → [units, D].
    func weights(_ points: Tensor) -> Tensor { points.matmul(back) }
}

/// Lloyd's k-means from centres drawn of the rows: [n, D] → [clusters, D].
private func kMeans(_ rows: Tensor, clusters: Int, _ random: inout RandomStream, rounds: Int = 20) -> Tensor {
    let order = random.permutation(rows.size(0))
    var centres = rows.indexSelect(0, Tensor(Array(order.prefix(clusters))))
    let numbers = Tensor.arange(clusters).to(dtype: .int64)
    for _ in 0..<rounds {
        let nearest = (rows.matmul(centres.transpose()) * 2 - centres.square().sum([1])).argmax(1)
        let belongs = nearest.unsqueeze(1).equal(numbers.unsqueeze(0)).to(dtype: .float32)  // [n, clusters]
        let counts = belongs.sum([0]).unsqueeze(1)
        let means = belongs.transpose().matmul(rows) / counts.clamp(min: 1)
        // A centre that no row is nearest to stays.
        centres = Tensor.where(counts.greater(0), means, centres)
    }
    return centres
}

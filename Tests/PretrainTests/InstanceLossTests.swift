import Foundation
import Pretrain
import Support
import TestSupport
import Testing
import Torch

@Suite(.tags(.unit), .tiered) struct InstanceLossTests {
    static func bank(_ rows: [Double], dimension: Int) -> MemoryBank {
        let bank = MemoryBank(count: rows.count / dimension, dimension: dimension, generator: Generator(seed: 0))
        bank.rows.copy_(Tensor(rows, shape: [rows.count / dimension, dimension]))
        return bank
    }

    static func nce(
        _ temperature: Double, _ negatives: Int, _ generator: Generator = Generator(seed: 0),
        partition: PartitionEstimate.Method = .frozen(batches: 1), mode: NegativesMode = .perSample,
        excludesPositive: Bool = false
    ) -> NoiseContrastiveEstimation {
        NoiseContrastiveEstimation(
            temperature: temperature, partition: PartitionEstimate(partition),
            sampler: NoiseSampler(
                negatives: negatives, mode: mode, excludesPositive: excludesPositive, generator: generator))
    }

    /// Noise for a batch from a flat list, that of the first sample first.
    static func noise(_ indices: [Int], batch: Int) -> NoiseImages {
        NoiseImages(Tensor(indices, shape: [batch, indices.count / batch]))
    }

    // n = 4, D = 2, m = 2, τ = 1. The bank points to the right, up, left and down; the feature is row 0 itself, and
    // the noise rows are 1 (up, similarity 0) and 2 (left, similarity -1).
    //   Z    = 4 · (e^0 + e^-1) / 2 = 2.735759
    //   P    = e^s / Z: .993612 (positive), .365529, .134471;  m·Pn = 2/4
    //   h    = .993612 / 1.493612 = .665241
    //   1-h' = .5 / .865529 = .577681  and  .5 / .634471 = .788058
    //   L    = -ln .665241 - ln .577681 - ln .788058 = 1.194522
    // The full softmax has the similarities 1, 0, -1, 0: L = ln(1 + 2e^-1 + e^-2) = .626523.
    @Test func fourImagesByHand() {
        let bank = Self.bank([1, 0, 0, 1, -1, 0, 0, -1], dimension: 2)
        let feature = Tensor([Float(1), 0], shape: [1, 2])
        let nce = Self.nce(1, 2, Generator(seed: 0))
        #expect(nce.partition.value == nil)
        let loss = nce.loss(feature, Tensor([0]), Self.noise([1, 2], batch: 1), bank).value
        #expect(abs(loss.item - 1.194522107) < 1e-6)
        #expect(abs((nce.partition.value ?? 0) - 2.735758882) < 1e-6)
        let softmax = NonParametricSoftmax(temperature: 1)
        #expect(abs(softmax(feature, Tensor([0]), bank).value.item - 0.626523375) < 1e-6)
    }

    // float32 similarities divided by τ = .07 reach 14 with an error of 1e-6, which the exponential turns into 1e-6
    // of the value: 1e-5 for losses, 1e-4 of the largest component for gradients.
    @Test(arguments: 0..<3) func valuesAndGradientsAreTorchs(_ index: Int) throws {
        let golden = try Golden.read("instance_loss.json")
        let test = try #require(golden["cases"]?.arrayValue?[index])
        let temperature = try #require(test["temperature"]?.doubleValue)
        let (batch, dimension) = (golden["batch"]?.intValue ?? 0, golden["dimension"]?.intValue ?? 1)
        let bank = Self.bank(golden["bank"]?.doubles ?? [], dimension: dimension)
        let indices = Tensor(test["indices"]?.ints ?? [])
        let noise = Self.noise(test["noise"]?.ints ?? [], batch: batch)
        let nce = Self.nce(temperature, golden["negatives"]?.intValue ?? 0, Generator(seed: 0))
        func check(_ name: String, _ loss: (Tensor) -> Tensor) throws {
            let expected = try #require(test[name])
            let features = Tensor((expected["features"]?.doubles ?? []).map { Float($0) }, shape: [batch, dimension])
            features.requiresGradient = true
            let value = loss(features)
            value.backward()
            #expect(isClose([value.item], [expected["loss"]?.doubleValue ?? .nan], 1e-5), "\(name) loss")
            let gradient = try #require(features.gradient)
            #expect(isClose(gradient.doubles, expected["gradient"]?.doubles ?? [], 1e-4), "\(name) gradient")
        }
        try check("nce_first") { nce.loss($0, indices, noise, bank).value }
        #expect(isClose([nce.partition.value ?? .nan], [test["z"]?.doubleValue ?? 0], 1e-5))
        // Z stays what the first batch made it.
        try check("nce_later") { nce.loss($0, indices, noise, bank).value }
        #expect(isClose([nce.partition.value ?? .nan], [test["z"]?.doubleValue ?? 0], 1e-5))
        let shared = NoiseImages(Tensor(test["shared_noise"]?.ints ?? []))
        let isOwn = indices.unsqueeze(1).equal(shared.indices.unsqueeze(0))
        try check("nce_shared") { nce.loss($0, indices, shared, bank).value }
        try check("nce_excluded") {
            nce.loss($0, indices, NoiseImages(shared.indices, excluded: isOwn), bank).value
        }
        try check("proximal") { ProximalRegularization(weight: 30)($0, bank.select(indices)) }
        try check("softmax") { NonParametricSoftmax(temperature: temperature)($0, indices, bank).value }
    }

    /// The ratio of the paper in Double; Z is given and constant.
    private func reference(
        _ f: [Double], _ rows: [Double], positive: Int, noise: [Int], _ temperature: Double, z: Double
    ) -> Double {
        let n = Double(rows.count / f.count)
        func p(_ i: Int) -> Double {
            exp(zip(f, rows[(i * f.count)...]).reduce(0) { $0 + $1.0 * $1.1 } / temperature) / z
        }
        let ground = Double(noise.count) / n
        return noise.reduce(-log(p(positive) / (p(positive) + ground))) { $0 - log(ground / (p($1) + ground)) }
    }

    // Differences of the Double reference with step 1e-5 are good to 1e-8; what is left is float32, as above.
    @Test func gradientIsThatOfFiniteDifferences() throws {
        let generator = Generator(seed: 4)
        let bank = MemoryBank(count: 20, dimension: 6, generator: generator)
        let features = Tensor.randn([1, 6], generator: generator).l2Normalized()
        features.requiresGradient = true
        let nce = Self.nce(0.1, 5, generator)
        let loss = nce.loss(features, Tensor([3]), Self.noise([0, 3, 19, 7, 7], batch: 1), bank).value
        loss.backward()
        let (f, rows, z) = (features.doubles, bank.rows.doubles, try #require(nce.partition.value))
        func value(_ f: [Double]) -> Double { reference(f, rows, positive: 3, noise: [0, 3, 19, 7, 7], 0.1, z: z) }
        #expect(isClose([loss.item], [value(f)], 1e-5))
        let differences = f.indices.map { i in
            var (above, below) = (f, f)
            above[i] += 1e-5
            below[i] -= 1e-5
            return (value(above) - value(below)) / 2e-5
        }
        #expect(isClose(try #require(features.gradient).doubles, differences, 1e-4))
    }

    // Similarities of random directions are nearly N(0, 1/D), so Z/n = E exp(s/τ) = exp(1/(2Dτ²)): 2.22 and 1.48.
    // The mean of 131,000 draws from 20,000 rows is good to about 1 %.
    @Test(arguments: [(0.07, 2.218), (0.1, 1.478)])
    func normalizerOfARandomBank(temperature: Double, expected: Double) throws {
        let generator = Generator(seed: 1)
        let bank = MemoryBank(count: 20_000, dimension: 128, generator: generator)
        let features = Tensor.randn([32, 128], generator: generator).l2Normalized()
        let nce = Self.nce(temperature, 4096, generator)
        _ = nce(features, Tensor.arange(32), bank)
        let ratio = try #require(nce.partition.value) / 20_000
        #expect(abs(ratio - expected) < 0.03 * expected)
    }

    // With rows along and across the feature, Z/n = share · e + (1 - share): tells how often each row was drawn.
    @Test func noiseIsUniformOverTheWholeBank() throws {
        let bank = Self.bank([1, 0, 0, 1], dimension: 2)
        let nce = Self.nce(1, 4000, Generator(seed: 9))
        _ = nce(Tensor([Float(1), 0], shape: [1, 2]), Tensor([0]), bank)
        let share = (try #require(nce.partition.value) / 2 - 1) / (exp(1) - 1)
        #expect(abs(share - 0.5) < 0.04)
    }

    @Test func noiseFollowsFromTheGenerator() throws {
        let generator = Generator(seed: 2)
        let bank = MemoryBank(count: 500, dimension: 8, generator: generator)
        let features = Tensor.randn([4, 8], generator: generator).l2Normalized()
        let nce = Self.nce(0.1, 16, generator)
        _ = nce(features, Tensor.arange(4), bank)
        let state = generator.state
        let losses = (0..<3).map { _ in nce(features, Tensor.arange(4), bank).value.item }
        #expect(Set(losses).count == 3)
        try generator.restore(state)
        #expect((0..<3).map { _ in nce(features, Tensor.arange(4), bank).value.item } == losses)
    }

    // Similarities of ±1 at τ = .01 give e^±100, which no float32 ratio can hold.
    @Test func extremeLogitsStayFinite() throws {
        let bank = Self.bank([1, 0, -1, 0, 0, 1], dimension: 2)
        let feature = Tensor([Float(1), 0], shape: [1, 2])
        feature.requiresGradient = true
        let nce = Self.nce(0.01, 2, Generator(seed: 0))
        _ = nce.loss(feature, Tensor([0]), Self.noise([2, 2], batch: 1), bank)
        // Z = 3: a positive at -1 and a noise image at +1 each cost 100 and the logarithm of m·Pn·Z = 2.
        let loss = nce.loss(feature, Tensor([1]), Self.noise([0, 0], batch: 1), bank).value
        #expect(abs(loss.item - (100 + log(2) + 2 * (100 - log(2)))) < 1e-3)
        loss.backward()
        #expect(try #require(feature.gradient).isFinite)
    }

    // Blocks of 1, 3 and 5 rows do not divide the 12 rows of the bank evenly; the sums must not care.
    @Test(arguments: [1, 3, 5, 100]) func blocksOfTheBankChangeNothing(rows: Int) throws {
        let generator = Generator(seed: 6)
        let bank = MemoryBank(count: 12, dimension: 4, generator: generator)
        let values = Tensor.randn([2, 4], generator: generator).l2Normalized().floats
        func result(_ blockRows: Int) throws -> (InstanceLoss, [Double]) {
            let features = Tensor(values, shape: [2, 4])
            features.requiresGradient = true
            var softmax = NonParametricSoftmax(temperature: 0.05)
            softmax.blockRows = blockRows
            let loss = softmax(features, Tensor([3, 11]), bank)
            loss.value.backward()
            return (loss, try #require(features.gradient).doubles)
        }
        let (whole, wholeGradient) = try result(12)
        let (parts, partsGradient) = try result(rows)
        // 1e-6: the order of sums in float32.
        #expect(isClose([parts.value.item], [whole.value.item], 1e-6))
        #expect(isClose(partsGradient, wholeGradient, 1e-5))
        #expect(abs(parts.negativeSimilarity.item - whole.negativeSimilarity.item) < 1e-6)
    }

    // By hand from the bank right, up, left, down and the feature to the right: 1 with itself, (0 - 1 + 0)/3 with the
    // others; (0 - 1)/2 with the noise.
    @Test func meanSimilarities() {
        let bank = Self.bank([1, 0, 0, 1, -1, 0, 0, -1], dimension: 2)
        let feature = Tensor([Float(1), 0], shape: [1, 2])
        let softmax = NonParametricSoftmax(temperature: 1)(feature, Tensor([0]), bank)
        #expect(
            abs(softmax.positiveSimilarity.item - 1) < 1e-6 && abs(softmax.negativeSimilarity.item + 1.0 / 3) < 1e-6)
        let nce = Self.nce(1, 2)
        let sampled = nce.loss(feature, Tensor([0]), Self.noise([1, 2], batch: 1), bank)
        #expect(abs(sampled.positiveSimilarity.item - 1) < 1e-6 && abs(sampled.negativeSimilarity.item + 0.5) < 1e-6)
    }
}

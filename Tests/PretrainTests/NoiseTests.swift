import Foundation
import Pretrain
import TestSupport
import Testing
import Torch

@Suite(.tags(.unit), .tiered) struct NoiseTests {
    private func sampler(_ negatives: Int, _ mode: NegativesMode, excludes: Bool) -> NoiseSampler {
        NoiseSampler(
            negatives: negatives, mode: mode, excludesPositive: excludes, generator: Generator(seed: 5))
    }

    @Test func eachSampleHasNoiseOfItsOwn() {
        let noise = sampler(50, .perSample, excludes: false).draw(for: Tensor([3, 4]), among: 10)
        #expect(noise.indices.shape == [2, 50] && !noise.isShared && noise.perSample == 50)
        #expect(noise.excluded == nil)
        let values = noise.indices.ints
        #expect(values.allSatisfy { (0..<10).contains($0) })
        #expect(values.prefix(50) != values.suffix(50))
    }

    // Of n = 4 images each of the three others gets a third; 3,000 draws have a deviation of 26.
    @Test(arguments: 0..<4) func thePositiveIsLeftOutEvenly(own: Int) {
        let noise = sampler(3000, .perSample, excludes: true).draw(for: Tensor([own]), among: 4)
        let counts = noise.indices.ints.reduce(into: [0, 0, 0, 0]) { $0[$1] += 1 }
        for image in 0..<4 {
            #expect(image == own ? counts[image] == 0 : abs(counts[image] - 1000) < 130)
        }
    }

    @Test func aBatchSharesItsNoise() {
        let noise = sampler(6, .shared, excludes: true).draw(for: Tensor([0, 1]), among: 3)
        #expect(noise.indices.shape == [6] && noise.isShared)
        let drawn = noise.indices.ints
        let excluded = noise.excluded?.to(dtype: .int64).ints
        #expect(excluded == drawn.map { $0 == 0 ? 1 : 0 } + drawn.map { $0 == 1 ? 1 : 0 })
        #expect(sampler(6, .shared, excludes: false).draw(for: Tensor([0]), among: 3).excluded == nil)
    }

    // The same noise written out for each sample gives the same loss and gradient as sharing it; 1e-6: one is a matrix
    // product, the other sums row by row.
    @Test(arguments: [DType.float32, .bfloat16])
    func sharingChangesNoValue(storage: DType) throws {
        let generator = Generator(seed: 2)
        let bank = MemoryBank(count: 40, dimension: 8, generator: generator, storage: storage)
        let values = Tensor.randn([3, 8], generator: generator).l2Normalized().floats
        let drawn = [1, 5, 5, 39, 0]
        func result(_ noise: NoiseImages) throws -> (Double, [Double]) {
            let features = Tensor(values, shape: [3, 8])
            features.requiresGradient = true
            let nce = InstanceLossTests.nce(0.1, 5)
            let loss = nce.loss(features, Tensor([7, 8, 9]), noise, bank).value
            loss.backward()
            return (loss.item, try #require(features.gradient).doubles)
        }
        let shared = try result(NoiseImages(Tensor(drawn)))
        let written = try result(InstanceLossTests.noise(drawn + drawn + drawn, batch: 3))
        #expect(isClose([shared.0], [written.0], 1e-6))
        #expect(isClose(shared.1, written.1, 1e-5))
    }

    // A shared noise image that is the sample's own image counts as if it had not been drawn.
    @Test func anExcludedPositiveAddsNothing() {
        let bank = InstanceLossTests.bank([1, 0, 0, 1, -1, 0, 0, -1], dimension: 2)
        let feature = Tensor([Float(0.6), 0.8], shape: [1, 2])
        func loss(_ noise: NoiseImages) -> Double {
            let nce = InstanceLossTests.nce(1, 2)
            // Z from the same images in both cases.
            _ = nce.loss(feature, Tensor([0]), NoiseImages(Tensor([2, 3])), bank)
            return nce.loss(feature, Tensor([0]), noise, bank).value.item
        }
        let excluded = loss(NoiseImages(Tensor([0, 1]), excluded: Tensor([UInt8(1), 0], shape: [1, 2]).greater(0)))
        let included = loss(NoiseImages(Tensor([0, 1])))
        // ln(1 − h) of the positive itself is what is missing: h = P/(P + .5), P = e^.6 / Z, Z = 4·(e^-.6 + e^-.8)/2.
        let p = exp(0.6) / (2 * (exp(-0.6) + exp(-0.8)))
        #expect(abs(included - excluded - log((p + 0.5) / 0.5)) < 1e-5)
    }
}

@Suite(.tags(.unit), .tiered) struct PartitionEstimateTests {
    @Test func theFirstBatchesCountAndThenNoMore() {
        let z = PartitionEstimate(.frozen(batches: 2))
        #expect(z.value == nil && z.isOpen)
        z.add(Tensor([4.0], shape: []))
        #expect(z.value == 4 && z.isOpen)
        z.add(Tensor([8.0], shape: []))
        #expect(z.value == 6 && !z.isOpen)
    }

    /// A captured step finds it where it was.
    @Test(arguments: [PartitionEstimate.Method.frozen(batches: 3), .movingAverage(decay: 0.5)])
    func itStaysInItsPlace(method: PartitionEstimate.Method) {
        let z = PartitionEstimate(method)
        z.add(Tensor([4.0], shape: []))
        let tensor = z.tensor
        z.add(Tensor([8.0], shape: []))
        #expect(z.tensor === tensor && tensor?.item == 6)
    }

    @Test func aMovingAverageStartsAtTheFirstBatch() {
        let z = PartitionEstimate(.movingAverage(decay: 0.75))
        z.add(Tensor([4.0], shape: []))
        z.add(Tensor([8.0], shape: []))
        #expect(z.value == 5 && z.isOpen)
    }

    @Test func itsStateGoesOn() {
        let z = PartitionEstimate(.frozen(batches: 3))
        z.add(Tensor([1.1], shape: []))
        z.add(Tensor([2.2], shape: []))
        let restored = PartitionEstimate(.frozen(batches: 3))
        restored.restore(z.state, device: .cpu)
        #expect(restored.value == z.value && restored.batches == z.batches)
        restored.add(Tensor([0.1], shape: []))
        z.add(Tensor([0.1], shape: []))
        #expect(restored.value == z.value && !restored.isOpen)
    }
}

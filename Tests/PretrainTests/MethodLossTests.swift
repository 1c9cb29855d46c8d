import Foundation
import Pretrain
import Support
import TestSupport
import Testing
import Torch

/// The losses of methods with two views, by hand and by finite differences.
@Suite(.tags(.unit), .tiered) struct MethodLossTests {
    // q = (1, 0), k⁺ = (.8, .6), queue (0, 1), (−1, 0), τ = .5: −ln e^1.6 / (e^1.6 + e^0 + e^−2) = .206380.
    @Test func oneKeyAmongThreeByHand() {
        let loss = InfoNCE(temperature: 0.5)
        let (q, k) = (Tensor([Float(1), 0], shape: [1, 2]), Tensor([Float(0.8), 0.6], shape: [1, 2]))
        let queue = Tensor([Float(0), 1, -1, 0], shape: [2, 2])
        let result = loss(q, k, negatives: queue)
        #expect(abs(result.value.item - 0.206380) < 1e-6)
        #expect(abs(result.positiveSimilarity.item - 0.8) < 1e-6 && abs(result.negativeSimilarity.item + 0.5) < 1e-6)
        // The first key is no negative: −ln e^1.6 / (e^1.6 + e^−2).
        let excluded = loss(q, k, negatives: queue, excluded: Tensor([1, 0], shape: [1, 2]).equal(1))
        #expect(abs(excluded.value.item - log(1 + exp(-3.6))) < 1e-6)
    }

    @Test(arguments: [(4096, 8.3180), (65536, 11.0904)]) func equalKeysAreAsGoodAsAny(count: Int, expected: Double) {
        let same = Tensor.ones([3, 4]).l2Normalized()
        let loss = InfoNCE(temperature: 0.07)(same, same, negatives: Tensor.ones([count, 4]).l2Normalized())
        #expect(abs(loss.value.item - expected) < 1e-3)
    }

    // z₁ = (1, 0), (0, 1), z₂ = (.8, .6), (−.6, .8), τ = .5.
    @Test func twoPairsByHand() {
        let views = Tensor([Float(1), 0, 0, 1, 0.8, 0.6, -0.6, 0.8], shape: [4, 2])
        #expect(abs(NTXent(temperature: 0.5)(views).value.item - 0.430190) < 1e-6)
    }

    @Test func partnersAmongEqualAndOrthogonalViews() {
        // ln(2B − 1)
        let same = Tensor.ones([16, 4]).l2Normalized()
        #expect(abs(NTXent(temperature: 0.1)(same).value.item - 2.70805) < 1e-4)
        // ln(e^{1/τ} + 2B − 2) − 1/τ
        let axes = Tensor.arange(8).unsqueeze(0).equal(Tensor.arange(8).unsqueeze(1)).to(dtype: .float32)
        for (temperature, expected) in [(0.1, 0.000635), (0.5, 1.06288)] {
            let loss = NTXent(temperature: temperature)(Tensor.cat([axes, axes])).value.item
            #expect(abs(loss - expected) < 1e-5)
        }
    }

    /// 2 − 2·cos of equal, orthogonal and opposite vectors, whatever their lengths.
    @Test(arguments: [([3, 0], 0), ([0, 0.5], 2), ([-2, 0], 4)] as [([Float], Double)])
    func cosineByHand(other: [Float], expected: Double) {
        let cosine = cosineSimilarity(Tensor([Float(1), 0], shape: [1, 2]), Tensor(other, shape: [1, 2]))
        #expect(abs(2 - 2 * cosine.item - expected) < 1e-6)
    }

    @Test func targetsGetNoGradient() {
        let (prediction, target) = (Tensor([Float(1), 2], shape: [1, 2]), Tensor([Float(2), 1], shape: [1, 2]))
        prediction.requiresGradient = true
        target.requiresGradient = true
        cosineSimilarity(prediction, target).backward()
        #expect(prediction.gradient != nil && target.gradient == nil)
    }

    @Test func spreadOfRandomAndOfEqualEmbeddings() {
        let random = Tensor.randn([4096, 128], generator: Generator(seed: 1)) * 7
        #expect(abs(random.spread.item - 1) < 0.01)
        #expect(Tensor.ones([64, 128]).spread.item < 0.01)
    }

    /// A step of 1e-2 along each of a few values: float32 losses are good to about 1e-6, so differences to about 1e-4.
    @Test func gradientsAreThoseOfFiniteDifferences() {
        let generator = Generator(seed: 4)
        let keys = Tensor.randn([6, 5], generator: generator).l2Normalized()
        let queue = Tensor.randn([9, 5], generator: generator).l2Normalized()
        let start = Tensor.randn([6, 5], generator: generator).floats
        let losses: [(String, (Tensor) -> Tensor)] = [
            ("InfoNCE", { InfoNCE(temperature: 0.3)($0.l2Normalized(), keys, negatives: queue).value }),
            ("NTXent", { NTXent(temperature: 0.3)($0.l2Normalized()).value }),
            ("cosine", { cosineSimilarity($0, keys) }),
            ("triplets", { TripletLoss(margin: 0.5)($0.l2Normalized(), views: 2).value }),
            // A weighted sum: that of a picture of mean 0 would be flat.
            ("standardised", { ($0.reshape(1, 2, 3, 5).standardizedPictures * keys.reshape(1, 2, 3, 5)).sum() }),
        ]
        for (name, loss) in losses {
            let x = Tensor(start, shape: [6, 5])
            x.requiresGradient = true
            loss(x).backward()
            let gradient = x.gradient!.doubles
            for i in [0, 7, 18, 29] {
                let ends = [Float(0.01), -0.01].map { step -> Double in
                    var values = start
                    values[i] += step
                    return loss(Tensor(values, shape: [6, 5])).item
                }
                #expect(abs((ends[0] - ends[1]) / 0.02 - gradient[i]) < 3e-4, "\(name) \(i)")
            }
        }
    }

    // a = (1, 0), p = (.8, .6), n = (.6, .8): squared distances .4, .8 of a, and .08 of p and n.
    @Test func aTripletByHand() {
        let views = Tensor([Float(1), 0, 0.6, 0.8, 0.8, 0.6, 0.6, 0.8], shape: [4, 2])
        // Pairs (a, p): n is farther, .4 − .8 + .5 = .1; (p, a): n is nearer and the farthest there is, .4 − .08 + .5 = .82;
        // twice n with itself: semi-hard is p at .08, 0 − .08 + .5 = .42.
        let (value, accuracy) = TripletLoss(margin: 0.5)(views, views: 2)
        #expect(abs(value.item - (0.1 + 0.82 + 0.42 + 0.42) / 4) < 1e-6)
        // a's nearest is p, p's is n, and both n find each other.
        #expect(accuracy.item == 0.75)
    }

    @Test func picturesAreStandardisedEachForItself() {
        let values: [Float] = [1, 2, 3, 4, 7, 7, 7, 7, 0, 0, 0, 10, 0.1, 0.1, 0.1, 0.1]
        let x = Tensor(values, shape: [2, 2, 2, 2]).standardizedPictures
        let (a, b) = (1 / 1.25.squareRoot(), 1 / 18.75.squareRoot())
        // Without hue or light, as a sky: exactly 0.
        let expected = [
            -1.5 * a, -0.5 * a, 0.5 * a, 1.5 * a, 0, 0, 0, 0, -2.5 * b, -2.5 * b, -2.5 * b, 7.5 * b, 0, 0, 0, 0,
        ]
        #expect(isClose(x.doubles, expected, 1e-5))
        #expect(x.select(0, 0).select(0, 1).doubles == [0, 0, 0, 0])
    }

    // 90 degrees of [[1, 2], [3, 4]] are [[2, 4], [1, 3]].
    @Test func fourTurns() {
        let turns = Rotation.turned(Tensor([Float(1), 2, 3, 4], shape: [1, 1, 2, 2]))
        #expect(turns.shape == [4, 1, 2, 2])
        #expect(turns.floats == [1, 2, 3, 4, 2, 4, 1, 3, 4, 3, 2, 1, 3, 1, 4, 2])
        let image = Tensor.randn([1, 3, 5, 5], generator: Generator(seed: 3))
        var x = image
        for _ in 0..<4 { x = Rotation.turned(x).narrow(0, 1, 1) }
        #expect(x.floats == image.floats)
    }

    @Test func theQueueForgetsTheOldestFirst() throws {
        let queue = KeyQueue(count: 6, dimension: 2, generator: Generator(seed: 2), device: .cpu)
        let first = queue.rows.floats
        #expect(isClose(queue.rows.norm([1]).doubles, [1, 1, 1, 1, 1, 1], 1e-6))
        func keys(_ value: Float) -> Tensor { Tensor([Float](repeating: value, count: 8), shape: [4, 2]) }
        queue.enqueue(keys(1), of: Tensor([10, 11, 12, 13]))
        #expect(queue.rows.floats == [1, 1, 1, 1, 1, 1, 1, 1] + first[8...])
        #expect(queue.indices.ints == [10, 11, 12, 13, -1, -1])
        // Four more: two at the end, two at the beginning.
        queue.enqueue(keys(2), of: Tensor([20, 21, 22, 23]))
        #expect(queue.rows.floats == [2, 2, 2, 2, 1, 1, 1, 1, 2, 2, 2, 2])
        #expect(queue.indices.ints == [22, 23, 12, 13, 20, 21])
        queue.enqueue(keys(3), of: Tensor([30, 31, 32, 33]))
        #expect(queue.indices.ints == [22, 23, 30, 31, 32, 33])
    }
}

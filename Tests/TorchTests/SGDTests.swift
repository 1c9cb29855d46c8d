import TestSupport
import Testing
import Torch

/// The update written out for one number, as torch's documentation of SGD defines it.
@Suite(.tags(.unit), .tiered) struct SGDTests {
    @Test(arguments: [false, true])
    func momentumAndDecayFollowTheDefinition(nesterov: Bool) {
        let scope = Scope(seed: 0)
        let p = scope.parameter("p", [1], .constant(2))
        let optimizer = SGD(
            [ParameterGroup(scope.parameters.trainable, learningRateScale: 2, weightDecay: 0.01)], momentum: 0.9,
            nesterov: nesterov)
        var value = 2.0
        var velocity = 0.0
        for _ in 0..<4 {
            optimizer.clearGradients()
            (p.square() * 0.5).sum().backward()
            optimizer.step(learningRate: 0.1)
            let gradient = value + 0.01 * value
            velocity = 0.9 * velocity + gradient
            value -= 0.2 * (nesterov ? gradient + 0.9 * velocity : velocity)
            // Float32 arithmetic of a few operations.
            #expect(abs(p.detach().doubles[0] - value) < 1e-6)
        }
        #expect(abs(optimizer.state[0].tensor.doubles[0] - velocity) < 1e-6)
    }

    /// Plain descent, by number and by tensor: p ← p − lr · (∇ + wd · p).
    @Test func withoutMomentum() {
        let scope = Scope(seed: 0)
        let p = scope.parameter("p", [1], .constant(2))
        let optimizer = SGD([ParameterGroup(scope.parameters.trainable, weightDecay: 0.5)], momentum: 0)
        (p.square() * 0.5).sum().backward()
        optimizer.step(learningRate: 0.1)
        #expect(abs(p.detach().doubles[0] - (2 - 0.1 * 3)) < 1e-6)
        optimizer.clearGradients()
        (p.square() * 0.5).sum().backward()
        optimizer.step(learningRate: Tensor.zeros([], dtype: .float64).fill_(0.1))
        #expect(abs(p.detach().doubles[0] - 1.7 * 0.85) < 1e-6)
        #expect(optimizer.state[0].tensor.doubles == [0])
    }

    /// With a second group of another rate; the tensor's rate changes between steps.
    @Test func theLearningRateMayBeATensor() {
        func trained(_ step: (SGD, Double) -> Void) -> [Double] {
            let scope = Scope(seed: 0)
            let a = scope.parameter("a", [3], .normal(standardDeviation: 1))
            let b = scope.parameter("b", [2], .normal(standardDeviation: 1))
            let optimizer = SGD(
                [
                    ParameterGroup([scope.parameters.entries[0]], weightDecay: 0.1),
                    ParameterGroup([scope.parameters.entries[1]], learningRateScale: 2, weightDecay: 0),
                ], momentum: 0.9)
            for rate in [0.2, 0.1, 0.01] {
                optimizer.clearGradients()
                (a.square().sum() + b.square().sum()).backward()
                step(optimizer, rate)
            }
            return a.detach().doubles + b.detach().doubles
        }
        let rate = Tensor.zeros([], dtype: .float64)
        let byTensor = trained { $0.step(learningRate: rate.fill_($1)) }
        #expect(byTensor == trained { $0.step(learningRate: $1) })
        #expect(byTensor != trained { optimizer, _ in optimizer.step(learningRate: 0.2) })
    }

    /// The same norm, and gradients that differ by the rounding of one factor.
    @Test(arguments: [0.5, 1, 5, 20]) func clippingByOperatorsIsClipping(limit: Double) {
        func clipped(byOperators: Bool) -> (norm: Double, gradients: [Double]) {
            let scope = Scope(seed: 0)
            let a = scope.parameter("a", [7], .normal(standardDeviation: 1))
            let b = scope.parameter("b", [3, 5], .normal(standardDeviation: 1))
            let optimizer = SGD([ParameterGroup(scope.parameters.trainable, weightDecay: 0)])
            (a.square().sum() + b.square().sum()).backward()
            let norm = optimizer.clipGradients(limit, byOperators: byOperators).item
            return (norm, a.gradient!.doubles + b.gradient!.doubles)
        }
        let (host, device) = (clipped(byOperators: false), clipped(byOperators: true))
        #expect(host.norm == device.norm)
        #expect(zip(host.gradients, device.gradients).allSatisfy { abs($0 - $1) <= 3e-7 * abs($0) })
    }

    @Test func clippingScalesTheJointNorm() {
        let scope = Scope(seed: 0)
        let a = scope.parameter("a", [1], .constant(3))
        let b = scope.parameter("b", [1], .constant(4))
        let optimizer = SGD([ParameterGroup(scope.parameters.trainable, weightDecay: 0)])
        ((a.square() + b.square()) * 0.5).sum().backward()
        #expect(abs(optimizer.clipGradients(1).item - 5) < 1e-6)
        #expect(abs(a.gradient!.item - 0.6) < 1e-5 && abs(b.gradient!.item - 0.8) < 1e-5)
        #expect(optimizer.clipGradients(2).item < 1.0001)
        #expect(abs(a.gradient!.item - 0.6) < 1e-5)
    }

    @Test func frozenParametersAreNotTrained() {
        let scope = Scope(seed: 0)
        _ = Linear(scope / "features" / 0, in: 2, out: 2)
        _ = Linear(scope / "head", in: 2, out: 2)
        scope.parameters.freeze(["features."])
        #expect(scope.parameters.trainable.map(\.name) == ["head.weight", "head.bias"])
    }
}

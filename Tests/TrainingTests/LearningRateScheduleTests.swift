import TestSupport
import Testing
import Training

@Suite(.tags(.unit), .tiered) struct LearningRateScheduleTests {
    /// "Never" and "for ever", as people write them.
    @Test func epochsBeyondAnyNumberOfSteps() {
        var optimization = Optimization(learningRate: 2, milestones: [1, 1e30, 1e300], weightDecay: 0)
        #expect(optimization.rates(epochs: 3, stepsPerEpoch: 10).rate(atStep: 29) == 2 * 0.1)
        #expect(optimization.text(epochs: 3) == "2.0, x0.1 at epochs 1, 1e+30, 1e+300 of 3")
        optimization.warmUpEpochs = 1e30
        #expect(optimization.rates(epochs: 3, stepsPerEpoch: 10).rate(atStep: 9) < 0.003)
        optimization.schedule = .cosine
        #expect(optimization.rates(epochs: 3, stepsPerEpoch: 10).rate(atStep: 29) < 0.003)
        var early = Optimization(learningRate: 1, milestones: [-1e30, 1e30], weightDecay: 0)
        early.gamma = 0.5
        #expect(early.rates(epochs: 3, stepsPerEpoch: 7).rate(atStep: 0) == 0.5)
    }

    private func isClose(_ a: Double, _ b: Double) -> Bool { abs(a - b) <= 1e-12 * max(abs(a), abs(b)) }

    @Test func constant() {
        let schedule = LearningRateSchedule(base: 0.03, shape: .constant, totalSteps: 10)
        #expect(schedule.rate(atStep: 0) == 0.03)
        #expect(schedule.rate(atStep: 1_000_000) == 0.03)
    }

    /// Fast R-CNN on VOC 2007: 0.001, a tenth at 30k and again at 40k; the milestone's own step has the new rate.
    @Test(arguments: [(0, 1e-3), (29_999, 1e-3), (30_000, 1e-4), (39_999, 1e-4), (40_000, 1e-5), (90_000, 1e-5)])
    func milestones(step: Int, rate: Double) {
        let schedule = LearningRateSchedule(
            base: 0.001, shape: .step, milestones: [30_000, 40_000], gamma: 0.1, totalSteps: 60_000)
        #expect(isClose(schedule.rate(atStep: step), rate))
    }

    /// 2.55 epochs of 10 steps are 25.5 steps, that is 26.
    @Test func epochMilestonesRoundToSteps() {
        var optimization = Optimization(learningRate: 1, milestones: [2, 2.55], weightDecay: 0)
        optimization.gamma = 0.5
        let schedule = optimization.rates(epochs: 4, stepsPerEpoch: 10)
        #expect(schedule.milestones == [20, 26])
        #expect(schedule.rate(atStep: 19) == 1)
        #expect(schedule.rate(atStep: 20) == 0.5)
        #expect(schedule.rate(atStep: 26) == 0.25)
    }

    /// From 0.1 of the rate to all of it in 4 steps: 0.1, 0.325, 0.55, 0.775, 1.
    @Test(arguments: [(0, 0.2), (1, 0.65), (2, 1.1), (3, 1.55), (4, 2.0), (5, 2.0)])
    func warmUp(step: Int, rate: Double) {
        let schedule = LearningRateSchedule(base: 2, shape: .constant, totalSteps: 9, warmUpSteps: 4, warmUpStart: 0.1)
        #expect(isClose(schedule.rate(atStep: step), rate))
    }

    /// From step 4 on to a hundredth at step 8, by √.1 a step; then it stays there. Without a milestone it begins with the run.
    @Test(arguments: [(0, 1.0), (4, 1.0), (5, 0.31622776601683794), (6, 0.1), (8, 0.01), (9, 0.01)])
    func exponential(step: Int, rate: Double) {
        let schedule = LearningRateSchedule(
            base: 1, shape: .exponential, milestones: [4], gamma: 0.01, totalSteps: 8)
        #expect(isClose(schedule.rate(atStep: step), rate))
        let whole = LearningRateSchedule(base: 1, shape: .exponential, gamma: 0.01, totalSteps: 4)
        #expect(isClose(whole.rate(atStep: 2), 0.1))
        var optimization = Optimization(learningRate: 1, milestones: [50], weightDecay: 0)
        (optimization.schedule, optimization.gamma) = (.exponential, 0.01)
        optimization.stretch(from: 100, to: 4)
        #expect(isClose(optimization.rates(epochs: 4, stepsPerEpoch: 2).rate(atStep: step), rate))
    }

    /// Half way 1/2, a third of the way (1 + cos 60°) / 2 = 3/4; then it stays at the end.
    @Test(arguments: [(0, 1.0), (2, 0.75), (3, 0.5), (4, 0.25), (6, 0.0), (7, 0.0)])
    func cosine(step: Int, rate: Double) {
        let schedule = LearningRateSchedule(base: 1, shape: .cosine, totalSteps: 6)
        #expect(abs(schedule.rate(atStep: step) - rate) < 1e-12)
    }

    @Test func cosineBeginsAfterTheWarmUp() {
        let schedule = LearningRateSchedule(
            base: 1, shape: .cosine, totalSteps: 12, warmUpSteps: 2, warmUpStart: 0)
        #expect(schedule.rate(atStep: 0) == 0)
        #expect(schedule.rate(atStep: 1) == 0.5)
        #expect(schedule.rate(atStep: 2) == 1)
        #expect(isClose(schedule.rate(atStep: 7), 0.5))
        #expect(schedule.rate(atStep: 12) == 0)
    }

    @Test func milestonesAndWarmUpMultiply() {
        let schedule = LearningRateSchedule(
            base: 1, shape: .step, milestones: [1], totalSteps: 9, warmUpSteps: 2, warmUpStart: 0)
        #expect(isClose(schedule.rate(atStep: 1), 0.05))
    }
}

internal import Foundation

/// The learning rate as a function of the step.
///
/// rate(t) = base · warm(t) · decay(t), with steps t counted from 0:
/// - warm(t) = f + (1 − f) · t / W for t < W, then 1 (Goyal et al. 2017; f is the starting fraction);
/// - decay constant: 1;
/// - decay by steps: gamma^k, k = number of milestones ≤ t;
/// - decay by cosine (Loshchilov, Hutter 2017): (1 + cos(π · p)) / 2, where p runs from 0 at t = W to 1 at the last step
///   and stays there;
/// - decay exponential: 1 before the first milestone M, then gamma^p, where p runs from 0 at M to 1 at the last step and stays
///   there (Donahue, Krähenbühl, Darrell, ICLR 2017).
public struct LearningRateSchedule: Hashable, Sendable {
    /// How the learning rate falls.
    public enum Shape: String, CaseIterable, Sendable {
        /// By `gamma` at each milestone.
        case step
        /// Along half a cosine to zero at the end of the run.
        case cosine
        case constant
        /// From the first milestone on by a constant factor a step, to `gamma` of it at the end of the run.
        case exponential

        /// Whether milestones and `gamma` have a meaning.
        public var hasMilestones: Bool { self == .step || self == .exponential }
    }

    public var base: Double
    public var shape: Shape
    /// Steps at which the rate is multiplied by `gamma`; of exponential decay, where it begins.
    public var milestones: [Int]
    public var gamma: Double
    /// Where cosine and exponential decay end.
    public var totalSteps: Int
    /// Number of steps of linear warm-up; 0 for none.
    public var warmUpSteps: Int
    /// Fraction of the base rate at step 0 of the warm-up, in [0, 1].
    public var warmUpStart: Double

    public init(
        base: Double, shape: Shape, milestones: [Int] = [], gamma: Double = 0.1, totalSteps: Int, warmUpSteps: Int = 0,
        warmUpStart: Double = 0.001
    ) {
        precondition(base.isFinite && base >= 0, "a learning rate of \(base)")
        precondition(warmUpSteps >= 0, "a warm-up of \(warmUpSteps) steps")
        precondition((0...1).contains(warmUpStart), "a warm-up that starts at \(warmUpStart) of the rate")
        self.base = base
        self.shape = shape
        self.milestones = milestones
        self.gamma = gamma
        self.totalSteps = totalSteps
        self.warmUpSteps = warmUpSteps
        self.warmUpStart = warmUpStart
    }

    /// The rate to use for the update of this step.
    public func rate(atStep step: Int) -> Double {
        let warm =
            step < warmUpSteps ? warmUpStart + (1 - warmUpStart) * Double(step) / Double(warmUpSteps) : 1
        return base * warm * decay(atStep: step)
    }

    private func decay(atStep step: Int) -> Double {
        switch shape {
        case .constant:
            return 1
        case .step:
            return pow(gamma, Double(milestones.count { $0 <= step }))
        case .cosine: return (1 + cos(.pi * position(of: step, from: warmUpSteps))) / 2
        case .exponential: return pow(gamma, position(of: step, from: milestones.min() ?? warmUpSteps))
        }
    }

    /// From 0 at `start` to 1 at the end.
    private func position(of step: Int, from start: Int) -> Double {
        let length = max(1, totalSteps - start)
        return Double(min(max(0, step - start), length)) / Double(length)
    }
}

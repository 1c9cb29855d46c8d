internal import Foundation
internal import Support

/// How the learning rate falls.
public enum Schedule: String, CaseIterable, Sendable {
    /// By `gamma` at each milestone.
    case step
    /// Along half a cosine to zero at the end of the run.
    case cosine
    case constant
}

/// The learning rate as a function of the step.
///
/// rate(t) = base · warm(t) · decay(t), with steps t counted from 0:
/// - warm(t) = f + (1 − f) · t / W for t < W, then 1 (Goyal et al. 2017; f is the starting fraction);
/// - decay constant: 1;
/// - decay by milestones: gamma^k, k = number of milestones ≤ t;
/// - decay by cosine (Loshchilov, Hutter 2017): e + (1 − e) · (1 + cos(π · p)) / 2, where p runs from 0 at t = W
///   to 1 at t = T and stays there.
public struct LearningRateSchedule: Hashable, Sendable {
    public enum Decay: Hashable, Sendable {
        case constant
        /// Multiplied by `gamma` at each of these steps.
        case milestones([Int], gamma: Double)
        /// Ends at step `until` with the fraction `final` of the base rate.
        case cosine(until: Int, final: Double)
    }

    public var base: Double
    public var decay: Decay
    /// Number of steps of linear warm-up; 0 for none.
    public var warmUpSteps: Int
    /// Fraction of the base rate at step 0 of the warm-up, in [0, 1].
    public var warmUpStart: Double

    public init(base: Double, decay: Decay = .constant, warmUpSteps: Int = 0, warmUpStart: Double = 0.001) {
        precondition(base.isFinite && base >= 0, "a learning rate of \(base)")
        precondition(warmUpSteps >= 0, "a warm-up of \(warmUpSteps) steps")
        precondition((0...1).contains(warmUpStart), "a warm-up that starts at \(warmUpStart) of the rate")
        self.base = base
        self.decay = decay
        self.warmUpSteps = warmUpSteps
        self.warmUpStart = warmUpStart
    }

    /// Milestones in epochs, as recipes give them; fractions of an epoch round to the nearest step.
    public init(
        base: Double, epochMilestones: [Double], gamma: Double, stepsPerEpoch: Int, warmUpSteps: Int = 0,
        warmUpStart: Double = 0.001
    ) {
        let steps = epochMilestones.map { Int(nearestTo: $0 * Double(stepsPerEpoch)) }
        self.init(
            base: base, decay: .milestones(steps, gamma: gamma), warmUpSteps: warmUpSteps, warmUpStart: warmUpStart)
    }

    /// The rate to use for the update of this step.
    public func rate(atStep step: Int) -> Double {
        let warm =
            step < warmUpSteps ? warmUpStart + (1 - warmUpStart) * Double(step) / Double(warmUpSteps) : 1
        return base * warm * decayFactor(atStep: step)
    }

    private func decayFactor(atStep step: Int) -> Double {
        switch decay {
        case .constant:
            return 1
        case .milestones(let milestones, let gamma):
            return pow(gamma, Double(milestones.count { $0 <= step }))
        case .cosine(let until, let final):
            let length = max(1, until - warmUpSteps)
            let position = Double(min(max(0, step - warmUpSteps), length)) / Double(length)
            return final + (1 - final) * (1 + cos(.pi * position)) / 2
        }
    }
}

internal import Foundation
internal import Support

/// A scale from data to [0, 1] with ticks on round values.
struct PlotAxis {
    struct Tick {
        /// Where on the axis, 0 … 1.
        var place: Double
        var label: String
    }

    private let low: Double
    private let high: Double
    private let isLogarithmic: Bool
    let ticks: [Tick]

    /// Covers all finite values (positive ones, when logarithmic); the range [0, 1] when there are none.
    ///
    /// - Parameters:
    ///   - includesZero: starts or ends the axis at zero, for bars.
    ///   - extendsToTicks: rounds the range out to whole steps, so that the axis ends in ticks.
    init(
        _ values: [Double], isLogarithmic: Bool = false, includesZero: Bool = false, extendsToTicks: Bool = true,
        tickCount: Int
    ) {
        let shown = values.map { Self.shown($0, isLogarithmic) }.filter { !$0.isNaN }
        var low = shown.min() ?? 0
        var high = shown.max() ?? 1
        if includesZero {
            low = min(low, 0)
            high = max(high, 0)
        }
        // A range too small to be resolved is one value, which goes to the middle.
        if high - low <= max(max(abs(low), abs(high)) * 1e-9, 1e-300) {
            let margin = isLogarithmic ? 0.5 : max(abs(high) * 0.1, 1e-3)
            if !includesZero || high != 0 { low -= includesZero ? 0 : margin }
            high += margin
        }
        self.isLogarithmic = isLogarithmic
        if isLogarithmic {
            if extendsToTicks, high - low > 0.5 { (low, high) = (low.rounded(.down), high.rounded(.up)) }
            ticks = Self.logarithmicTicks(low, high, tickCount)
        } else {
            let step = Self.step((high - low) / Double(max(tickCount, 2)))
            if extendsToTicks {
                low = (low / step + 1e-9).rounded(.down) * step
                high = (high / step - 1e-9).rounded(.up) * step
            }
            let (first, last) = (Int((low / step - 1e-9).rounded(.up)), Int((high / step + 1e-9).rounded(.down)))
            ticks = (first...max(first, last)).map { index in
                let value = Double(index) * step
                return Tick(place: (value - low) / (high - low), label: Self.label(value, step: step))
            }
        }
        self.low = low
        self.high = high
    }

    /// Names on 0, 1, 2, …, with half a place before the first and after the last.
    init(names: [String]) {
        (low, high, isLogarithmic) = (-0.5, Double(names.count) - 0.5, false)
        ticks = names.enumerated().map { Tick(place: (Double($0) + 0.5) / Double(names.count), label: $1) }
    }

    /// Where a value lies, 0 … 1 inside the range; NaN when it cannot be shown.
    func place(_ value: Double) -> Double {
        (Self.shown(value, isLogarithmic) - low) / (high - low)
    }

    /// From here on differences could overflow.
    static let largest = 1e300

    /// What is measured along the axis; NaN for values it leaves out: those not finite or so large that differences
    /// would overflow, and on a logarithmic axis those not positive.
    private static func shown(_ value: Double, _ isLogarithmic: Bool) -> Double {
        guard abs(value) < largest, !isLogarithmic || value > 0 else { return .nan }
        return isLogarithmic ? log10(value) : value
    }

    /// The next of 1, 2, 5 · 10ⁿ at or above a step.
    private static func step(_ atLeast: Double) -> Double {
        let power = pow(10, log10(atLeast).rounded(.down))
        return ([1, 2, 5].first { $0 * power >= atLeast * (1 - 1e-9) } ?? 10) * power
    }

    private static func logarithmicTicks(_ low: Double, _ high: Double, _ count: Int) -> [Tick] {
        let decades = high - low
        let every = max(1, Int((decades / Double(max(count, 2))).rounded(.up)))
        let digits: [Double] = decades <= 1 ? [1, 1.5, 2, 3, 4, 5, 7] : decades <= 2.5 ? [1, 2, 5] : [1]
        return (Int(low.rounded(.down))...Int(high.rounded(.up))).filter { $0 % every == 0 }.flatMap { exponent in
            digits.compactMap { digit in
                let value = digit * pow(10, Double(exponent))
                let place = (log10(value) - low) / decades
                guard (-1e-9...1 + 1e-9).contains(place) else { return nil }
                return Tick(place: place, label: label(value, step: digit == 1.5 ? value / 3 : value))
            }
        }
    }

    /// As many decimals as the step has; thousands and millions abbreviated.
    private static func label(_ value: Double, step: Double) -> String {
        let largest = max(abs(value), step)
        if value == 0 { return "0" }
        if largest >= 1e9 || step < 1e-5 { return String(format: "%.2g", value) }
        for (unit, letter) in [(1e6, "M"), (1e3, "k")] where step >= unit {
            return (value / unit).fixed(decimals(step / unit)) + letter
        }
        return value.fixed(decimals(step))
    }

    private static func decimals(_ step: Double) -> Int {
        (0...6).first { decimals in
            let scaled = step * pow(10, Double(decimals))
            return abs(scaled - scaled.rounded()) < 1e-6 * max(1, scaled)
        } ?? 6
    }
}

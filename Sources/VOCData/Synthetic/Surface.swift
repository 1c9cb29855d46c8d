internal import Foundation
internal import Support

/// Linear colour components in 0 ... 1 in the first three lanes, opacity in the fourth (premultiplied in a `Raster`).
typealias Pixel = SIMD4<Float>

/// What a part of an object is painted with: a colour, and a pattern of a second colour fixed to the object.
struct Surface: Sendable {
    enum Pattern: CaseIterable {
        case plain, gradient, stripes, dots, checks, mottled
    }

    var color: Pixel
    var other: Pixel
    var pattern: Pattern
    /// Repeats of the pattern over the object's longest side.
    var frequency: Float
    var axis: SIMD2<Float>
    var phase: SIMD2<Float>
    /// How far the pattern goes from the one colour to the other.
    var amount: Float

    init(color: Pixel, other: Pixel, _ random: inout RandomStream) {
        self.color = color
        self.other = other
        // Half of all surfaces are plain or nearly so: patterns on everything would hide the structure.
        pattern = random.chance(0.4) ? .plain : Pattern.allCases[random.integer(below: Pattern.allCases.count)]
        frequency = Float(random.uniform(4, 14))
        let angle = random.uniform(0, 2 * .pi)
        axis = [Float(cos(angle)), Float(sin(angle))]
        phase = [Float(random.uniform(0, 40)), Float(random.uniform(0, 40))]
        amount = Float(random.uniform(0.25, 0.7))
    }

    /// The colour at a point in the object's own coordinates (longest side 1).
    @inline(__always)
    func sample(_ point: SIMD2<Float>, noise: ValueNoise) -> Pixel {
        let along = point.x * axis.x + point.y * axis.y
        let across = point.y * axis.x - point.x * axis.y
        let share: Float
        switch pattern {
        case .plain:
            return color
        case .gradient:
            share = min(1, max(0, along + 0.5))
        case .stripes:
            share = Self.edge(Self.wave(along * frequency + phase.x) - 0.5)
        case .dots:
            let x = along * frequency + phase.x
            let y = across * frequency + phase.y
            let dx = x - Float(flooredInteger(x)) - 0.5
            let dy = y - Float(flooredInteger(y)) - 0.5
            share = Self.edge((0.09 - dx * dx - dy * dy) * 3)
        case .checks:
            let x = Self.wave(along * frequency * 0.5 + phase.x) - 0.5
            let y = Self.wave(across * frequency * 0.5 + phase.y) - 0.5
            share = Self.edge(x * y * 4)
        case .mottled:
            let low = noise.value(along * frequency + phase.x, across * frequency + phase.y)
            let high = noise.value(along * frequency * 2.3 + phase.y, across * frequency * 2.3 + phase.x)
            share = min(1, max(0, (low * 0.65 + high * 0.35 - 0.5) * 1.8 + 0.5))
        }
        return color + (other - color) * (share * amount)
    }

    /// A triangle wave of period 1 in [0, 1].
    @inline(__always)
    private static func wave(_ x: Float) -> Float { abs(2 * (x - Float(flooredInteger(x))) - 1) }

    /// A step at 0, softened so that patterns do not alias.
    @inline(__always)
    private static func edge(_ x: Float) -> Float { min(1, max(0, x * 5 + 0.5)) }
}

/// Random colours. All classes draw from the same distribution, so that colour does not tell them apart.
enum SceneColors {
    /// A colour of random hue, saturation and value.
    static func color(_ random: inout RandomStream, saturation: ClosedRange<Double> = 0.05...0.95) -> Pixel {
        let hue = random.uniform(0, 6)
        let saturation = random.uniform(saturation.lowerBound, saturation.upperBound)
        let value = random.uniform(0.16, 0.96)
        return Pixel(channel(5), channel(3), channel(1), 1)

        func channel(_ offset: Double) -> Float {
            let k = (offset + hue).truncatingRemainder(dividingBy: 6)
            return Float(value - value * saturation * max(0, min(k, 4 - k, 1)))
        }
    }

    /// How different two colours look, with the weights of luma; 1 between black and white.
    static func distance(_ a: Pixel, _ b: Pixel) -> Float {
        let difference = a - b
        return (difference * difference * Pixel(0.3, 0.59, 0.11, 0)).sum().squareRoot()
    }

    /// The surfaces of an object: colours that stand out from each other and from what is behind.
    static func surfaces(behind: Pixel, _ random: inout RandomStream) -> [Surface] {
        var colors: [Pixel] = []
        while colors.count < Sketch.toneCount {
            var candidate = color(&random)
            for _ in 0..<8 {
                if distance(candidate, behind) > 0.16, colors.allSatisfy({ distance(candidate, $0) > 0.2 }) { break }
                candidate = color(&random)
            }
            colors.append(candidate)
        }
        // The later colours had to avoid the earlier ones; mixing gives every tone the same distribution.
        random.shuffle(&colors)
        return colors.map { base in
            // A moderate step from the base colour: a pattern must not look like another part.
            let other = base + (color(&random) - base) * 0.6
            return Surface(color: base, other: other, &random)
        }
    }
}

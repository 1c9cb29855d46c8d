internal import Backbone
internal import Foundation
internal import Support

/// The colours that sRGB has, in bins over the plane of a and b: the classes of colour prediction (Zhang, Isola, Efros,
/// Colorful Image Colorization, ECCV 2016, section 2.1, where they are 313).
///
/// By computation: corners of all squares of the grid that overlap the convex hull of what the edges of the sRGB cube look like
/// in that plane. It is the set that the authors published, in their order.
public struct ColorBins: Hashable, Sendable {
    public struct Center: Hashable, Sendable {
        public var a: Double
        public var b: Double

        public init(a: Double, b: Double) { (self.a, self.b) = (a, b) }
    }

    /// Sorted by a, then by b.
    public let centers: [Center]
    /// Distance of neighbours.
    public let step: Double

    public var count: Int { centers.count }

    /// Of ten.
    public static let standard = ColorBins()

    /// Points along an edge of the cube; from five up their number changes nothing.
    private static let pointsPerEdge = 33
    /// Overlaps are .145 and more, or none but by rounding.
    private static let leastOverlap = 1e-6

    public init(step: Int = 10) {
        let outline = Self.hull(Self.edges)
        func cells(_ path: KeyPath<Center, Double>) -> Range<Int> {
            let values = outline.map { $0[keyPath: path] / Double(step) }
            return Int(floor(values.min()!))..<Int(ceil(values.max()!))
        }
        var corners: Set<[Int]> = []
        for x in cells(\.a) {
            for y in cells(\.b) where Self.overlap(outline, x * step, y * step, step) > Self.leastOverlap {
                corners.formUnion([[x, y], [x + 1, y], [x, y + 1], [x + 1, y + 1]])
            }
        }
        self.step = Double(step)
        centers = corners.sorted { ($0[0], $0[1]) < ($1[0], $1[1]) }.map {
            Center(a: Double($0[0] * step), b: Double($0[1] * step))
        }
    }

    /// The twelve edges of the cube, ends included.
    private static var edges: [Center] {
        (0..<3).flatMap { axis in
            (0..<4).flatMap { corner in
                (0..<pointsPerEdge).map { point in
                    var color = [Double](repeating: 0, count: 3)
                    color[axis] = Double(point) / Double(pointsPerEdge - 1)
                    color[(axis + 1) % 3] = Double(corner % 2)
                    color[(axis + 2) % 3] = Double(corner / 2)
                    let lab = Lab.ofColor(color[0], color[1], color[2])
                    return Center(a: lab.a, b: lab.b)
                }
            }
        }
    }

    /// The convex hull, counterclockwise (Andrew's monotone chain).
    private static func hull(_ points: [Center]) -> [Center] {
        let sorted = points.sorted { ($0.a, $0.b) < ($1.a, $1.b) }
        func chain(_ points: some Sequence<Center>) -> [Center] {
            var chain: [Center] = []
            for point in points {
                while chain.count > 1, turn(chain[chain.count - 2], chain[chain.count - 1], point) <= 0 {
                    chain.removeLast()
                }
                chain.append(point)
            }
            return chain.dropLast()
        }
        return chain(sorted) + chain(sorted.reversed())
    }

    /// Twice the area of a triangle; positive where it turns left.
    private static func turn(_ o: Center, _ p: Center, _ q: Center) -> Double {
        (p.a - o.a) * (q.b - o.b) - (p.b - o.b) * (q.a - o.a)
    }

    /// The area that a convex outline has in common with a square (Sutherland and Hodgman).
    private static func overlap(_ outline: [Center], _ x: Int, _ y: Int, _ side: Int) -> Double {
        var part = outline
        let borders: [(KeyPath<Center, Double>, Double, Double)] = [
            (\.a, Double(x), 1), (\.a, Double(x + side), -1), (\.b, Double(y), 1), (\.b, Double(y + side), -1),
        ]
        for (path, border, sign) in borders {
            func inside(_ point: Center) -> Double { sign * (point[keyPath: path] - border) }
            part = part.indices.flatMap { index -> [Center] in
                let (p, q) = (part[index], part[(index + 1) % part.count])
                let (u, v) = (inside(p), inside(q))
                let kept = u >= 0 ? [p] : []
                guard (u < 0) != (v < 0) else { return kept }
                let share = u / (u - v)
                return kept + [Center(a: p.a + share * (q.a - p.a), b: p.b + share * (q.b - p.b))]
            }
            if part.isEmpty { return 0 }
        }
        return part.indices.reduce(0) { $0 + turn(part[0], part[$1], part[($1 + 1) % part.count]) } / 2
    }

    // MARK: Rebalancing

    /// σ of the smoothing, in units of a and b; the paper's.
    public static let smoothing = 5.0

    /// Frequencies of the bins from counts, smoothed over the plane by a Gaussian; they add up to 1.
    public func smoothed(_ counts: [Double], deviation: Double = Self.smoothing) -> [Double] {
        let spread = centers.map { center -> Double in
            var sum = 0.0
            for (other, count) in zip(centers, counts) {
                let (a, b) = (center.a - other.a, center.b - other.b)
                let distance = (a * a + b * b) / (2 * deviation * deviation)
                sum += count * exp(-distance)
            }
            return sum
        }
        let total = spread.reduce(0, +)
        return total > 0 ? spread.map { $0 / total } : spread.map { _ in 1 / Double(count) }
    }

    /// Weights of classes of these frequencies: w ∝ 1 / ((1 − λ)·p + λ/Q), so that Σ p·w = 1 (the paper's equation 4).
    ///
    /// - Parameter uniform: λ above 0; 1 gives all classes the same.
    public static func weights(_ frequencies: [Double], uniform: Double) -> [Double] {
        let inverse = frequencies.map { 1 / ((1 - uniform) * $0 + uniform / Double(frequencies.count)) }
        let mean = zip(frequencies, inverse).reduce(0) { $0 + $1.0 * $1.1 }
        return inverse.map { $0 / mean }
    }

    /// −Σ p ln p, in nats; ln Q where all are as frequent.
    public static func entropy(_ frequencies: [Double]) -> Double {
        -frequencies.reduce(0) { $0 + ($1 > 0 ? $1 * log($1) : 0) }
    }

    /// What tells these bins from others.
    var json: JSON { ["count": .integer(count), "step": .number(step)] }
}

internal import Support

/// Orders of nine tiles that differ in many places: the classes of jigsaw puzzles.
public struct PermutationSet: Hashable, Sendable {
    /// How the orders are chosen.
    public enum Kind: String, CaseIterable, Sendable {
        /// A group of maps of a finite field: of up to 72 orders any two differ in at least 8 of 9 places, of up to 504 in at least
        /// 7, of up to 1,512 in at least 6.
        case group
        /// One after the other, each as far as possible from the nearest of those chosen (Noroozi, Favaro, ECCV 2016).
        case greedy
    }

    public let kind: Kind
    /// Each a permutation of 0 … 8: which tile stands at each place.
    public let orders: [[Int]]
    /// "AGL(1,9)", for people.
    public let name: String

    /// The most orders that a set of a kind can have.
    public static let largestCount = 1000

    /// Traps when there are no so many orders.
    public init(_ kind: Kind, count: Int) {
        precondition((1...Self.largestCount).contains(count), "there is no set of \(count) orders")
        self.kind = kind
        switch kind {
        case .greedy: (orders, name) = (Self.greedy(count), "greedy")
        case .group:
            if count <= 72 {
                (orders, name) = (Array(Self.affine.prefix(count)), "AGL(1,9)")
            } else if count <= 504 {
                (orders, name) = (Self.drawn(count, of: Self.projective), "PGL(2,8)")
            } else {
                (orders, name) = (Self.drawn(count, of: Self.semilinear), "PGammaL(2,8)")
            }
        }
    }

    /// "120453786".
    public var texts: [String] { orders.map { $0.map(String.init).joined() } }

    /// Places in which two orders differ (Hamming).
    package static func distance(_ a: [Int], _ b: [Int]) -> Int { zip(a, b).count { $0 != $1 } }

    /// x → α·x + β over the field of nine elements, u + 3v for u + v·i with i² = −1; α = 1 … 8 outside, β = 0 … 8 inside.
    package static var affine: [[Int]] {
        func sum(_ a: Int, _ b: Int) -> Int { (a % 3 + b % 3) % 3 + (a / 3 + b / 3) % 3 * 3 }
        func product(_ a: Int, _ b: Int) -> Int {
            let (u, v, s, t) = (a % 3, a / 3, b % 3, b / 3)
            return (u * s - v * t + 9) % 3 + (u * t + v * s) % 3 * 3
        }
        return (1..<9).flatMap { alpha in (0..<9).map { beta in (0..<9).map { sum(product(alpha, $0), beta) } } }
    }

    /// x → (ax + b) / (cx + d) on the projective line over the field of eight elements; 8 is infinity.
    package static var projective: [[Int]] {
        let field = FieldOfEight()
        func order(_ a: Int, _ b: Int, _ c: Int, _ d: Int) -> [Int] {
            (0..<9).map { x in
                let (top, bottom) = x == 8 ? (a, c) : (field.product(a, x) ^ b, field.product(c, x) ^ d)
                return bottom == 0 ? 8 : field.product(top, field.inverse(bottom))
            }
        }
        // One of each class of proportional matrices: c = 0 with d = 1, then c = 1.
        let affine = (1..<8).flatMap { a in (0..<8).map { order(a, $0, 0, 1) } }
        let others = (0..<8).flatMap { a in
            (0..<8).flatMap { b in (0..<8).filter { field.product(a, $0) != b }.map { order(a, b, 1, $0) } }
        }
        return affine + others
    }

    /// The same behind the three field automorphisms x → x, x², x⁴.
    private static var semilinear: [[Int]] {
        let field = FieldOfEight()
        let squares = (0..<9).map { $0 == 8 ? 8 : field.product($0, $0) }
        let projective = projective
        return [Array(0..<9), squares, squares.map { squares[$0] }].flatMap { map in
            projective.map { order in map.map { order[$0] } }
        }
    }

    /// So many by a shuffle that is always the same: the first of a group in its own order are lopsided.
    private static func drawn(_ count: Int, of all: [[Int]]) -> [[Int]] {
        var random = RandomStream(9, UInt64(all.count))
        let order = random.permutation(all.count)
        return order.prefix(count).map { all[$0] }
    }

    /// From the order that changes nothing on, always the one farthest from the nearest chosen one; among equals the one with the
    /// largest sum of distances, then the first in lexicographic order.
    private static func greedy(_ count: Int) -> [[Int]] {
        // All orders in lexicographic order, sixteen bytes each of which nine are used.
        var all: [SIMD16<UInt8>] = []
        all.reserveCapacity(362_880)
        var places = SIMD16<UInt8>(repeating: 0)
        func extend(_ place: Int, _ used: UInt16) {
            if place == 9 { return all.append(places) }
            for tile in 0..<9 where used & (1 << UInt16(tile)) == 0 {
                places[place] = UInt8(tile)
                extend(place + 1, used | 1 << UInt16(tile))
            }
        }
        extend(0, 0)
        var nearest = [UInt8](repeating: .max, count: all.count)
        var sums = [Int32](repeating: 0, count: all.count)
        var chosen: [SIMD16<UInt8>] = []
        var next = 0
        while true {
            let order = all[next]
            chosen.append(order)
            if chosen.count == count { break }
            var best = (index: 0, nearest: UInt8(0), sum: Int32(-1))
            for index in all.indices {
                // One for each place that differs.
                let different = SIMD16<UInt8>(repeating: 0).replacing(with: 1, where: all[index] .!= order)
                let distance = different.wrappedSum()
                nearest[index] = min(nearest[index], distance)
                sums[index] += Int32(distance)
                if nearest[index] > best.nearest || nearest[index] == best.nearest && sums[index] > best.sum {
                    best = (index, nearest[index], sums[index])
                }
            }
            next = best.index
        }
        return chosen.map { order in (0..<9).map { Int(order[$0]) } }
    }
}

/// Numbers of three bits as polynomials modulo x³ + x + 1; their sum is the exclusive or.
private struct FieldOfEight {
    func product(_ a: Int, _ b: Int) -> Int {
        var sum = 0
        for bit in 0..<3 where b & (1 << bit) != 0 { sum ^= a << bit }
        for bit in [4, 3] where sum & (1 << bit) != 0 { sum ^= 0b1011 << (bit - 3) }
        return sum
    }

    /// a⁶, as a⁷ = 1.
    func inverse(_ a: Int) -> Int {
        let square = product(a, a)
        return product(square, product(square, square))
    }
}

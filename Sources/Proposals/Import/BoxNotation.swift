public import Boxes

/// How four numbers of a foreign file stand for a box; always stated by the user, never guessed.
public struct BoxNotation: Hashable, Sendable {
    public enum Order: String, Hashable, Sendable, CaseIterable {
        case x1y1x2y2
        case y1x1y2x2
        /// Left, top, width, height.
        case x1y1wh
    }

    public var order: Order
    /// The coordinate of the first pixel: 0 or 1.
    public var base: Int
    /// Whether x2 and y2 are the last pixels of the box, or the first behind it; without meaning for widths.
    public var includesLast: Bool

    public init(order: Order, base: Int, includesLast: Bool = true) {
        precondition(base == 0 || base == 1, "pixels are counted from 0 or 1, not \(base)")
        self.order = order
        self.base = base
        self.includesLast = includesLast
    }

    /// The box in the convention of `Box`: the four numbers in the order of the file.
    public func box(_ a: Double, _ b: Double, _ c: Double, _ d: Double) -> Box {
        let origin = Double(base)
        let end = includesLast ? 1 - origin : -origin
        return switch order {
        case .x1y1x2y2: Box(minX: a - origin, minY: b - origin, maxX: c + end, maxY: d + end)
        case .y1x1y2x2: Box(minX: b - origin, minY: a - origin, maxX: d + end, maxY: c + end)
        case .x1y1wh: Box(minX: a - origin, minY: b - origin, maxX: a - origin + c, maxY: b - origin + d)
        }
    }
}

internal import Foundation

/// A point of a drawing: x to the right, y down.
typealias SketchPoint = SIMD2<Double>

/// A closed polygon; solid when it turns one way, a hole when it turns the other.
typealias Contour = [SketchPoint]

/// Builders of closed polygons. All solid ones turn the same way, so that overlapping ones unite.
enum Contours {
    /// The polygon, turned so that it is solid.
    static func solid(_ points: [SketchPoint]) -> Contour { signedArea(points) < 0 ? points.reversed() : points }

    /// The polygon, turned so that it cuts a hole.
    static func hole(_ points: [SketchPoint]) -> Contour { signedArea(points) > 0 ? points.reversed() : points }

    static func signedArea(_ points: [SketchPoint]) -> Double {
        guard var previous = points.last else { return 0 }
        var sum = 0.0
        for point in points {
            sum += previous.x * point.y - point.x * previous.y
            previous = point
        }
        return sum / 2
    }

    static func rectangle(minX: Double, minY: Double, maxX: Double, maxY: Double) -> Contour {
        solid([[minX, minY], [maxX, minY], [maxX, maxY], [minX, maxY]])
    }

    /// An ellipse whose first axis is turned by `angle` radians.
    static func ellipse(_ center: SketchPoint, _ radiusX: Double, _ radiusY: Double, angle: Double = 0) -> Contour {
        let axis = SketchPoint(cos(angle), sin(angle))
        let normal = SketchPoint(-axis.y, axis.x)
        return solid(
            arcAngles(0, 2 * .pi, steps: 36).dropLast().map {
                center + axis * (radiusX * cos($0)) + normal * (radiusY * sin($0))
            })
    }

    /// A disc with a round hole.
    static func ring(_ center: SketchPoint, radius: Double, width: Double) -> [Contour] {
        [
            ellipse(center, radius + width / 2, radius + width / 2),
            hole(ellipse(center, radius - width / 2, radius - width / 2)),
        ]
    }

    /// Points of an elliptic arc, angles in radians, clockwise on the screen.
    static func arc(
        _ center: SketchPoint, _ radiusX: Double, _ radiusY: Double, from start: Double, to end: Double,
        steps: Int = 18
    ) -> [SketchPoint] {
        arcAngles(start, end, steps: steps).map { center + SketchPoint(radiusX * cos($0), radiusY * sin($0)) }
    }

    /// A line of constant width with round joints and ends.
    static func stroke(_ points: [SketchPoint], width: Double) -> [Contour] {
        var contours: [Contour] = []
        for (start, end) in zip(points, points.dropFirst()) {
            let along = end - start
            let length = (along * along).sum().squareRoot()
            guard length > 0 else { continue }
            let side = SketchPoint(-along.y, along.x) * (width / 2 / length)
            contours.append(solid([start + side, end + side, end - side, start - side]))
        }
        for point in points {
            contours.append(solid(arc(point, width / 2, width / 2, from: 0, to: 2 * .pi, steps: 12).dropLast()))
        }
        return contours
    }

    /// A smooth closed curve through the points (Catmull–Rom).
    static func smooth(_ points: [SketchPoint], steps: Int = 6) -> Contour {
        let count = points.count
        var curve: [SketchPoint] = []
        for index in 0..<count {
            let before = points[(index + count - 1) % count]
            let start = points[index]
            let end = points[(index + 1) % count]
            let after = points[(index + 2) % count]
            for step in 0..<steps {
                let t = Double(step) / Double(steps)
                let linear = (end - before) * t
                let quadratic = (before * 2 - start * 5 + end * 4 - after) * (t * t)
                let cubic = (start * 3 - before - end * 3 + after) * (t * t * t)
                curve.append(start + (linear + quadratic + cubic) * 0.5)
            }
        }
        return solid(curve)
    }

    private static func arcAngles(_ start: Double, _ end: Double, steps: Int) -> [Double] {
        (0...steps).map { start + (end - start) * Double($0) / Double(steps) }
    }
}

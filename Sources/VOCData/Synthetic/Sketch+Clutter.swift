internal import Foundation
internal import Support

extension Sketch {
    /// A form that is none of the classes: blob, line, arc, patch, star, ring or bar.
    static func clutter(_ random: inout RandomStream) -> Sketch {
        var sketch = Sketch()
        switch random.integer(below: 7) {
        case 0:
            sketch.add(0, blob(&random))
        case 1:
            let points = (0..<(2 + random.integer(below: 3))).map { _ in
                SketchPoint(random.uniform(-1, 1), random.uniform(-1, 1))
            }
            sketch.add(0, Contours.stroke(points, width: random.uniform(0.04, 0.16)))
        case 2:
            let start = random.uniform(0, 6)
            let radius = random.uniform(0.5, 1)
            sketch.add(
                0,
                Contours.stroke(
                    Contours.arc([0, 0], 1, radius, from: start, to: start + random.uniform(1, 4)),
                    width: random.uniform(0.06, 0.2)))
        case 3:
            let rows = 2 + random.integer(below: 4)
            let columns = 2 + random.integer(below: 4)
            for row in 0..<rows {
                for column in 0..<columns {
                    let (x, y) = (Double(column), Double(row))
                    sketch.add((row + column) % 2, Contours.rectangle(minX: x, minY: y, maxX: x + 1, maxY: y + 1))
                }
            }
        case 4:
            let corners = 3 + random.integer(below: 4)
            let inner = random.uniform(0.35, 0.8)
            sketch.add(
                0,
                Contours.solid(
                    (0..<(2 * corners)).map { index in
                        let angle = .pi * Double(index) / Double(corners)
                        let radius = index % 2 == 0 ? 1 : inner
                        return [radius * cos(angle), radius * sin(angle)]
                    }))
        case 5:
            sketch.add(0, Contours.ring([0, 0], radius: 1, width: random.uniform(0.15, 0.7)))
        default:
            let half = random.uniform(0.15, 1)
            sketch.add(0, Contours.rectangle(minX: -1, minY: -half, maxX: 1, maxY: half))
            if random.chance(0.5) { sketch.add(1, blob(&random)) }
        }
        return sketch
    }

    private static func blob(_ random: inout RandomStream) -> Contour {
        let corners = 5 + random.integer(below: 5)
        let flat = random.uniform(0.5, 1)
        return Contours.smooth(
            (0..<corners).map { index in
                let angle = 2 * .pi * Double(index) / Double(corners)
                let radius = random.uniform(0.55, 1)
                return [radius * cos(angle), flat * radius * sin(angle)]
            })
    }
}

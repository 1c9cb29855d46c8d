internal import Foundation
internal import Support

extension Sketch {
    /// A tapering vessel with an open rim and a handle, sometimes on a saucer.
    static func cup(_ random: inout RandomStream) -> Sketch {
        var sketch = Sketch()
        let top = random.uniform(0.45, 0.6)
        let bottom = top * random.uniform(0.55, 0.95)
        let half = random.uniform(0.45, 0.65)
        let rim = random.uniform(0.1, 0.17)
        if random.chance(0.4) {
            sketch.add(2, Contours.ellipse([0, half + 0.05], top * random.uniform(1.5, 1.8), rim * 1.1))
        }
        let grip = half * random.uniform(0.4, 0.55)
        let reach = random.uniform(0.24, 0.36)
        let handle = Contours.arc([(top + bottom) / 2 - 0.03, -0.04], reach, grip, from: -.pi / 2, to: .pi / 2)
        sketch.add(1, Contours.stroke(handle, width: random.uniform(0.1, 0.15)))
        let base = Contours.arc([0, half], bottom, rim * 0.8, from: 0, to: .pi)
        sketch.add(0, Contours.solid([[-top, -half], [top, -half]] + base))
        if random.chance(0.6) {
            let t = random.uniform(0.3, 0.6)
            let y = -half + 2 * half * t
            let width = top + (bottom - top) * t
            let band = random.uniform(0.1, 0.22)
            let upper = Contours.arc([0, y], width, rim * 0.8, from: 0, to: .pi)
            sketch.add(2, Contours.solid(upper + upper.reversed().map { $0 + [0, band] }))
        }
        sketch.add(1, Contours.ellipse([0, -half], top, rim))
        sketch.add(3, Contours.ellipse([0, -half], top * 0.86, rim * 0.72))
        return sketch
    }

    /// Walls under a gabled or hipped roof, with door, windows and sometimes a chimney.
    static func house(_ random: inout RandomStream) -> Sketch {
        var sketch = Sketch()
        let half = random.uniform(0.6, 0.95)
        let wall = random.uniform(0.6, 0.95)
        let roof = random.uniform(0.42, 0.7)
        let eaves = random.uniform(0.06, 0.16)
        if random.chance(0.65) {
            let x = half * random.uniform(0.3, 0.65)
            sketch.add(3, Contours.rectangle(minX: x, minY: -roof * random.uniform(0.95, 1.1), maxX: x + 0.18, maxY: 0))
        }
        sketch.add(0, Contours.rectangle(minX: -half, minY: -0.03, maxX: half, maxY: wall))
        let ridge = random.chance(0.5) ? 0.0 : half * random.uniform(0.3, 0.6)
        sketch.add(
            1,
            Contours.solid([
                [-half - eaves, 0.03], [-ridge, -roof], [ridge, -roof], [half + eaves, 0.03],
            ]))
        let door = random.uniform(0.13, 0.18)
        let places = random.chance(0.5) ? [-half * 0.58, half * 0.58] : [-half * 0.6, 0, half * 0.6]
        let doorPlace = random.integer(below: places.count)
        // With two places the door stands between the windows, else it takes one of the three.
        let doorX = places.count == 2 ? 0 : places[doorPlace]
        sketch.add(2, Contours.rectangle(minX: doorX - door, minY: wall * 0.4, maxX: doorX + door, maxY: wall))
        sketch.add(3, Contours.ellipse([doorX + door * 0.55, wall * 0.72], 0.035, 0.035))
        let pane = random.uniform(0.11, 0.15)
        for x in places where abs(x - doorX) > 0.01 {
            let y = wall * 0.48
            sketch.add(3, Contours.rectangle(minX: x - pane, minY: y - pane, maxX: x + pane, maxY: y + pane))
            sketch.add(
                0,
                Contours.stroke([[x - pane, y], [x + pane, y]], width: 0.04)
                    + Contours.stroke([[x, y - pane], [x, y + pane]], width: 0.04))
        }
        if ridge == 0, random.chance(0.5) { sketch.add(3, Contours.ellipse([0, -roof * 0.4], 0.1, 0.1)) }
        return sketch
    }

    /// A pierced bow, a long shaft with a collar, and a bit with teeth.
    static func key(_ random: inout RandomStream) -> Sketch {
        var sketch = Sketch()
        let bow = random.uniform(0.28, 0.4)
        let shaft = random.uniform(1, 1.35)
        let width = random.uniform(0.13, 0.18)
        let end = bow + shaft
        sketch.add(1, Contours.rectangle(minX: bow * 0.7, minY: -width / 2, maxX: end, maxY: width / 2))
        var teeth: [Contour] = []
        var x = end
        for _ in 0..<(2 + random.integer(below: 3)) {
            let tooth = random.uniform(0.09, 0.14)
            teeth.append(
                Contours.rectangle(minX: x - tooth, minY: 0, maxX: x, maxY: width / 2 + random.uniform(0.16, 0.34)))
            x -= tooth + random.uniform(0.06, 0.1)
        }
        sketch.add(1, teeth)
        let hole = bow * random.uniform(0.4, 0.6)
        switch random.integer(below: 3) {
        case 0:
            sketch.add(0, Contours.ellipse([0, 0], bow, bow), Contours.hole(Contours.ellipse([0, 0], hole, hole)))
        case 1:
            let lobe = bow * 0.62
            sketch.add(
                0,
                [SketchPoint(0.05, -lobe), [0.05, lobe], [-lobe, 0]].flatMap {
                    Contours.ring($0, radius: lobe * 0.72, width: lobe * 0.56)
                })
        default:
            let corner = bow * 0.5
            let sides = (0..<8).map { index -> SketchPoint in
                let angle = .pi / 4 * (Double(index) + 0.5)
                return [bow * 1.08 * cos(angle), bow * 1.08 * sin(angle)]
            }
            sketch.add(
                0, Contours.solid(sides),
                Contours.hole(Contours.rectangle(minX: -corner, minY: -corner, maxX: corner, maxY: corner)))
        }
        let collar = bow * random.uniform(1.1, 1.3)
        sketch.add(
            2, Contours.rectangle(minX: collar, minY: -width * 0.85, maxX: collar + 0.09, maxY: width * 0.85))
        return sketch
    }

    /// A canopy of panels with a scalloped edge, a shaft and a hooked handle.
    static func umbrella(_ random: inout RandomStream) -> Sketch {
        var sketch = Sketch()
        let rise = random.uniform(0.5, 0.8)
        let length = random.uniform(0.75, 1)
        let hook = random.uniform(0.12, 0.18)
        let shaft = random.uniform(0.065, 0.09)
        let handle = Contours.arc([hook, length], hook, hook, from: .pi, to: random.uniform(-0.2, 0.3), steps: 10)
        sketch.add(2, Contours.stroke([[0, -rise - random.uniform(0.06, 0.14)], [0, length]], width: shaft))
        sketch.add(3, Contours.stroke(handle, width: shaft * 1.35))
        let panels = 4 + random.integer(below: 3)
        let scallop = random.uniform(0.05, 0.11)
        for panel in 0..<panels {
            // Ribs are meridians of a half sphere seen from the side.
            let left = -cos(.pi * Double(panel) / Double(panels))
            let right = -cos(.pi * Double(panel + 1) / Double(panels))
            let leftRib = Contours.arc([0, 0], left, rise, from: -.pi / 2, to: 0, steps: 12)
            let rightRib = Contours.arc([0, 0], right, rise, from: -.pi / 2, to: 0, steps: 12)
            let middle = SketchPoint((left + right) / 2, 0)
            let edge = Contours.arc(
                middle, (right - left) / 2, scallop * min(1, (right - left) * 2), from: 0, to: -.pi, steps: 8)
            sketch.add(panel % 2, Contours.solid(rightRib + edge.dropFirst().dropLast() + leftRib.reversed()))
        }
        return sketch
    }
}

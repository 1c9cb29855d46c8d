internal import Foundation
internal import Support

extension Sketch {
    /// Two spoked wheels, a diamond frame, saddle and handlebar.
    static func bicycle(_ random: inout RandomStream) -> Sketch {
        var sketch = Sketch()
        let radius = random.uniform(0.36, 0.48)
        let base = random.uniform(0.5, 0.62)
        let rear = SketchPoint(-base, 0)
        let front = SketchPoint(base, 0)
        let tyre = random.uniform(0.075, 0.11)
        let tube = random.uniform(0.065, 0.09)
        let spokes = 3 + random.integer(below: 3)
        let turn = random.uniform(0, .pi)
        for hub in [rear, front] {
            var lines: [Contour] = []
            for index in 0..<spokes {
                let angle = turn + .pi * Double(index) / Double(spokes)
                let reach = SketchPoint(cos(angle), sin(angle)) * radius
                lines += Contours.stroke([hub - reach, hub + reach], width: 0.028)
            }
            sketch.add(1, lines)
            sketch.add(0, Contours.ring(hub, radius: radius, width: tyre))
        }
        let crank = SketchPoint(random.uniform(-0.12, 0), random.uniform(0, 0.08))
        let seat = SketchPoint(random.uniform(-0.28, -0.16), -random.uniform(0.5, 0.62))
        let head = SketchPoint(base - random.uniform(0.16, 0.26), -random.uniform(0.5, 0.64))
        let top = seat + (crank - seat) * random.uniform(0.05, 0.25)
        sketch.add(
            2,
            Contours.stroke([rear, crank, head, top, rear], width: tube)
                + Contours.stroke([crank, seat], width: tube) + Contours.stroke([head, front], width: tube))
        let stem = head + (head - front) * random.uniform(0.15, 0.3)
        let bar = random.uniform(0.12, 0.2)
        sketch.add(2, Contours.stroke([head, stem], width: tube))
        sketch.add(3, Contours.stroke([stem, stem + [bar, random.uniform(-0.08, 0.06)]], width: tube))
        let saddle = random.uniform(0.12, 0.17)
        sketch.add(3, Contours.ellipse(seat + [0, -0.03], saddle, 0.06, angle: random.uniform(-0.1, 0.1)))
        sketch.add(3, Contours.ellipse(crank, 0.085, 0.085))
        return sketch
    }

    /// A hull with a mast and one or two sails.
    static func boat(_ random: inout RandomStream) -> Sketch {
        var sketch = Sketch()
        let half = random.uniform(0.75, 1)
        let depth = random.uniform(0.28, 0.42)
        let rake = random.uniform(0.12, 0.35)
        let mast = random.uniform(-0.15, 0.15)
        let height = random.uniform(1, 1.4)
        sketch.add(3, Contours.stroke([[mast, 0.02], [mast, -height]], width: 0.07))
        let boom = -random.uniform(0.1, 0.18)
        let bulge = random.uniform(0, 0.14)
        let reach = random.uniform(0.5, 0.8)
        let peak = SketchPoint(mast + 0.06, -height * random.uniform(0.9, 0.98))
        let clew = SketchPoint(mast + reach, boom)
        let middle = (peak + clew) / 2 + [bulge, -bulge * 0.6]
        sketch.add(1, Contours.solid([[mast + 0.06, boom], peak, (peak + middle * 2) / 3, middle, clew]))
        if random.chance(0.75) {
            let jib = random.uniform(0.4, 0.7)
            let top = -height * random.uniform(0.7, 0.95)
            sketch.add(2, Contours.solid([[mast - 0.06, boom], [mast - 0.06, top], [mast - jib, boom]]))
        }
        if random.chance(0.5) {
            let flag = random.uniform(0.14, 0.24)
            sketch.add(
                2, Contours.solid([[mast, -height - 0.02], [mast - flag, -height + 0.06], [mast, -height + 0.14]]))
        }
        let bow = random.uniform(0, 0.14)
        sketch.add(
            0,
            Contours.solid([
                [-half, 0], [half, -bow], [half - rake * 0.5, depth * 0.6], [half - rake, depth],
                [-half + rake * 0.8, depth], [-half + rake * 0.3, depth * 0.6],
            ]))
        if random.chance(0.6) {
            sketch.add(
                3,
                Contours.solid([
                    [-half + 0.04, depth * 0.14], [half - 0.06, depth * 0.1], [half - 0.1, depth * 0.34],
                    [-half + 0.1, depth * 0.34],
                ]))
        }
        return sketch
    }

    /// A body on two wheels, a cabin with windows, lights; from flat saloon to tall van.
    static func car(_ random: inout RandomStream) -> Sketch {
        var sketch = Sketch()
        let height = random.uniform(0.3, 0.44)
        let cabin = random.uniform(0.3, 0.5)
        let rear = random.uniform(-0.85, -0.5)
        let front = random.uniform(0.3, 0.62)
        let rearSlant = random.uniform(0.03, 0.3)
        let frontSlant = random.uniform(0.15, 0.38)
        let roof = -height - cabin
        sketch.add(
            0,
            Contours.solid([
                [rear, -height + 0.02], [rear + rearSlant, roof], [front - frontSlant, roof],
                [front, -height + 0.02],
            ]),
            Contours.smooth([
                [-1, 0], [-1.02, -height * 0.55], [-0.95, -height * 0.95], [0, -height - 0.02],
                [0.75, -height * 0.92], [1, -height * 0.6], [1.02, -0.02], [0, 0.03],
            ]))
        let pillar = random.uniform(-0.2, 0.05)
        let sill = -height - 0.01
        let lintel = roof + 0.08
        // The slope of the pillars holds for the inset windows too.
        let slope = (sill - lintel) / cabin
        sketch.add(
            1,
            Contours.solid([
                [rear + 0.1, sill], [rear + 0.1 + rearSlant * slope, lintel], [pillar - 0.04, lintel],
                [pillar - 0.04, sill],
            ]),
            Contours.solid([
                [pillar + 0.04, sill], [pillar + 0.04, lintel], [front - 0.1 - frontSlant * slope, lintel],
                [front - 0.1, sill],
            ]))
        let radius = random.uniform(0.19, 0.27)
        let hub = radius * random.uniform(0.4, 0.6)
        for x in [-random.uniform(0.55, 0.65), random.uniform(0.55, 0.65)] {
            sketch.add(2, Contours.ellipse([x, 0.02], radius, radius))
            sketch.add(3, Contours.ellipse([x, 0.02], hub, hub))
        }
        sketch.add(3, Contours.ellipse([0.95, -height * 0.55], 0.06, 0.08))
        if random.chance(0.6) {
            let y = -height * random.uniform(0.4, 0.55)
            sketch.add(3, Contours.rectangle(minX: -0.4, minY: y, maxX: 0.75, maxY: y + 0.05))
        }
        return sketch
    }
}

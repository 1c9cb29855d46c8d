internal import Foundation
internal import Support

extension Sketch {
    /// An oval body with a tail fin, back and belly fins, gill and eye.
    static func fish(_ random: inout RandomStream) -> Sketch {
        var sketch = Sketch()
        let half = random.uniform(0.26, 0.5)
        let tail = random.uniform(0.28, 0.46)
        let spread = random.uniform(0.26, 0.48)
        let fork = random.uniform(0.05, 0.22)
        sketch.add(
            1,
            Contours.solid([
                [-0.58, 0], [-0.7 - tail, -spread], [-0.7 - tail + fork, 0],
                [-0.7 - tail, spread * random.uniform(0.7, 1)],
            ]))
        let fin = random.uniform(0.16, 0.34)
        sketch.add(
            1,
            Contours.solid([
                [0.25, -half * 0.8], [random.uniform(-0.25, 0.05), -half - fin], [-0.45, -half * 0.6],
            ]),
            Contours.solid([
                [0.1, half * 0.8], [random.uniform(-0.35, -0.1), half + fin * random.uniform(0.5, 0.9)],
                [-0.25, half * 0.7],
            ]))
        let snout = random.uniform(0.72, 0.9)
        sketch.add(
            0,
            Contours.smooth([
                [snout, 0.02], [0.45, -half * 0.82], [0, -half], [-0.45, -half * 0.62], [-0.7, -0.07],
                [-0.7, 0.07], [-0.45, half * 0.62], [0, half], [0.45, half * 0.8],
            ]))
        if random.chance(0.5) {
            var bands: [Contour] = []
            for x in [-0.35, -0.08, 0.18] {
                let reach = half * (x < -0.2 ? 0.55 : 0.8)
                bands += Contours.stroke(
                    [[x, -reach], [x - 0.06, 0], [x, reach]], width: random.uniform(0.06, 0.1))
            }
            sketch.add(2, bands)
        }
        sketch.add(
            2, Contours.stroke(Contours.arc([0.2, 0], 0.16, half * 0.62, from: -1.2, to: 1.2, steps: 8), width: 0.05))
        let eye = SketchPoint(random.uniform(0.5, 0.58), -half * random.uniform(0.2, 0.34))
        let size = random.uniform(0.08, 0.11)
        sketch.add(3, Contours.ellipse(eye, size, size))
        sketch.add(1, Contours.ellipse(eye, size * 0.5, size * 0.5))
        return sketch
    }

    /// Petals around a centre, on a bent stem with leaves.
    static func flower(_ random: inout RandomStream) -> Sketch {
        var sketch = Sketch()
        let stem = random.uniform(0.9, 1.35)
        let bend = random.uniform(-0.25, 0.25)
        let line = (0...8).map { step -> SketchPoint in
            let t = Double(step) / 8
            return [bend * sin(.pi * t), stem * t]
        }
        sketch.add(2, Contours.stroke(line, width: random.uniform(0.08, 0.12)))
        for side in random.chance(0.7) ? [-1.0, 1.0] : [1.0] {
            let root = line[4 + random.integer(below: 3)]
            let length = random.uniform(0.2, 0.3)
            let angle = -random.uniform(0.3, 0.8)
            let direction = SketchPoint(side * cos(angle), sin(angle))
            sketch.add(
                2,
                Contours.ellipse(
                    root + direction * length, length, length * random.uniform(0.35, 0.5),
                    angle: atan2(direction.y, direction.x)))
        }
        let petals = 5 + random.integer(below: 4)
        let reach = random.uniform(0.3, 0.38)
        let length = random.uniform(0.2, 0.28)
        // Neighbouring petals just touch or leave a gap.
        let width = reach * sin(.pi / Double(petals)) * random.uniform(0.85, 1.1)
        let turn = random.uniform(0, 2 * .pi)
        for index in 0..<petals {
            let angle = turn + 2 * .pi * Double(index) / Double(petals)
            sketch.add(
                0,
                Contours.ellipse([reach * cos(angle), reach * sin(angle)], length, min(width, length), angle: angle))
        }
        let heart = random.uniform(0.15, 0.22)
        sketch.add(1, Contours.ellipse([0, 0], heart, heart))
        if random.chance(0.5) { sketch.add(3, Contours.ellipse([0, 0], heart * 0.5, heart * 0.5)) }
        return sketch
    }

    /// A trunk under a conifer's tiers or a broadleaf's crown.
    static func tree(_ random: inout RandomStream) -> Sketch {
        var sketch = Sketch()
        let trunk = random.uniform(0.08, 0.14)
        let foot = random.uniform(0.4, 0.65)
        sketch.add(
            1,
            Contours.solid([
                [-trunk, -0.3], [trunk, -0.3], [trunk * 1.15, foot * 0.7], [trunk * 1.8, foot],
                [-trunk * 1.8, foot], [-trunk * 1.15, foot * 0.7],
            ]))
        if random.chance(0.5) {
            let tiers = 3 + random.integer(below: 2)
            let height = random.uniform(1.3, 1.7)
            let base = random.uniform(0.5, 0.7)
            for tier in 0..<tiers {
                let low = 0.1 - height * 0.72 * Double(tier) / Double(tiers)
                let half = base * (1 - 0.62 * Double(tier) / Double(tiers - 1))
                let top = low - height / Double(tiers) * 1.3
                let droop = random.uniform(0, 0.07)
                sketch.add(
                    tier % 2 == 0 ? 0 : 2,
                    Contours.solid([[-half, low + droop], [0, low], [half, low + droop], [0, top]]))
            }
        } else {
            let lobes = 6 + random.integer(below: 4)
            let radiusX = random.uniform(0.34, 0.5)
            let radiusY = random.uniform(0.3, 0.42)
            var crown = [Contours.ellipse([0, -0.55], radiusX, radiusY)]
            for index in 0..<lobes {
                let angle = 2 * .pi * (Double(index) + random.uniform(-0.15, 0.15)) / Double(lobes)
                let lobe = random.uniform(0.2, 0.28)
                crown.append(Contours.ellipse([radiusX * cos(angle), -0.55 + radiusY * sin(angle)], lobe, lobe))
            }
            sketch.add(
                1, Contours.stroke([[0, -0.05], [random.uniform(0.15, 0.25), -0.32]], width: trunk))
            sketch.add(0, crown)
            for _ in 0..<(3 + random.integer(below: 4)) {
                let center = SketchPoint(
                    random.uniform(-0.7, 0.7) * radiusX, -0.55 + random.uniform(-0.8, 0.8) * radiusY)
                let start = random.uniform(0, 2)
                sketch.add(
                    2,
                    Contours.stroke(
                        Contours.arc(center, 0.13, 0.11, from: start, to: start + 2.2, steps: 7), width: 0.05))
            }
        }
        return sketch
    }
}

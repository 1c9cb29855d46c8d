internal import Foundation
internal import Support

/// Where and how a normalised sketch stands in the picture.
struct SketchPose: Sendable {
    var center: SketchPoint
    /// Pixels of the sketch's longest side before it is turned.
    var extent: Double
    var angle: Double
    var isMirrored: Bool
    /// Height over width, relative to the sketch's own.
    var stretch: Double

    /// A sketch of the given extent, turned by at most `turn` radians, at the origin.
    init(extent: Double, turn: Double, _ random: inout RandomStream) {
        center = .zero
        self.extent = extent
        angle = random.uniform(-turn, turn)
        isMirrored = random.chance(0.5)
        stretch = random.uniform(0.88, 1.14)
    }

    private var axes: (x: SketchPoint, y: SketchPoint) {
        let axis = SketchPoint(cos(angle), sin(angle))
        return (axis * (isMirrored ? -extent : extent), SketchPoint(-axis.y, axis.x) * (extent * stretch))
    }

    func place(_ sketch: Sketch) -> Sketch {
        let (x, y) = axes
        return sketch.mapPoints { center + x * $0.x + y * $0.y }
    }

    /// The map from pixels back to the sketch: local = x · (pixel − center).x + y · (pixel − center).y.
    var inverse: (x: SIMD2<Float>, y: SIMD2<Float>) {
        let (x, y) = axes
        let determinant = x.x * y.y - y.x * x.y
        return (
            SIMD2(Float(y.y / determinant), Float(-x.y / determinant)),
            SIMD2(Float(-y.x / determinant), Float(x.x / determinant))
        )
    }
}

/// Light that falls on all objects of a scene from one side.
struct SceneLight: Sendable {
    /// Unit vector towards the light, on the screen.
    var direction: SIMD2<Float>
    /// Relative change of brightness from the middle of an object to its lit edge.
    var strength: Float

    static let flat = SceneLight(direction: [0, -1], strength: 0)

    init(direction: SIMD2<Float>, strength: Float) {
        self.direction = direction
        self.strength = strength
    }

    init(_ random: inout RandomStream) {
        // From above, as a rule: between the left and the right horizon.
        let angle = random.uniform(-.pi, 0)
        direction = [Float(cos(angle)), Float(sin(angle))]
        strength = Float(random.uniform(0.05, 0.4))
    }
}

extension Raster {
    /// Draws a sketch, only as large as the sketch itself.
    init(_ sketch: Sketch, pose: SketchPose, surfaces: [Surface], light: SceneLight, noise: ValueNoise) {
        let placed = pose.place(sketch)
        let (low, high) = placed.bounds
        let x = Int(low.x.rounded(.down))
        let y = Int(low.y.rounded(.down))
        self.init(
            originX: x, originY: y,
            size: RasterSize(
                width: Int(high.x.rounded(.down)) - x + 1, height: Int(high.y.rounded(.down)) - y + 1))
        for part in placed.parts {
            paint(CoverageMask(part.contours), surfaces[part.tone], pose: pose, light: light, noise: noise)
        }
    }

    /// Fills one part, brighter towards the light: over the object as a whole, and again over the part itself.
    private mutating func paint(
        _ mask: CoverageMask, _ surface: Surface, pose: SketchPose, light: SceneLight, noise: ValueNoise
    ) {
        let inverse = pose.inverse
        let center = SIMD2(Float(pose.center.x), Float(pose.center.y))
        let objectSlope = light.direction * (light.strength * 1.2 / Float(pose.extent))
        let middle = SIMD2(
            Float(mask.originX) + Float(mask.width) / 2, Float(mask.originY) + Float(mask.height) / 2)
        let partSlope = light.direction * (light.strength * 0.8 / Float(max(mask.width, mask.height)))
        let width = size.width
        pixels.withUnsafeMutableBufferPointer { pixels in
            mask.values.withUnsafeBufferPointer { coverage in
                for row in 0..<mask.height {
                    let base = (mask.originY + row - originY) * width + mask.originX - originX
                    for column in 0..<mask.width {
                        let share = coverage[row * mask.width + column]
                        guard share > 0 else { continue }
                        let pixel = SIMD2(
                            Float(mask.originX + column) + 0.5, Float(mask.originY + row) + 0.5)
                        let offset = pixel - center
                        let color = surface.sample(inverse.x * offset.x + inverse.y * offset.y, noise: noise)
                        let lit = 1 + (offset * objectSlope).sum() + ((pixel - middle) * partSlope).sum()
                        let paint = color * Pixel(lit, lit, lit, 1)
                        pixels[base + column] = pixels[base + column] * (1 - share) + paint * share
                    }
                }
            }
        }
    }
}

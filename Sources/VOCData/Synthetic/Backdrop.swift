internal import Support

/// Backgrounds: textured ground with clutter that is none of the classes.
enum Backdrop {
    /// A textured picture of the given size.
    static func draw(
        _ size: RasterSize, noise: ValueNoise, light: SceneLight, clutter: Int, _ random: inout RandomStream
    ) -> Raster {
        var raster = ground(size, noise: noise, &random)
        for _ in 0..<clutter {
            let extent = Double(min(size.width, size.height)) * random.uniform(0.06, 0.45)
            raster.composite(piece(on: raster, extent: extent, light: light, noise: noise, &random))
        }
        return raster
    }

    /// A piece of clutter at a random place, often close in colour to what it lies on.
    static func piece(
        on raster: Raster, extent: Double, light: SceneLight, noise: ValueNoise, _ random: inout RandomStream
    ) -> Raster {
        let sketch = Sketch.clutter(&random).normalized()
        var pose = SketchPose(extent: extent, turn: .pi, &random)
        pose.center = [
            random.uniform(0, Double(raster.size.width)), random.uniform(0, Double(raster.size.height)),
        ]
        let behind = raster.color(near: pose.center, radius: extent / 2)
        let strength = Float(random.uniform(0.2, 1))
        var surfaces = SceneColors.surfaces(behind: behind, &random)
        for index in surfaces.indices {
            surfaces[index].color = behind + (surfaces[index].color - behind) * strength
            surfaces[index].other = behind + (surfaces[index].other - behind) * strength
        }
        return Raster(sketch, pose: pose, surfaces: surfaces, light: light, noise: noise)
    }

    private static func ground(_ size: RasterSize, noise: ValueNoise, _ random: inout RandomStream) -> Raster {
        var raster = Raster(size: size)
        let short = Double(min(size.width, size.height))
        let offset = SIMD2<Float>(Float(random.uniform(0, 64)), Float(random.uniform(0, 64)))
        let coarse = noise.octaves(
            size: size, cell: short * random.uniform(0.2, 0.6), count: 3, roughness: 0.5, offset: offset)
        let fine = noise.octaves(
            size: size, cell: short * random.uniform(0.03, 0.12), count: 3,
            roughness: Float(random.uniform(0.4, 0.9)), offset: offset + 31)
        let grain = Float(random.uniform(0.05, 0.5))
        // Two zones: sky and land, wall and floor; or the same twice.
        let isDivided = random.chance(0.45)
        let horizon = isDivided ? Float(size.height) * Float(random.uniform(0.25, 0.75)) : .infinity
        let slope = Float(random.uniform(-0.12, 0.12))
        let ripple = Float(random.uniform(0, 0.15) * short)
        let upper = zone(&random)
        let lower = zone(&random)
        let scale = 1 / Float(short)
        raster.pixels.withUnsafeMutableBufferPointer { pixels in
            for row in 0..<size.height {
                for column in 0..<size.width {
                    let index = row * size.width + column
                    let edge = horizon + slope * Float(column) + ripple * (coarse[index] - 0.5)
                    let share = min(1, max(0, Float(row) - edge + 0.5))
                    let point = SIMD2(Float(column), Float(row)) * scale
                    var color = share < 1 ? upper.sample(point, coarse[index], noise) : .zero
                    if share > 0 { color += (lower.sample(point, coarse[index], noise) - color) * share }
                    let lit = 1 + grain * (fine[index] - 0.5) * 2
                    pixels[index] = color * Pixel(lit, lit, lit, 0) + Pixel(0, 0, 0, 1)
                }
            }
        }
        return raster
    }

    private struct Zone {
        var first: Surface
        var second: Pixel
        var mix: Float

        @inline(__always)
        func sample(_ point: SIMD2<Float>, _ coarse: Float, _ noise: ValueNoise) -> Pixel {
            let share = min(1, max(0, (coarse - 0.5) * mix + 0.5))
            let color = first.sample(point, noise: noise)
            return color + (second - color) * share
        }
    }

    private static func zone(_ random: inout RandomStream) -> Zone {
        let base = SceneColors.color(&random, saturation: 0.03...0.7)
        let second =
            base + (SceneColors.color(&random, saturation: 0.03...0.7) - base) * Float(random.uniform(0.2, 0.9))
        var surface = Surface(color: base, other: second, &random)
        surface.frequency *= Float(random.uniform(0.4, 1.6))
        return Zone(first: surface, second: second, mix: Float(random.uniform(0.8, 3)))
    }
}

extension Raster {
    /// The mean colour of a 5 × 5 grid of pixels around a point.
    func color(near center: SketchPoint, radius: Double) -> Pixel {
        var sum = Pixel.zero
        for gridY in -2...2 {
            for gridX in -2...2 {
                let x = Int(center.x + Double(gridX) * radius / 2) - originX
                let y = Int(center.y + Double(gridY) * radius / 2) - originY
                sum += pixels[min(max(y, 0), size.height - 1) * size.width + min(max(x, 0), size.width - 1)]
            }
        }
        return sum / 25
    }
}

internal import Boxes
internal import Foundation
internal import Imaging
internal import Support

/// Draws one picture: background, objects over each other, clutter in front, camera.
struct SceneRenderer {
    /// An object that was drawn, and its whole size in pixels.
    private struct Drawn {
        var kind: SketchClass
        var bounds: Box
        var pixelCount: Int
        var inFrameCount: Int
    }

    private let style: SyntheticDevkit.Style
    private let size: RasterSize
    private let extents: ClosedRange<Double>
    private var random: RandomStream
    private let noise: ValueNoise
    private let light: SceneLight
    private var raster: Raster
    /// For each pixel the number of the object seen there, −1 for none.
    private var owners: [Int32]
    private var drawn: [Drawn] = []

    init(size: ImageSize, style: SyntheticDevkit.Style, extents: ClosedRange<Double>, random: RandomStream) {
        self.style = style
        self.extents = extents
        self.size = RasterSize(width: size.width, height: size.height)
        self.random = random
        noise = ValueNoise(&self.random)
        light = style.isPlain ? .flat : SceneLight(&self.random)
        owners = [Int32](repeating: -1, count: size.pixelCount)
        if style.isPlain {
            raster = Raster(size: self.size, color: Pixel(0, 0, 0, 1))
        } else {
            let clutter = style.hasClutter ? 2 + self.random.integer(below: 11) : 0
            raster = Backdrop.draw(self.size, noise: noise, light: light, clutter: clutter, &self.random)
        }
    }

    private var shortSide: Double { Double(min(size.width, size.height)) }

    /// Adds objects of the given classes at random places and sizes.
    mutating func addObjects(_ kinds: [SketchClass]) {
        for kind in kinds {
            let sketch = kind.sketch(&random).normalized()
            // Overlap is welcome now and then; objects that mostly hide another are not.
            let tolerance = random.chance(0.35) ? 0.6 : 0.12
            for _ in 0..<12 {
                var pose = SketchPose(extent: randomExtent(), turn: SyntheticDevkit.largestTurn, &random)
                move(&pose, sketch)
                let bounds = Box(pose.place(sketch).bounds)
                let isFree = drawn.allSatisfy { other in
                    bounds.intersection(other.bounds).area <= tolerance * min(bounds.area, other.bounds.area)
                }
                guard isFree || drawn.isEmpty else { continue }
                draw(sketch, kind, pose)
                break
            }
        }
    }

    /// Adds one object that fills most of the picture, a little off its middle.
    mutating func addCenteredObject(_ kind: SketchClass) {
        let sketch = kind.sketch(&random).normalized()
        let extent = shortSide * random.uniform(0.5, 0.95)
        var pose = SketchPose(extent: extent, turn: SyntheticDevkit.largestTurn, &random)
        let play = 0.12 * shortSide
        pose.center = [
            Double(size.width) / 2 + random.uniform(-play, play), Double(size.height) / 2 + random.uniform(-play, play),
        ]
        draw(sketch, kind, pose)
    }

    /// The picture as the camera saw it, and what is to be annotated.
    consuming func finish() -> SyntheticImage {
        if style.hasClutter { addFrontClutter() }
        let objects = annotations()
        guard !style.isPlain else {
            let curve = ToneCurve(gain: Pixel(repeating: 1), contrast: 1, gamma: 1)
            return SyntheticImage(
                image: raster.developed(curve, noise: 0, &random), objects: objects, jpegQuality: 95)
        }
        illuminate()
        let brightness = random.uniform(0.75, 1.2)
        let gain = Pixel(
            Float(brightness * random.uniform(0.94, 1.06)), Float(brightness * random.uniform(0.94, 1.06)),
            Float(brightness * random.uniform(0.94, 1.06)), 1)
        let curve = ToneCurve(
            gain: gain, contrast: Float(random.uniform(0.85, 1.15)), gamma: Float(random.uniform(0.75, 1.35)))
        raster.blur(passes: random.integer(below: 3))
        let strength = random.uniform()
        let deviation = Float(0.035 * strength * strength)
        let quality = 60 + random.integer(below: 36)
        return SyntheticImage(
            image: raster.developed(curve, noise: deviation, &random), objects: objects, jpegQuality: quality)
    }

    /// As a rule between 12 % and 70 % of the picture's short side, half of them over 38 %: VOC's objects are rather large.
    private mutating func randomExtent() -> Double {
        let (low, high) = (extents.lowerBound, extents.upperBound)
        return shortSide * low * pow(high / low, pow(random.uniform(), 0.6))
    }

    /// Mostly wholly inside the frame; sometimes only its middle is.
    private mutating func move(_ pose: inout SketchPose, _ sketch: Sketch) {
        let (low, high) = pose.place(sketch).bounds
        let frame = SketchPoint(Double(size.width), Double(size.height))
        let inside = !random.chance(0.22)
        let least = inside ? pointwiseMin(-low, frame / 2) : .zero
        let greatest = inside ? pointwiseMax(frame - high, frame / 2) : frame
        pose.center = [random.uniform(least.x, greatest.x), random.uniform(least.y, greatest.y)]
    }

    private mutating func draw(_ sketch: Sketch, _ kind: SketchClass, _ pose: SketchPose) {
        let behind = raster.color(near: pose.center, radius: pose.extent / 2)
        let surfaces = SceneColors.surfaces(behind: behind, &random)
        let tile = Raster(sketch, pose: pose, surfaces: surfaces, light: light, noise: noise)
        if !style.isPlain, random.chance(0.65) {
            let reach = Float(pose.extent * random.uniform(0.03, 0.12))
            let away = -light.direction * reach
            raster.composite(
                tile.shadow(
                    offset: [Int(away.x.rounded()), Int(away.y.rounded())],
                    radius: 1 + Int(pose.extent * random.uniform(0.01, 0.05)),
                    strength: Float(random.uniform(0.2, 0.55))))
        }
        raster.composite(tile)
        let counts = claim(tile, owner: Int32(drawn.count))
        drawn.append(
            Drawn(
                kind: kind, bounds: Box(pose.place(sketch).bounds), pixelCount: counts.all,
                inFrameCount: counts.inFrame))
    }

    private mutating func addFrontClutter() {
        guard random.chance(0.35) else { return }
        for _ in 0..<(1 + random.integer(below: 2)) {
            let extent = shortSide * random.uniform(0.08, 0.3)
            let piece = Backdrop.piece(on: raster, extent: extent, light: light, noise: noise, &random)
            raster.composite(piece)
            _ = claim(piece, owner: -1)
        }
    }

    /// Marks the pixels of which the tile covers a third; returns how many there are, and how many in the frame.
    private mutating func claim(_ tile: Raster, owner: Int32) -> (all: Int, inFrame: Int) {
        var all = 0
        var inFrame = 0
        for row in 0..<tile.size.height {
            let y = tile.originY + row
            for column in 0..<tile.size.width where tile.pixels[row * tile.size.width + column].w >= 0.33 {
                all += 1
                let x = tile.originX + column
                guard x >= 0, y >= 0, x < size.width, y < size.height else { continue }
                inFrame += 1
                owners[y * size.width + x] = owner
            }
        }
        return (all, inFrame)
    }

    /// Light that changes across the picture, and darker corners.
    private mutating func illuminate() {
        let slope = light.direction * Float(random.uniform(0, 0.3) / shortSide)
        let vignette = Float(random.uniform(0, 0.3))
        let middle = SIMD2(Float(size.width), Float(size.height)) / 2
        let scale = 1 / (middle * middle).sum()
        for row in 0..<size.height {
            for column in 0..<size.width {
                let offset = SIMD2(Float(column), Float(row)) - middle
                let lit = 1 + (offset * slope).sum() - vignette * (offset * offset).sum() * scale
                raster.pixels[row * size.width + column] *= Pixel(lit, lit, lit, 1)
            }
        }
    }

    /// The boxes of what can be seen of each object.
    private func annotations() -> [AnnotatedObject] {
        struct Extent {
            var count = 0
            var minX = Int.max
            var minY = Int.max
            var maxX = Int.min
            var maxY = Int.min
        }
        var extents = [Extent](repeating: Extent(), count: drawn.count)
        for row in 0..<size.height {
            for column in 0..<size.width {
                let owner = Int(owners[row * size.width + column])
                guard owner >= 0 else { continue }
                extents[owner].count += 1
                extents[owner].minX = min(extents[owner].minX, column)
                extents[owner].minY = min(extents[owner].minY, row)
                extents[owner].maxX = max(extents[owner].maxX, column)
                extents[owner].maxY = max(extents[owner].maxY, row)
            }
        }
        return zip(drawn, extents).compactMap { object, extent in
            let visible = Double(extent.count) / Double(max(1, object.pixelCount))
            // Under a tenth nobody could tell what it is.
            guard extent.count >= 12, visible >= 0.1 else { return nil }
            let box = Box(
                minX: Double(extent.minX), minY: Double(extent.minY), maxX: Double(extent.maxX + 1),
                maxY: Double(extent.maxY + 1))
            let isSmall = max(box.width, box.height) < SyntheticDevkit.difficultExtent * shortSide
            return AnnotatedObject(
                name: object.kind.rawValue, pose: "Unspecified",
                isTruncated: Double(object.inFrameCount) < 0.99 * Double(object.pixelCount),
                isDifficult: isSmall || visible < SyntheticDevkit.difficultVisibility, box: box)
        }
    }
}

extension Box {
    fileprivate init(_ bounds: (low: SketchPoint, high: SketchPoint)) {
        self.init(minX: bounds.low.x, minY: bounds.low.y, maxX: bounds.high.x, maxY: bounds.high.y)
    }
}

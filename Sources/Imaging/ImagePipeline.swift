public import Foundation
public import Support

/// One step of the preparation of an image, as torchvision defines the transform of the same name on PIL images.
public enum ImageStep: Hashable, Sendable {
    /// A part of `scale` of the area and `ratio` of width to height (log-uniform), resized to `size`.
    case randomResizedCrop(size: ImageSize, scale: ClosedRange<Double>, ratio: ClosedRange<Double>)
    /// The short side to this many pixels, the shape kept.
    case resizeShortSide(Int)
    case resize(ImageSize)
    /// The middle part; black beside images that are smaller.
    case centerCrop(ImageSize)
    case randomHorizontalFlip(probability: Double)
    /// Factors from [max(0, 1 − x), 1 + x], hue shift from [−hue, hue] of the circle, in random order.
    case colorJitter(brightness: Double, contrast: Double, saturation: Double, hue: Double, probability: Double = 1)
    case randomGrayscale(probability: Double)
    /// A Gaussian of deviation σ, uniform in the range, over `kernel` (odd) pixels a side.
    case randomGaussianBlur(kernel: Int, sigma: ClosedRange<Double>, probability: Double)
    /// Inverts the samples of at least `threshold`.
    case randomSolarize(threshold: UInt8, probability: Double)
    /// A part of `size` anywhere, after `padding` black pixels were put on every side.
    case randomCrop(size: ImageSize, padding: Int)
    /// Turned by up to so many degrees either way.
    case randomRotation(degrees: Double)
    /// What lies along green against magenta taken out of the colours, see `Image.withoutGreenMagenta`.
    case randomProjection(probability: Double)
    /// One colour channel of three kept.
    case randomChannel(probability: Double)

    /// The size every image has after this step; nil when it depends on the image.
    var outputSize: ImageSize? {
        switch self {
        case .randomResizedCrop(let size, _, _), .resize(let size), .centerCrop(let size), .randomCrop(let size, _):
            size
        default: nil
        }
    }

    /// Whether the step leaves the size of the image as it is.
    var keepsSize: Bool {
        switch self {
        case .randomHorizontalFlip, .colorJitter, .randomGrayscale, .randomGaussianBlur, .randomSolarize,
            .randomRotation, .randomProjection, .randomChannel:
            true
        default: false
        }
    }

    /// Whether a device can do it to a whole batch, to the same bytes.
    var isForDevices: Bool {
        switch self {
        case .randomGaussianBlur, .randomRotation, .randomProjection, .randomChannel: false
        default: keepsSize
        }
    }
}

/// The steps an image goes through, in order; what they do is a function of the image and the random stream alone.
public struct ImagePipeline: Hashable, Sendable {
    public var steps: [ImageStep]

    public init(_ steps: [ImageStep]) { self.steps = steps }

    /// The size of every result; nil when it depends on the image.
    public var outputSize: ImageSize? {
        steps.last { !$0.keepsSize }?.outputSize
    }

    public func apply(_ image: Image, random: inout RandomStream) -> Image {
        steps.reduce(image) { $1.apply($0, random: &random) }
    }

    /// Decodes and prepares an image file held in memory.
    ///
    /// When the first step makes the image smaller, a JPEG is decoded at the smallest of 1/1, 1/2, 1/4 and 1/8 that
    /// still has a pixel for each one wanted: several times faster, and close to but not bit for bit what `apply`
    /// gives on the fully decoded image. The random choices are the same.
    /// - Throws: `InputError` naming `name`, as `Image.decode`.
    public func load(
        _ data: Data, name: String, random: inout RandomStream, decoding: ImageDecoding = .asStored
    ) throws -> Image {
        var streams = [random]
        defer { random = streams[0] }
        return try Self.load([self], data, name: name, streams: &streams, decoding: decoding)[0]
    }

    /// The same for several views of one image, which is decoded once, at the size that the largest of them needs.
    ///
    /// - Parameter streams: One a view.
    public static func load(
        _ views: [ImagePipeline], _ data: Data, name: String, streams: inout [RandomStream],
        decoding: ImageDecoding = .asStored
    ) throws -> [Image] {
        let header = try ImageHeader.read(data, name: name)
        let whole = header.size(decoding)
        let starts = views.indices.map { views[$0].start(whole, random: &streams[$0]) }
        let reductions = starts.map { start in
            header.format == .jpeg ? start.wanted.map { JPEGDecoder.reduction(of: $0.part, atLeast: $0.size) } ?? 1 : 1
        }
        let reduction = reductions.min() ?? 1
        let image = try Image.decode(data, header: header, name: name, reduction: reduction, decoding: decoding)
        return views.indices.map { view in
            let rest = starts[view].wanted == nil ? views[view] : views[view].rest
            return rest.apply(starts[view].prepare(image, reduction), random: &streams[view])
        }
    }

    /// What the first step makes of an image of a size, before the image is decoded.
    private struct Start {
        /// The part of the image that is looked at, and how large it becomes; nil where all of it is needed as it is.
        var wanted: (part: ImageSize, size: ImageSize)?
        var prepare: (_ decoded: Image, _ reduction: Int) -> Image = { image, _ in image }
    }

    private func start(_ size: ImageSize, random: inout RandomStream) -> Start {
        switch steps.first {
        case .randomResizedCrop(let output, let scale, let ratio):
            let crop = PixelRectangle.random(in: size, scale: scale, ratio: ratio, random: &random)
            return Start(wanted: (crop.size, output)) { image, reduction in
                image.resized(from: crop.region(dividedBy: reduction, in: image.size), to: output)
            }
        case .resizeShortSide(let side):
            // From the size of the file, so that rounding in the decoder cannot change the shape.
            let output = size.scaled(shortSide: side)
            return Start(wanted: (size, output)) { image, _ in image.resized(to: output) }
        case .resize(let output):
            return Start(wanted: (size, output)) { image, _ in image.resized(to: output) }
        default:
            return Start()
        }
    }

    private var rest: ImagePipeline { ImagePipeline(Array(steps.dropFirst())) }

    /// The steps at the end that can be put off, and all before them.
    private var parts: (first: ImagePipeline, last: ArraySlice<ImageStep>) {
        let count = steps.reversed().prefix(while: \.isForDevices).count
        return (ImagePipeline(Array(steps.dropLast(count))), steps.suffix(count))
    }

    /// The pipeline without the steps at its end that a device can do.
    public var withoutChanges: ImagePipeline { parts.first }

    /// What the steps left out by `withoutChanges` do to an image, in order. With the stream that has gone through the
    /// others, both together are the whole pipeline.
    public func drawChanges(_ random: inout RandomStream) -> [ImageChange] {
        parts.last.compactMap { $0.draw(&random) }
    }
}

extension ImageStep {
    fileprivate func apply(_ image: Image, random: inout RandomStream) -> Image {
        switch self {
        case .randomResizedCrop(let size, let scale, let ratio):
            let crop = PixelRectangle.random(in: image.size, scale: scale, ratio: ratio, random: &random)
            return image.resized(from: crop.region(dividedBy: 1, in: image.size), to: size)
        case .resizeShortSide(let side): return image.resized(shortSide: side)
        case .resize(let size): return image.resized(to: size)
        case .centerCrop(let size):
            // Half pixels go to the even side, as Python's round does.
            return image.cropped(
                clippingX: Int((Double(image.width - size.width) / 2).rounded(.toNearestOrEven)),
                y: Int((Double(image.height - size.height) / 2).rounded(.toNearestOrEven)), size: size)
        case .randomHorizontalFlip, .colorJitter, .randomGrayscale, .randomGaussianBlur, .randomSolarize,
            .randomRotation, .randomProjection, .randomChannel:
            return draw(&random).map(image.applying) ?? image
        case .randomCrop(let size, let padding):
            let x = random.integer(below: max(0, image.width + 2 * padding - size.width) + 1) - padding
            let y = random.integer(below: max(0, image.height + 2 * padding - size.height) + 1) - padding
            return image.cropped(clippingX: x, y: y, size: size)
        }
    }
}

/// A rectangle of whole pixels.
private struct PixelRectangle {
    var x: Int
    var y: Int
    var size: ImageSize

    /// torchvision's `RandomResizedCrop.get_params`: ten tries, then the largest allowed rectangle in the middle.
    static func random(
        in size: ImageSize, scale: ClosedRange<Double>, ratio: ClosedRange<Double>, random: inout RandomStream
    ) -> PixelRectangle {
        let (logLow, logHigh) = (log(ratio.lowerBound), log(ratio.upperBound))
        for _ in 0..<10 {
            let area = Double(size.pixelCount) * random.uniform(scale.lowerBound, scale.upperBound)
            let aspect = exp(random.uniform(logLow, logHigh))
            let width = Int((area * aspect).squareRoot().rounded(.toNearestOrEven))
            let height = Int((area / aspect).squareRoot().rounded(.toNearestOrEven))
            if width > 0, width <= size.width, height > 0, height <= size.height {
                let y = random.integer(below: size.height - height + 1)
                let x = random.integer(below: size.width - width + 1)
                return PixelRectangle(x: x, y: y, size: ImageSize(width: width, height: height))
            }
        }
        let whole = Double(size.width) / Double(size.height)
        var part = size
        if whole < ratio.lowerBound {
            part.height = Int((Double(size.width) / ratio.lowerBound).rounded(.toNearestOrEven))
        } else if whole > ratio.upperBound {
            part.width = Int((Double(size.height) * ratio.upperBound).rounded(.toNearestOrEven))
        }
        part = ImageSize(width: max(1, part.width), height: max(1, part.height))
        return PixelRectangle(x: (size.width - part.width) / 2, y: (size.height - part.height) / 2, size: part)
    }

    /// The same place in an image that was decoded at 1 / `reduction`.
    func region(dividedBy reduction: Int, in decoded: ImageSize) -> ImageRegion {
        let factor = Double(reduction)
        let (left, top) = (Double(x) / factor, Double(y) / factor)
        return ImageRegion(
            x: left, y: top, width: min(Double(size.width) / factor, Double(decoded.width) - left),
            height: min(Double(size.height) / factor, Double(decoded.height) - top))
    }
}

/// How training images are changed: a part of them, colour where it is asked for, blur, and mirroring.
public struct Augmentation: Hashable, Sendable {
    /// Which part of an image is looked at.
    public var framing = Framing.randomResizedCrop
    /// Smallest share of an image's area that a random crop takes.
    public var cropScale: Double
    /// nil leaves the colours alone.
    public var color: Color?
    /// Probability of a Gaussian blur of deviation .1 to 2 pixels, over a tenth of the image's side.
    public var blur = 0.0
    /// Probability of inverting all samples above the middle.
    public var solarize = 0.0
    /// Degrees by which an image is turned at most, either way.
    public var rotation = 0.0
    /// Probability of taking green against magenta out of the colours.
    public var projection = 0.0
    /// Probability of keeping one colour channel of three.
    public var channelDrop = 0.0
    /// Probability of mirroring.
    public var flip: Double

    /// Which part of an image is looked at.
    public enum Framing: Hashable, Sendable {
        /// A random part of at least `cropScale` of the area, of a random shape, made the training size.
        case randomResizedCrop
        /// The whole image at the training size, shifted by up to so many pixels over black.
        case padded(Int)
        /// A random square of the training size, of the image whose short side is so many times as long.
        case shortSide(Double)
    }

    /// Random changes of colour.
    public struct Color: Hashable, Sendable {
        /// Probability of taking the colour away.
        public var grayscale: Double
        /// Strength of the changes of brightness, contrast and, unless they have their own, saturation and hue.
        public var jitter: Double
        public var saturation: Double?
        /// At most .5, half the circle.
        public var hue: Double?
        /// Of any jitter at all.
        public var jitterProbability = 1.0
        /// Whether colour is taken away before it is changed, as instance discrimination's code does, or after, as all
        /// later methods do.
        public var grayscaleFirst = true

        public init(grayscale: Double, jitter: Double) {
            self.grayscale = grayscale
            self.jitter = jitter
        }
    }

    /// Pixels of `Framing.padded`; 0 for crops of random size.
    var padding: Int {
        get { if case .padded(let padding) = framing { padding } else { 0 } }
        set { framing = newValue > 0 ? .padded(newValue) : .randomResizedCrop }
    }

    public init(cropScale: Double, color: Color? = nil, flip: Double = 0.5) {
        self.cropScale = cropScale
        self.color = color
        self.flip = flip
    }

    /// Squares of `imageSize` pixels a side; random parts are of shapes between 3:4 and 4:3.
    public func pipeline(imageSize: Int) -> ImagePipeline {
        var steps = frame(ImageSize(width: imageSize, height: imageSize))
        if rotation > 0 { steps.append(.randomRotation(degrees: rotation)) }
        steps += color?.steps ?? []
        if projection > 0 { steps.append(.randomProjection(probability: projection)) }
        if channelDrop > 0 { steps.append(.randomChannel(probability: channelDrop)) }
        // An odd number of pixels, as SimCLR takes a tenth of 224.
        let kernel = max(3, imageSize / 10 / 2 * 2 + 1)
        if blur > 0 { steps.append(.randomGaussianBlur(kernel: kernel, sigma: 0.1...2, probability: blur)) }
        if solarize > 0 { steps.append(.randomSolarize(threshold: 128, probability: solarize)) }
        return ImagePipeline(steps + [.randomHorizontalFlip(probability: flip)])
    }

    private func frame(_ size: ImageSize) -> [ImageStep] {
        switch framing {
        case .randomResizedCrop:
            [.randomResizedCrop(size: size, scale: cropScale...1, ratio: (3.0 / 4)...(4.0 / 3))]
        case .padded(let padding): [.resize(size), .randomCrop(size: size, padding: padding)]
        case .shortSide(let ratio):
            [
                .resizeShortSide(max(size.width, Int((Double(size.width) * ratio).rounded()))),
                .randomCrop(size: size, padding: 0),
            ]
        }
    }
}

extension Augmentation.Color {
    fileprivate var steps: [ImageStep] {
        let gray = ImageStep.randomGrayscale(probability: grayscale)
        let change = ImageStep.colorJitter(
            brightness: jitter, contrast: jitter, saturation: saturation ?? jitter, hue: min(hue ?? jitter, 0.5),
            probability: jitterProbability)
        return grayscaleFirst ? [gray, change] : [change, gray]
    }
}

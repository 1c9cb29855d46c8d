/// How training images are changed: a random crop, colour where it is asked for, blur, and mirroring.
public struct Augmentation: Hashable, Sendable {
    /// Smallest share of an image's area that a random crop takes.
    public var cropScale: Double
    /// nil leaves the colours alone.
    public var color: Color?
    /// Probability of a Gaussian blur of deviation .1 to 2 pixels, over a tenth of the image's side.
    public var blur = 0.0
    /// Probability of inverting all samples above the middle.
    public var solarize = 0.0
    /// Probability of mirroring.
    public var flip: Double

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

    public init(cropScale: Double, color: Color? = nil, flip: Double = 0.5) {
        self.cropScale = cropScale
        self.color = color
        self.flip = flip
    }

    /// Crops of 3:4 to 4:3, made `imageSize` pixels a side.
    public func pipeline(imageSize: Int) -> ImagePipeline {
        let crop = ImageStep.randomResizedCrop(
            size: ImageSize(width: imageSize, height: imageSize), scale: cropScale...1, ratio: (3.0 / 4)...(4.0 / 3))
        var steps = [crop] + (color?.steps ?? [])
        // An odd number of pixels, as SimCLR takes a tenth of 224.
        let kernel = max(3, imageSize / 10 / 2 * 2 + 1)
        if blur > 0 { steps.append(.randomGaussianBlur(kernel: kernel, sigma: 0.1...2, probability: blur)) }
        if solarize > 0 { steps.append(.randomSolarize(threshold: 128, probability: solarize)) }
        return ImagePipeline(steps + [.randomHorizontalFlip(probability: flip)])
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

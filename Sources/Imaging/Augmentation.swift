/// How training images are changed: a random crop, colour where it is asked for, and mirroring.
public struct Augmentation: Hashable, Sendable {
    /// Smallest share of an image's area that a random crop takes.
    public var cropScale: Double
    /// nil leaves the colours alone.
    public var color: Color?
    /// Probability of mirroring.
    public var flip: Double

    /// Random changes of colour.
    public struct Color: Hashable, Sendable {
        /// Probability of taking the colour away.
        public var grayscale: Double
        /// Strength of the changes of brightness, contrast, saturation and hue.
        public var jitter: Double

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
        let colors = color.map { color -> [ImageStep] in
            let jitter = color.jitter
            return [
                .randomGrayscale(probability: color.grayscale),
                .colorJitter(brightness: jitter, contrast: jitter, saturation: jitter, hue: min(jitter, 0.5)),
            ]
        }
        return ImagePipeline([crop] + (colors ?? []) + [.randomHorizontalFlip(probability: flip)])
    }
}

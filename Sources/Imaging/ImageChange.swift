package import Support

/// What a step that leaves the size as it is does to one image: its random choices, already made.
///
/// Drawn on one side and applied on another: `Image.applying` changes an image in host memory, and the same values tell a
/// device how to change a batch.
public enum ImageChange: Hashable, Sendable {
    case horizontalFlip(Bool)
    case grayscale(Bool)
    /// In this order.
    case colors([ColorAdjustment])
    /// Deviation in pixels, nil for none, and the pixels a side that it reaches over. Devices do not blur.
    case blur(sigma: Double?, kernel: Int)
    /// Inverts samples of at least so much; nil for none.
    case solarize(UInt8?)
    /// Degrees, anticlockwise. Devices do not turn images.
    case rotation(Double)
    /// Whether green against magenta is taken out. Not for devices.
    case projection(Bool)
    /// The channel that is kept; nil keeps all. Not for devices.
    case channel(Int?)
}

/// One adjustment of the colours of an image, as Pillow's operator of the same name.
public enum ColorAdjustment: Hashable, Sendable {
    /// Blends with black.
    case brightness(Double)
    /// Blends with the mean luma of the image.
    case contrast(Double)
    /// Blends each pixel with its own luma.
    case saturation(Double)
    /// Turns the hue by this part of the full circle, −0.5 … 0.5.
    case hue(Double)

    /// The hue's turn in Pillow's 256 levels, which wrap around.
    public static func hueLevels(_ shift: Double) -> UInt8 {
        precondition((-0.5...0.5).contains(shift), "the hue shift must lie in −0.5 … 0.5, got \(shift)")
        return UInt8(truncatingIfNeeded: Int(shift * 255))
    }
}

extension ImageStep {
    /// Makes the random choices of the step; nil when it changes the size of the image.
    package func draw(_ random: inout RandomStream) -> ImageChange? {
        switch self {
        case .randomHorizontalFlip(let probability): .horizontalFlip(random.chance(probability))
        case .randomGrayscale(let probability): .grayscale(random.chance(probability))
        case .colorJitter(let brightness, let contrast, let saturation, let hue, let probability):
            // Nothing is drawn for what is certain: older recipes keep their streams.
            .colors(
                probability < 1 && !random.chance(probability)
                    ? [] : Self.jitter(brightness, contrast, saturation, hue, &random))
        case .randomGaussianBlur(let kernel, let sigma, let probability):
            .blur(
                sigma: random.chance(probability) ? random.uniform(sigma.lowerBound, sigma.upperBound) : nil,
                kernel: kernel)
        case .randomSolarize(let threshold, let probability):
            .solarize(random.chance(probability) ? threshold : nil)
        case .randomRotation(let degrees): .rotation(random.uniform(-degrees, degrees))
        case .randomProjection(let probability): .projection(random.chance(probability))
        case .randomChannel(let probability): .channel(random.chance(probability) ? random.integer(below: 3) : nil)
        case .randomResizedCrop, .resizeShortSide, .resize, .centerCrop, .randomCrop: nil
        }
    }

    /// Draws order and factors, four and four numbers whatever their ranges.
    private static func jitter(
        _ brightness: Double, _ contrast: Double, _ saturation: Double, _ hue: Double, _ random: inout RandomStream
    ) -> [ColorAdjustment] {
        let order = random.permutation(4)
        let factors = [brightness, contrast, saturation].map { random.uniform(max(0, 1 - $0), 1 + $0) }
        let shift = random.uniform(-hue, hue)
        return order.compactMap { adjustment in
            switch adjustment {
            case 0: brightness > 0 ? .brightness(factors[0]) : nil
            case 1: contrast > 0 ? .contrast(factors[1]) : nil
            case 2: saturation > 0 ? .saturation(factors[2]) : nil
            default: hue > 0 ? .hue(shift) : nil
            }
        }
    }
}

extension Image {
    /// The image after the change.
    public func applying(_ change: ImageChange) -> Image {
        switch change {
        case .horizontalFlip(let isFlipped): return isFlipped ? flippedHorizontally() : self
        case .grayscale(let isGray): return isGray ? grayscaled() : self
        case .colors(let adjustments):
            if adjustments.isEmpty { return self }
            var image = self
            image.adjust { planes in
                for adjustment in adjustments {
                    switch adjustment {
                    case .brightness(let factor): planes.adjustBrightness(factor)
                    case .contrast(let factor): planes.adjustContrast(factor)
                    case .saturation(let factor): planes.adjustSaturation(factor)
                    case .hue(let shift): planes.adjustHue(shift)
                    }
                }
            }
            return image
        case .blur(let sigma, let kernel): return sigma.map { blurred(sigma: $0, kernel: kernel) } ?? self
        case .solarize(let threshold): return threshold.map(solarized) ?? self
        case .rotation(let degrees): return rotated(degrees: degrees)
        case .projection(let isProjected): return isProjected ? withoutGreenMagenta() : self
        case .channel(let kept): return kept.map(keeping(channel:)) ?? self
        }
    }
}

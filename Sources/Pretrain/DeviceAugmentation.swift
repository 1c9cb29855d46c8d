public import Imaging
public import Torch

/// Changes a whole batch by tensor operators on the device its pixels are on: what `Image.applying` does to one image
/// on the host, to the last bit, because every operator here is one rounding of float32 arithmetic there.
public struct DeviceAugmentation {
    /// [3, B, H, W] float32: red, green, blue, all of them whole numbers between steps.
    private var planes: Tensor
    private let batch: Int
    // Divisors as tensors: by a number, CUDA multiplies with its reciprocal, which rounds otherwise.
    private let six: Tensor
    private let levels: Tensor

    /// - Parameters:
    ///   - changes: for each image the same kinds of changes in the same order.
    ///   - pixels: [B, H, W, 3] uint8.
    /// - Returns: [B, H, W, 3] uint8.
    public static func apply(_ changes: [[ImageChange]], to pixels: Tensor) -> Tensor {
        guard let kinds = changes.first?.indices, !kinds.isEmpty else { return pixels }
        return withoutGradients {
            var augmentation = DeviceAugmentation(pixels)
            for position in kinds { augmentation.apply(changes.map { $0[position] }) }
            return augmentation.planes.to(dtype: .uint8).permute(1, 2, 3, 0).contiguous()
        }
    }

    private init(_ pixels: Tensor) {
        batch = pixels.size(0)
        planes = pixels.permute(3, 0, 1, 2).to(dtype: .float32).contiguous()
        six = Tensor.full([], 6, device: pixels.device)
        levels = Tensor.full([], 255, device: pixels.device)
    }

    /// One change of each image.
    private mutating func apply(_ changes: [ImageChange]) {
        var (flipped, gray) = ([Float](repeating: 0, count: batch), [Float](repeating: 0, count: batch))
        // Above all levels for images that are left alone.
        var thresholds = [Float](repeating: 256, count: batch)
        var adjustments = [[ColorAdjustment]](repeating: [], count: batch)
        for (image, change) in changes.enumerated() {
            switch change {
            case .horizontalFlip(let isFlipped): flipped[image] = isFlipped ? 1 : 0
            case .grayscale(let isGray): gray[image] = isGray ? 1 : 0
            case .colors(let list): adjustments[image] = list
            case .solarize(let threshold): if let threshold { thresholds[image] = Float(threshold) }
            case .blur, .rotation, .projection, .channel: preconditionFailure("\(change) is not for devices")
            }
        }
        if flipped.contains(1) { planes = Tensor.where(perImage(flipped).greater(0), planes.flip(3), planes) }
        if gray.contains(1) { planes = Tensor.where(perImage(gray).greater(0), luma.unsqueeze(0), planes) }
        if thresholds.contains(where: { $0 < 256 }) {
            let isBright = (planes - perImage(thresholds)).greaterOrEqual(0)
            planes = Tensor.where(isBright, 255 - planes, planes)
        }
        for round in 0..<(adjustments.map(\.count).max() ?? 0) {
            adjust(adjustments.map { round < $0.count ? $0[round] : nil })
        }
    }

    /// One adjustment of each image. Three of the four are a blend with some level; the hue is turned where it is due.
    private mutating func adjust(_ adjustments: [ColorAdjustment?]) {
        var factors = [Float](repeating: 1, count: batch)
        var (withMean, withLuma) = ([Float](repeating: 0, count: batch), [Float](repeating: 0, count: batch))
        var turned: [(image: Int, levels: Float)] = []
        for (image, adjustment) in adjustments.enumerated() {
            switch adjustment {
            case .brightness(let factor): factors[image] = Float(factor)
            case .contrast(let factor): (factors[image], withMean[image]) = (Float(factor), 1)
            case .saturation(let factor): (factors[image], withLuma[image]) = (Float(factor), 1)
            case .hue(let shift): turned.append((image, Float(ColorAdjustment.hueLevels(shift))))
            case nil: break
            }
        }
        if turned.count < batch {
            let (luma, pixelCount) = (luma, planes.size(2) * planes.size(3))
            // Half up: ⌊(2 · sum + n) / 2n⌋, whose whole numbers float64 holds exactly; by a tensor as above.
            let sum = luma.to(dtype: .float64).sum([1, 2], keepDimensions: true)  // [B, 1, 1]
            let divisor = Tensor.full([], Double(2 * pixelCount), dtype: .float64, device: planes.device)
            let mean = ((sum * 2 + Double(pixelCount)) / divisor).floor().to(dtype: .float32)
            let level = luma.unsqueeze(0) * perImage(withLuma) + mean.unsqueeze(0) * perImage(withMean)
            planes = (level + perImage(factors) * (planes - level)).clamp(min: 0, max: 255).floor()
        }
        if !turned.isEmpty {
            let images = Tensor(turned.map(\.image)).uploaded(to: planes.device)
            let steps = Tensor(turned.map(\.levels), shape: [turned.count, 1, 1]).uploaded(to: planes.device)
            planes.indexCopy_(1, images, hueTurned(planes.indexSelect(1, images), steps))
        }
    }

    /// A number of each image, [1, B, 1, 1].
    private func perImage(_ values: [Float]) -> Tensor {
        Tensor(values, shape: [1, batch, 1, 1]).uploaded(to: planes.device)
    }

    /// [B, H, W]: Pillow's luma with 16 fractional bits, rounded; its integers stay below 2²⁴.
    private var luma: Tensor {
        ((planes.select(0, 0) * 19595 + planes.select(0, 1) * 38470 + planes.select(0, 2) * 7471 + 0x8000)
            * 0x1p-16).floor()
    }

    /// RGB → HSV, the hue moved by so many of 256 levels, → RGB; the formulas are `JitterPlanes.shiftHue`'s.
    private func hueTurned(_ colors: Tensor, _ steps: Tensor) -> Tensor {
        let (r, g, b) = (colors.select(0, 0), colors.select(0, 1), colors.select(0, 2))
        let high = r.maximum(g).maximum(b)
        let range = high - r.minimum(g).minimum(b)
        let (fromRed, fromGreen, fromBlue) = ((high - r) / range, (high - g) / range, (high - b) / range)
        var hue = Tensor.where(
            r.equal(high), fromBlue - fromGreen,
            Tensor.where(g.equal(high), fromRed + 2 - fromBlue, fromGreen + 4 - fromRed))
        hue = hue / six
        hue = Tensor.where(hue.less(0), hue + 1, hue)
        let moved = (hue * 255).floor() + steps
        let sector = Tensor.where(moved.greaterOrEqual(256), moved - 256, moved) * 6 / levels
        let saturation = (range / high * 255).floor() / levels
        let whole = sector.floor()
        let fraction = sector - whole
        let p = high * (1 - saturation) + 0.5
        let q = high * (1 - saturation * fraction) + 0.5
        let t = high * (1 - saturation * (1 - fraction)) + 0.5
        /// What a colour is in the sectors 1 … 5; `first` in sector 0 and at the end of the circle.
        func choose(_ first: Tensor, _ others: Tensor...) -> Tensor {
            others.enumerated().reduce(first) { Tensor.where(whole.equal($1.offset + 1), $1.element, $0) }
        }
        let turned = Tensor.stack([
            choose(high, q, p, p, t, high), choose(t, high, high, q, p, p), choose(p, p, t, high, high, q),
        ]).floor()
        // Grey has no hue to turn; the quotients above are then not numbers.
        return Tensor.where(range.equal(0).unsqueeze(0), colors, turned)
    }
}

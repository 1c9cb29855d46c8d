package import Torch

/// Colours as shares of bins, and back, on a device.
package final class ColorCode {
    package let bins: ColorBins
    /// [Q] each, float64: distances of equal length must be equal.
    private let (a, b): (Tensor, Tensor)
    /// [Q]: so little more of a squared distance that of two bins at one distance the first is nearer.
    private let order: Tensor
    /// [Q, 2] float32
    private let centers: Tensor

    private static let tie = 1e-9

    package init(_ bins: ColorBins = .standard, device: Device = .cpu) {
        self.bins = bins
        a = Tensor(bins.centers.map(\.a)).uploaded(to: device)
        b = Tensor(bins.centers.map(\.b)).uploaded(to: device)
        order = Tensor((0..<bins.count).map { Double($0) * Self.tie }).uploaded(to: device)
        centers = Tensor(bins.centers.flatMap { [Float($0.a), Float($0.b)] }, shape: [bins.count, 2])
            .uploaded(to: device)
    }

    /// The nearest bins of colours, the nearest first.
    ///
    /// - Parameter colors: a and b, [P, 2].
    /// - Returns: Bins [P, k] int64, and the squares of their distances [P, k] float64.
    package func nearest(_ colors: Tensor, _ count: Int) -> (bins: Tensor, squares: Tensor) {
        withoutGradients {
            let colors = colors.to(dtype: .float64)
            let squares =
                (colors.narrow(1, 0, 1) - a.unsqueeze(0)).square() + (colors.narrow(1, 1, 1) - b.unsqueeze(0)).square()
                + order
            let (values, indices) = (-squares).topk(count)
            return (indices, -values)
        }
    }

    /// The soft code of the nearest bins: shares e^(−d²/2σ²), which add up to 1 (Zhang et al., ECCV 2016, section 2.2).
    ///
    /// - Returns: Bins [P, k] int64, the nearest first, and their shares [P, k] float32.
    package func encode(_ colors: Tensor, neighbors: Int = 5, deviation: Double = 5) -> (bins: Tensor, shares: Tensor) {
        let (bins, squares) = nearest(colors, neighbors)
        // Softmax of the exponents: far outside all bins the powers themselves would all be zero.
        return (bins, (squares * (-1 / (2 * deviation * deviation))).softmax(1).to(dtype: .float32))
    }

    /// The annealed mean of a distribution: Σ c·z^(1/T) / Σ z^(1/T) over the bins' colours c (the paper's equation 5).
    ///
    /// - Parameter logits: [P, Q]; z is their softmax.
    /// - Returns: a and b, [P, 2].
    package func annealedMean(_ logits: Tensor, temperature: Double = 0.38) -> Tensor {
        logits.annealed(temperature).matmul(centers)
    }
}

extension Tensor {
    /// z^(1/T) / Σ z^(1/T) for the softmax z of logits [P, Q].
    func annealed(_ temperature: Double = 0.38) -> Tensor {
        (to(dtype: .float32) * (1 / temperature)).softmax(1)
    }

    /// [N, C, h, w] → [N·h·w, C]: a row for each place.
    var places: Tensor { permute(0, 2, 3, 1).reshape(-1, size(1)) }

    /// −Σ share · ln softmax(self)[bin] of each row: self [P, Q] logits, bins and shares [P, k] → [P].
    package func crossEntropy(bins: Tensor, shares: Tensor) -> Tensor {
        -(logSoftmax(1).gather(1, bins) * shares).sum([1])
    }
}

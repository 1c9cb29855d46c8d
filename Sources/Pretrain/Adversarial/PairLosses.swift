package import Torch

/// What both sides of the game lose by the logits of D, and how sure it is.
package struct PairLosses {
    /// −½·(E ln D(x, E(x)) + E ln(1 − D(G(z), z))): what D loses (equation 3).
    package let discriminator: Tensor
    /// The same with real and generated exchanged: what E and G lose. It is not the negative of D's loss, which would hardly move
    /// them once D is sure (section 3.4).
    package let others: Tensor
    /// Mean of D over real pairs and over generated ones, in [0, 1].
    package let realScore: Tensor
    package let generatedScore: Tensor

    /// - Parameter logits: [2·B], float; real pairs in front.
    package init(_ logits: Tensor) {
        let count = logits.count / 2
        let (real, generated) = (logits.narrow(0, 0, count), logits.narrow(0, count, count))
        let (ones, zeros) = (real.zerosLike() + 1, real.zerosLike())
        func mean(_ real: Tensor, _ generated: Tensor) -> Tensor { (real + generated) * 0.5 }
        discriminator = mean(
            real.binaryCrossEntropyWithLogits(ones), generated.binaryCrossEntropyWithLogits(zeros))
        others = mean(real.binaryCrossEntropyWithLogits(zeros), generated.binaryCrossEntropyWithLogits(ones))
        realScore = real.detach().sigmoid().mean()
        generatedScore = generated.detach().sigmoid().mean()
    }
}

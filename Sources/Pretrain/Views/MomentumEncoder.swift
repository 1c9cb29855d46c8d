internal import Backbone
internal import Support
internal import Torch
internal import Training

/// A second encoder that follows a trained one slowly: θ' ← m·θ' + (1 − m)·θ (He et al., CVPR 2020, equation 2).
///
/// Parameters are averaged, in float32; statistics of batch norm are its own, from what passes through it. It has no
/// gradients, is not in the optimiser, and is kept in the checkpoint alone.
final class MomentumEncoder {
    let encoder: Encoder
    private let own: Parameters
    private let leader: Parameters
    /// Of equal names: its own, and those it follows.
    private let pairs: (own: [Tensor], leader: [Tensor])

    private static let lerp = Operator("aten::_foreach_lerp_", "Scalar")
    private static let lerpByTensor = Operator("aten::_foreach_lerp_", "List")

    /// - Parameters:
    ///   - leader: Where the trained encoder's parameters are registered, under the names that `make` gives.
    ///   - make: Builds another encoder.
    init(following leader: Parameters, on device: Device, _ make: (Scope) -> Encoder) {
        let scope = Scope(seed: 0, device: device)
        encoder = make(scope)
        own = scope.parameters
        self.leader = leader
        let trained = own.entries.filter { !$0.isBuffer }
        for entry in trained { entry.tensor.requiresGradient = false }
        pairs = (trained.map(\.tensor), trained.map { leader[$0.name]! })
        copy()
    }

    /// Becomes equal to the trained encoder, statistics included.
    func copy() {
        withoutGradients { for entry in own.entries { entry.tensor.copy_(leader[entry.name]!) } }
    }

    /// One step towards the trained encoder; m = 1 stays where it is.
    func follow(_ momentum: Double) {
        withoutGradients {
            _ = Self.lerp.results(
                [.tensors(pairs.own), .tensors(pairs.leader.map { $0.detach() }), .double(1 - momentum)], 0)
        }
    }

    /// The same by 1 − m as a tensor of one value, which can change between replays of a captured step.
    func follow(by share: Tensor) {
        withoutGradients {
            _ = Self.lerpByTensor.results(
                [
                    .tensors(pairs.own), .tensors(pairs.leader.map { $0.detach() }),
                    .tensors(pairs.own.map { _ in share }),
                ], 0)
        }
    }

    // MARK: State

    private static let prefix = "momentum"

    var state: [(name: String, tensor: Tensor)] { own.entries.map { ("\(Self.prefix).\($0.name)", $0.tensor) } }

    /// - Throws: `InputError` when the state is of another encoder.
    func restore(_ state: Checkpoint) throws(InputError) {
        try own.loadExactly(state.tensors(Self.prefix), from: "the checkpoint's momentum encoder")
    }
}

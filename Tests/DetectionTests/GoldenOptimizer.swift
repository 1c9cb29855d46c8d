import Backbone
import Torch

/// The optimiser of the golden training steps: two frozen stages, frozen batch norm, biases at twice the rate without decay.
func goldenOptimizer(_ parameters: Parameters, _ network: any Network) -> SGD {
    let norms = parameters.entries.map(\.name).filter { $0.hasSuffix("running_mean") }.map {
        String($0.dropLast("running_mean".count))
    }
    parameters.freeze(network.trunkStages.prefix(2).joined().map { "backbone.\($0)" } + norms)
    let trained = parameters.trainable
    return SGD(
        [
            ParameterGroup(trained.filter { !$0.name.hasSuffix("bias") }, weightDecay: 0.0005),
            ParameterGroup(trained.filter { $0.name.hasSuffix("bias") }, learningRateScale: 2, weightDecay: 0),
        ], momentum: 0.9)
}

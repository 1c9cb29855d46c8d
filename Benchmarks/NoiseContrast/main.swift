import Foundation
import Pretrain
import Torch

// Times noise-contrastive estimation with a memory bank: noise drawn, loss, gradient with respect to the features, update of
// the bank. Prints the median of the steps in seconds. Usage: noise-contrast IMAGES NEGATIVES BATCH STEPS

let numbers = CommandLine.arguments.dropFirst().compactMap(Int.init)
guard numbers.count == 4, CommandLine.arguments.count == 5, numbers.allSatisfy({ $0 > 0 }) else {
    print("usage: noise-contrast IMAGES NEGATIVES BATCH STEPS")
    exit(2)
}
let (images, negatives, batch, steps) = (numbers[0], numbers[1], numbers[2], numbers[3])
let dimension = 128
let generator = Generator(seed: 0)
let bank = MemoryBank(count: images, dimension: dimension, generator: generator)
let objective = NoiseContrastiveEstimation(
    temperature: 0.07, sampler: NoiseSampler(negatives: negatives, generator: generator))
let clock = ContinuousClock()
var seconds: [Double] = []
// The first step is left out: its memory is new to the process.
for step in 0...steps {
    let embedding = Tensor.randn([batch, dimension], generator: generator)
    embedding.requiresGradient = true
    let indices = Tensor.empty([batch], dtype: .int64).random_(0, images, generator)
    let duration = clock.measure {
        let features = embedding.l2Normalized()
        objective(features, indices, bank).value.backward()
        bank.update(indices, with: features, momentum: 0.5)
    }
    if step > 0 { seconds.append(duration / .seconds(1)) }
}
print(seconds.sorted()[seconds.count / 2])

import Datasets
import Foundation
import Imaging
import Pretrain

// Reads, decodes and augments the images of a folder once, as `detect-cli pretrain` does with the ImageNet recipe, and
// prints how many a second. Usage: image-loader FOLDER SIDE WORKERS

let arguments = CommandLine.arguments
guard arguments.count == 4, let side = Int(arguments[2]), let workers = Int(arguments[3]) else {
    print("usage: image-loader FOLDER SIDE WORKERS")
    exit(2)
}
let images = try ImageFolder(path: arguments[1])
let clock = ContinuousClock()
let seconds = try clock.measure {
    let loader = BatchLoader(
        images, order: EpochSampler(count: images.count, seed: 0, epoch: 0).order, batchSize: 32,
        pipeline: InstanceDiscrimination.recipe(.imagenet).augmentation.pipeline(imageSize: side), seed: 0, epoch: 0, workers: workers)
    while try loader.next() != nil {}
}
print(Double(images.count) / (seconds / .seconds(1)))

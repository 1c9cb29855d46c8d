import Backbone
import Datasets
import Foundation
import Imaging
import Support
import TestSupport
import Torch

/// Images held in memory, in two classes; equal for equal numbers.
struct NoiseImages: ImageCollection {
    let count: Int
    let classes = ["a", "b"]
    let source = "noise"

    func name(_ i: Int) -> String { "\(i).png" }
    func label(_ i: Int) -> Int? { i % 2 }

    func data(_ i: Int) throws -> Data {
        var random = RandomStream(6, UInt64(i))
        // Sizes differ, as those of photographs do.
        let size = ImageSize(width: 20 + i % 3, height: 18)
        return try Image(size: size, pixels: (0..<size.pixelCount * 3).map { _ in UInt8(random.integer(below: 256)) })
            .encodedPNG()
    }
}

/// A random ResNet-18 for 16×16 pixels.
func smallNetwork() -> PretrainedNetwork {
    PretrainedNetwork(
        random: NetworkConfig(.resnet18, stem: .cifar), normalization: .cifar10, imageSize: 16, seed: 3)
}

/// Runs `body` with the path of a file in a new folder that is removed afterwards.
func withTemporaryFile(_ body: (String) throws -> Void) throws {
    try withTemporaryFolder { try body("\($0)/features.safetensors") }
}

// What a network says about an image, and how alike it finds two of them.
import Backbone
import Foundation
import Imaging
import Torch

let arguments = CommandLine.arguments.dropFirst()
guard let weights = arguments.first, (2...3).contains(arguments.count) else {
    print("usage: embed-image WEIGHTS.safetensors IMAGE [IMAGE]")
    exit(2)
}

/// The output of the last layer as a vector of unit length.
func embedding(of path: String, by network: FrozenBackbone) throws -> [Float] {
    // As for ImageNet's test images: the short side to 256/224 of the network's input, then the middle.
    let side = network.description.imageSize
    let image = try Image.read(path).resized(shortSide: side * 256 / 224)
    let input = image.cropped(
        x: (image.width - side) / 2, y: (image.height - side) / 2, size: ImageSize(width: side, height: side))

    let layer = network.layerNames.last!
    let outputs = network.layers([layer], input.pixels, count: 1, height: side, width: side)
    return outputs[0].l2Normalized().floats
}

do {
    // Otherwise the first tensor would, and could only trap where libtorch is missing.
    try Runtime.load()
    let network = try PretrainedNetwork(path: weights).frozen()
    print(network.description.config)

    let images = Array(arguments.dropFirst())
    let embeddings = try images.map { try embedding(of: $0, by: network) }
    for (image, embedding) in zip(images, embeddings) {
        let values = embedding.prefix(6).map { String(format: "%.4f", $0) }
        print("\(image): \(values.joined(separator: " ")) … (\(embedding.count) values)")
    }
    if embeddings.count == 2 {
        let cosine = zip(embeddings[0], embeddings[1]).map(*).reduce(0, +)
        print("cosine similarity: \(String(format: "%.4f", cosine))")
    }
} catch {
    FileHandle.standardError.write(Data("error: \(error)\n".utf8))
    exit(1)
}

internal import Imaging
internal import Support

/// Some consecutive samples of a batch, prepared by one worker.
struct Chunk: Sendable {
    var pixels: [UInt8] = []
    /// The size of each image; nil when all were left out.
    var size: ImageSize?
    var indices: [Int] = []
    var labels: [Int] = []
    /// Of each image, when they are put off.
    var changes: [[ImageChange]] = []
    /// What was wrong with images that were left out, or used as far as they go.
    var problems: [BadImage] = []
}

/// Everything a worker needs to prepare any chunk; the result depends on nothing else.
struct SampleLoader: Sendable {
    let collection: any ImageCollection
    let order: [Int]
    let pipeline: ImagePipeline
    let defersChanges: Bool
    let seed: UInt64
    let epoch: Int
    let policy: BadImagePolicy

    /// Prepares the samples at these positions of the order.
    func load(_ positions: Range<Int>) throws -> Chunk {
        var chunk = Chunk()
        let now = defersChanges ? pipeline.withoutChanges : pipeline
        for position in positions {
            let index = order[position]
            let name = collection.path(index)
            var random = RandomStream(seed, UInt64(epoch), UInt64(index))
            let (image, problem) = try policy.read(collection.decoding(index)) { decoding in
                let image =
                    try collection.pixels(index).map { now.apply($0, random: &random) }
                    ?? now.load(try collection.data(index), name: name, random: &random, decoding: decoding)
                try checkSize(image.size, chunk.size ?? image.size, name: name)
                return image
            }
            if let problem { chunk.problems.append(problem) }
            guard let image else { continue }
            if chunk.size == nil {
                chunk.size = image.size
                chunk.pixels.reserveCapacity(positions.count * image.pixels.count)
            }
            chunk.pixels += image.pixels
            chunk.indices.append(index)
            chunk.labels.append(collection.label(index) ?? -1)
            if defersChanges { chunk.changes.append(pipeline.drawChanges(&random)) }
        }
        return chunk
    }
}

/// Images of one batch must be of one size; without a step that sees to it, the data have to.
func checkSize(_ size: ImageSize, _ expected: ImageSize, name: String) throws {
    if size != expected {
        throw InputError(
            name, "is \(size.width)x\(size.height) pixels, others of its batch \(expected.width)x\(expected.height)",
            remedy: "set an image size")
    }
}

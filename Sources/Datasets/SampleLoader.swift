internal import Imaging
internal import Support

/// Some consecutive samples of a batch, prepared by one worker.
struct Chunk: Sendable {
    /// Of each view or patch, all samples.
    var pixels: [[UInt8]] = []
    /// The size of each view; nil when all were left out.
    var size: ImageSize?
    var indices: [Int] = []
    var labels: [Int] = []
    /// Of each view, those of all samples, when they are put off.
    var changes: [[[ImageChange]]] = []
    /// What was drawn with the patches of each sample.
    var choices: [Int] = []
    /// What was wrong with images that were left out, or used as far as they go.
    var problems: [BadImage] = []
}

/// Everything a worker needs to prepare any chunk; the result depends on nothing else.
struct SampleLoader: Sendable {
    let collection: any ImageCollection
    let order: [Int]
    /// One a view.
    let views: [ImagePipeline]
    /// Cuts the only view into pictures; nil leaves each view one.
    let cut: PatchCut?
    let defersChanges: Bool
    let seed: UInt64
    let epoch: Int
    let policy: BadImagePolicy

    /// Pictures that are made of each image.
    var pictureCount: Int { cut?.count ?? views.count }

    /// Prepares the samples at these positions of the order.
    func load(_ positions: Range<Int>) throws -> Chunk {
        var chunk = Chunk()
        chunk.pixels = (0..<pictureCount).map { _ in [] }
        chunk.changes = chunk.pixels.map { _ in [] }
        var size: ImageSize?
        let now = defersChanges ? views.map(\.withoutChanges) : views
        for position in positions {
            let index = order[position]
            let name = collection.path(index)
            var streams = views.indices.map { stream(index, view: $0) }
            let (images, problem) = try policy.read(collection.decoding(index)) { decoding in
                let images =
                    try collection.pixels(index).map { image in
                        now.indices.map { now[$0].apply(image, random: &streams[$0]) }
                    }
                    ?? ImagePipeline.load(
                        now, try collection.data(index), name: name, streams: &streams, decoding: decoding)
                for image in images { try checkSize(image.size, size ?? images[0].size, name: name) }
                return images
            }
            if let problem { chunk.problems.append(problem) }
            guard var images else { continue }
            size = images[0].size
            if let cut {
                let cutOut = cut.apply(images[0], random: &streams[0])
                images = cutOut.patches
                chunk.choices.append(cutOut.choice)
            }
            if chunk.size == nil {
                chunk.size = images[0].size
                for picture in images.indices {
                    chunk.pixels[picture].reserveCapacity(positions.count * images[0].pixels.count)
                }
            }
            for picture in images.indices { chunk.pixels[picture] += images[picture].pixels }
            for view in views.indices {
                if defersChanges { chunk.changes[view].append(views[view].drawChanges(&streams[view])) }
            }
            chunk.indices.append(index)
            chunk.labels.append(collection.label(index) ?? -1)
        }
        return chunk
    }

    /// What the choices of a view come from. The first view has the stream of a single one.
    private func stream(_ index: Int, view: Int) -> RandomStream {
        view == 0
            ? RandomStream(seed, UInt64(epoch), UInt64(index))
            : RandomStream(seed, UInt64(epoch), UInt64(index), UInt64(view))
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

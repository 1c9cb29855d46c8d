public import Imaging

/// Images ready to become a tensor: plain values that may cross threads.
public struct HostBatch: Hashable, Sendable {
    /// V × `count` × height × width × 3 (NHWC), RGB: the first view of all images, then the second, and so on.
    public let pixels: [UInt8]
    /// The size of each view.
    public let size: ImageSize
    /// V, the views of each image.
    public let viewCount: Int
    /// Indices into the collection.
    public let indices: [Int]
    /// Class indices; −1 where there is none.
    public let labels: [Int]
    /// What is still to be done to each view, in the order of `pixels`; empty when nothing was put off.
    public let changes: [[ImageChange]]
    /// What was drawn for each image with its patches (`PatchCut`); empty where none were cut.
    public let choices: [Int]

    public var count: Int { indices.count }

    /// Traps when the numbers of pixels, indices, labels and changes do not fit together.
    public init(
        pixels: [UInt8], size: ImageSize, viewCount: Int = 1, indices: [Int], labels: [Int],
        changes: [[ImageChange]] = [], choices: [Int] = []
    ) {
        let pictures = viewCount * indices.count
        precondition(
            indices.count == labels.count && pixels.count == pictures * size.pixelCount * 3
                && (changes.isEmpty || changes.count == pictures)
                && (choices.isEmpty || choices.count == indices.count),
            "\(pixels.count) bytes, \(indices.count) indices, \(labels.count) labels of \(size) make no batch")
        self.pixels = pixels
        self.size = size
        self.viewCount = viewCount
        self.indices = indices
        self.labels = labels
        self.changes = changes
        self.choices = choices
    }
}

public import Imaging

/// Images ready to become a tensor: plain values that may cross threads.
public struct HostBatch: Hashable, Sendable {
    /// `count` × height × width × 3 (NHWC), RGB.
    public let pixels: [UInt8]
    /// The size of each image.
    public let size: ImageSize
    /// Indices into the collection.
    public let indices: [Int]
    /// Class indices; −1 where there is none.
    public let labels: [Int]
    /// What is still to be done to each image; empty when nothing was put off.
    public let changes: [[ImageChange]]

    public var count: Int { indices.count }

    /// Traps when the numbers of pixels, indices, labels and changes do not fit together.
    public init(
        pixels: [UInt8], size: ImageSize, indices: [Int], labels: [Int], changes: [[ImageChange]] = []
    ) {
        precondition(
            indices.count == labels.count && pixels.count == indices.count * size.pixelCount * 3
                && (changes.isEmpty || changes.count == indices.count),
            "\(pixels.count) bytes, \(indices.count) indices, \(labels.count) labels of \(size) make no batch")
        self.pixels = pixels
        self.size = size
        self.indices = indices
        self.labels = labels
        self.changes = changes
    }
}

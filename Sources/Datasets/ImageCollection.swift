public import Foundation
public import Imaging
internal import Support

/// Images that can be fetched by index, with labels or without.
public protocol ImageCollection: Sendable {
    var count: Int { get }
    /// Class names in label order; empty when there are no labels.
    var classes: [String] { get }
    /// Where the images come from, for messages and run records.
    var source: String { get }
    /// The name of image `i`, unique in the collection and the same on every machine.
    func name(_ i: Int) -> String
    /// Index into `classes`; nil without labels.
    func label(_ i: Int) -> Int?
    /// The JPEG or PNG file of image `i`. Throws `InputError` naming it when it cannot be read.
    func data(_ i: Int) throws -> Data
    /// The pixels of image `i` where the collection stores pixels and not files; else nil.
    func pixels(_ i: Int) throws -> Image?
    /// What errors about image `i` call it.
    func path(_ i: Int) -> String
    /// How the file of image `i` becomes pixels.
    func decoding(_ i: Int) -> ImageDecoding
    /// What lies beside the images and was passed over, a line for each kind; empty when nothing was.
    var notes: [String] { get }
}

extension ImageCollection {
    public func pixels(_ i: Int) throws -> Image? { nil }

    public func path(_ i: Int) -> String { "\(source)/\(name(i))" }

    public func decoding(_ i: Int) -> ImageDecoding { .asStored }

    public var notes: [String] { [] }

    /// The pixels of image `i` at full size. Throws `InputError` naming it when it cannot be read.
    public func image(_ i: Int) throws -> Image {
        try pixels(i) ?? Image.decode(data(i), name: path(i), decoding: decoding(i))
    }

    /// SHA-256 over names, labels, classes, and the bytes in some evenly spaced images.
    ///
    /// Tells a resumed run that its data have changed: images added, removed, renamed, relabelled, or all encoded
    /// anew. It does not read every file, which would take longer than an epoch.
    public var fingerprint: String {
        get throws {
            var hash = SHA256()
            var text: [UInt8] = []
            for name in classes {
                text += name.utf8
                text.append(0)
            }
            for i in 0..<count {
                text += name(i).utf8
                text.append(0)
                text += "\(label(i) ?? -1)".utf8
                text.append(0)
                if text.count > 1 << 16 {
                    hash.update(text)
                    text.removeAll(keepingCapacity: true)
                }
            }
            hash.update(text)
            let samples = min(count, 16)
            for sample in 0..<samples { hash.update(try data(sample * count / samples)) }
            return hash.finish()
        }
    }

    /// The images at `indices`, in that order.
    public func subset(_ indices: [Int]) -> Subset { Subset(self, indices: indices) }

    /// `limit` images: the first ones of each class, of all classes as many but for one, in the order of the collection;
    /// the first ones where there are no labels. All of them when `limit` is nil or larger than the collection.
    public func limited(to limit: Int?) -> Subset {
        guard let limit, limit < count else { return subset(Array(0..<count)) }
        if classes.isEmpty { return subset(Array(0..<limit)) }
        // Round after round, each class gives its next image.
        var seen = [Int](repeating: 0, count: classes.count + 1)
        let rounds = (0..<count).map { i in
            let label = label(i) ?? classes.count
            seen[label] += 1
            return (round: seen[label], label: label, index: i)
        }
        let chosen = rounds.sorted { ($0.round, $0.label) < ($1.round, $1.label) }.prefix(limit)
        return subset(chosen.map(\.index).sorted())
    }
}

/// Some images of a collection, in a given order.
public struct Subset: ImageCollection {
    public let base: any ImageCollection
    public let indices: [Int]

    /// Traps when an index is outside the collection.
    public init(_ base: any ImageCollection, indices: [Int]) {
        precondition(
            indices.allSatisfy { $0 >= 0 && $0 < base.count }, "a subset's index is outside \(base.count) images")
        self.base = base
        self.indices = indices
    }

    public var count: Int { indices.count }
    public var classes: [String] { base.classes }
    public var source: String { base.source }
    public func name(_ i: Int) -> String { base.name(indices[i]) }
    public func label(_ i: Int) -> Int? { base.label(indices[i]) }
    public func data(_ i: Int) throws -> Data { try base.data(indices[i]) }
    public func pixels(_ i: Int) throws -> Image? { try base.pixels(indices[i]) }
    public func path(_ i: Int) -> String { base.path(indices[i]) }
    public func decoding(_ i: Int) -> ImageDecoding { base.decoding(indices[i]) }
    public var notes: [String] { base.notes }
}

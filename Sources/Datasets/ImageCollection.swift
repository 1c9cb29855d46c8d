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
}

extension ImageCollection {
    public func pixels(_ i: Int) throws -> Image? { nil }

    public func path(_ i: Int) -> String { "\(source)/\(name(i))" }

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

    /// The first `limit` images; all of them when `limit` is nil or larger than the collection.
    public func limited(to limit: Int?) -> Subset { Subset(self, indices: Array(0..<min(limit ?? count, count))) }
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
}

public import Foundation
public import Imaging

/// A collection some of whose images are turned by their EXIF orientation, or whose damaged images are used.
public struct DecodedImages: ImageCollection {
    public let base: any ImageCollection
    /// Images that are turned.
    public let turned: Set<Int>
    /// Whether what is sound of a damaged image is used.
    public let usesDamaged: Bool

    public init(_ base: any ImageCollection, turned: Set<Int> = [], usesDamaged: Bool = false) {
        self.base = base
        self.turned = turned
        self.usesDamaged = usesDamaged
    }

    public func decoding(_ i: Int) -> ImageDecoding {
        var decoding = base.decoding(i)
        if turned.contains(i) { decoding.turnsByEXIF = true }
        if usesDamaged { decoding.onDamage = { _ in } }
        return decoding
    }

    public var count: Int { base.count }
    public var classes: [String] { base.classes }
    public var source: String { base.source }
    public var notes: [String] { base.notes }
    public func name(_ i: Int) -> String { base.name(i) }
    public func label(_ i: Int) -> Int? { base.label(i) }
    public func data(_ i: Int) throws -> Data { try base.data(i) }
    public func pixels(_ i: Int) throws -> Image? { try base.pixels(i) }
    public func path(_ i: Int) -> String { base.path(i) }
}

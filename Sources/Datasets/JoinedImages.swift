public import Foundation
public import Imaging

/// Several collections of unlabelled images, one behind the other.
public struct JoinedImages: ImageCollection {
    public let parts: [any ImageCollection]
    /// Number of images in front of each part.
    private let starts: [Int]
    public let count: Int

    public init(_ parts: [any ImageCollection]) {
        self.parts = parts
        var starts: [Int] = []
        var count = 0
        for part in parts {
            starts.append(count)
            count += part.count
        }
        self.starts = starts
        self.count = count
    }

    private func place(_ i: Int) -> (part: any ImageCollection, index: Int) {
        precondition((0..<count).contains(i), "image \(i) of \(count)")
        let part = starts.lastIndex { $0 <= i }!
        return (parts[part], i - starts[part])
    }

    public var classes: [String] { [] }
    public var source: String { parts.map(\.source).joined(separator: ", ") }
    public func label(_ i: Int) -> Int? { nil }

    public func name(_ i: Int) -> String {
        let (part, index) = place(i)
        return part.name(index)
    }

    public func data(_ i: Int) throws -> Data {
        let (part, index) = place(i)
        return try part.data(index)
    }

    public func pixels(_ i: Int) throws -> Image? {
        let (part, index) = place(i)
        return try part.pixels(index)
    }

    public func path(_ i: Int) -> String {
        let (part, index) = place(i)
        return part.path(index)
    }

    public func decoding(_ i: Int) -> ImageDecoding {
        let (part, index) = place(i)
        return part.decoding(index)
    }

    public var notes: [String] { parts.flatMap(\.notes) }
}

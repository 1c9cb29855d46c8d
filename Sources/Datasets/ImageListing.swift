internal import Support

/// Names of images in a fixed order, the images of a class together: what a folder, an archive and a list have in
/// common. A million images take some 50 MB.
struct ImageListing: Sendable, Hashable {
    /// Class names in label order; empty without labels.
    var classes: [String] = []
    /// Names within their class.
    var names = PackedNames()
    /// The first image of each class; empty without labels.
    var classStarts: [Int] = []
    /// What lies beside the images, a line for each kind.
    var notes: [String] = []

    var count: Int { names.count }

    /// The name of an image in the whole collection.
    func name(_ i: Int) -> String {
        guard let label = label(i) else { return names[i] }
        return "\(classes[label])/\(names[i])"
    }

    func label(_ i: Int) -> Int? {
        precondition(i >= 0 && i < count, "image \(i) of \(count)")
        if classStarts.isEmpty { return nil }
        // The last class that starts at or before i.
        var low = 0
        var high = classes.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if classStarts[middle] <= i { low = middle } else { high = middle }
        }
        return low
    }
}

extension ImageListing {
    /// Folder names that stand for a part of a data set, not for a class.
    static let splits: Set<String> = ["train", "training", "val", "valid", "validation", "test", "testing"]

    /// Whether a file name is that of a JPEG or PNG.
    static func isImage(_ name: some StringProtocol) -> Bool {
        guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return false }
        return ["jpg", "jpeg", "png"].contains(name[name.index(after: dot)...].lowercased())
    }
}

/// Strings one after the other in one buffer: a million file names in some 30 MB.
struct PackedNames: Sendable, Hashable {
    private(set) var bytes: [UInt8] = []
    private(set) var ends: [Int] = []

    init() {}

    /// nil when the ends do not cut the bytes into consecutive pieces.
    init?(bytes: [UInt8], ends: [Int]) {
        guard zip([0] + ends, ends).allSatisfy({ $0 <= $1 }), ends.last ?? 0 == bytes.count else { return nil }
        self.bytes = bytes
        self.ends = ends
    }

    var count: Int { ends.count }

    mutating func append(_ name: some StringProtocol) {
        bytes += name.utf8
        ends.append(bytes.count)
    }

    /// The UTF-8 bytes of a name.
    func utf8(_ i: Int) -> ArraySlice<UInt8> { bytes[(i == 0 ? 0 : ends[i - 1])..<ends[i]] }

    subscript(i: Int) -> String { String(decoding: utf8(i), as: UTF8.self) }
}

public import Foundation

/// What a file is by its first bytes, to call a file by its name that was taken for weights.
public struct FileKind: Hashable, Sendable {
    public enum Role: Sendable {
        /// Of `torch.save`, in a format that can be imported.
        case torch
        /// Of `torch.save`, in a format that is too old to be read.
        case outdatedTorch
        /// A zip archive whose beginning does not say what is in it.
        case archive
        case other
    }

    /// With its article: "a web page (it begins with <!DOCTYPE html>)".
    public let name: String
    /// What can be done about it.
    public let remedy: String
    public let role: Role

    private init(_ name: String, _ remedy: String, _ role: Role = .other) {
        self.name = name
        self.remedy = remedy
        self.role = role
    }

    /// What is wrong with the file for those who `expected` something else: "not a safetensors file".
    public func problem(_ expected: String) -> String {
        role == .outdatedTorch ? "is \(name), which is too old to be read" : "is \(name), \(expected)"
    }

    /// The number that `torch.save` before PyTorch 1.6 begins with, with the instruction of pickle that pushes it.
    private static let legacyMagic: [UInt8] = [
        0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19,
    ]

    /// Nil for safetensors, as far as their beginning tells, and for bytes that are of no known kind.
    public init?(_ data: Data) {
        let head = [UInt8](data.prefix(512))
        if data.isEmpty {
            self.init("an empty file", "download or copy it again")
        } else if Self.isSafetensors(head) {
            return nil
        } else if let (_, name) = Self.signatures.first(where: { head.starts(with: $0.bytes) }) {
            self.init(name, Self.givePyTorch)
        } else if let kind = Self.archive(head) ?? Self.text(head) ?? Self.network(head) {
            self = kind
        } else {
            return nil
        }
    }

    /// The same for a file; nil when it cannot be read.
    public init?(path: String) {
        guard Files.isFile(path), let file = FileHandle(forReadingAtPath: path) else { return nil }
        defer { try? file.close() }
        // Nothing at the end of the file, which is the beginning of an empty one.
        self.init((try? file.read(upToCount: 512)) ?? Data())
    }

    /// The first bytes as they are shown where a file is of no known kind: "0A 0B 0C".
    public static func bytes(_ data: Data) -> String {
        data.prefix(8).map { (($0 < 16 ? "0" : "") + String($0, radix: 16)).uppercased() }.joined(separator: " ")
    }

    /// What turns a file of `torch.save` into a weight file: "detect-cli weights import a.pth.tar --out a.safetensors".
    public static func importCommand(_ path: String) -> String {
        let stem = path.fileExtension == "tar" ? path.fileStem.fileStem : path.fileStem
        let names = [path, stem + ".safetensors"].map { $0.contains(" ") ? "\"\($0)\"" : $0 }
        return "detect-cli weights import \(names[0]) --out \(names[1])"
    }

    private static let givePyTorch = "give a .pth of PyTorch or a safetensors file"

    private static let signatures: [(bytes: [UInt8], name: String)] = [
        ([0x89] + Array("HDF\r\n".utf8), "an HDF5 file, as Keras and MATLAB write"),
        ([0x93] + Array("NUMPY".utf8), "a NumPy array (.npy)"), (Array("MATLAB 5.0".utf8), "a MATLAB file"),
        (Array("GGUF".utf8), "a GGUF file"), ([4, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0, 0x56], "a file of Lua Torch (.t7)"),
        ([0x12, 1, 0, 0, 0, 0, 0, 0], "a file of MXNet"), ([0xFF, 0xD8, 0xFF], "a JPEG image"),
        ([0x89] + Array("PNG".utf8), "a PNG image"), (Array("%PDF".utf8), "a PDF document"),
    ]

    /// The length of a header, which begins with a brace; such a length is no text.
    private static func isSafetensors(_ head: [UInt8]) -> Bool {
        head.count > 8 && head[8] == UInt8(ascii: "{") && head[4..<8].allSatisfy { $0 == 0 }
    }

    private static func archive(_ head: [UInt8]) -> FileKind? {
        for (magic, name, command) in [
            ([0x1F, 0x8B], "gzip", "gunzip"), (Array("BZh".utf8), "bzip2", "bunzip2"),
            ([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0], "xz", "unxz"), ([0x28, 0xB5, 0x2F, 0xFD], "Zstandard", "unzstd"),
            ([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C], "7-Zip", "7z x"),
        ] as [([UInt8], String, String)] where head.starts(with: magic) {
            return FileKind("compressed with \(name)", "unpack it with \(command) and give what is in it")
        }
        // The name of the first entry says what a zip archive is.
        if head.starts(with: [0x50, 0x4B, 3, 4]), head.count > 30 {
            let length = Int(head[26]) | Int(head[27]) << 8
            let entry = String(decoding: head[30...].prefix(length), as: UTF8.self)
            if entry.hasSuffix("/data.pkl") || entry == ".format_version" || entry.hasSuffix("/.format_version") {
                return FileKind("a PyTorch file", "", .torch)
            }
            if entry.hasSuffix(".npy") { return FileKind("a NumPy archive (.npz)", givePyTorch) }
        }
        if head.starts(with: [0x50, 0x4B]) {
            return FileKind("a zip archive", "unpack it and give what is in it", .archive)
        }
        if head.count >= 262, head[257..<262].elementsEqual("ustar".utf8) {
            let entry = String(decoding: head.prefix { $0 != 0 }, as: UTF8.self)
            // PyTorch before 0.1.10 wrote these four into a tar archive.
            if ["sys_info", "pickle", "tensors", "storages"].contains(entry) {
                return FileKind(
                    "a tar archive of PyTorch before 0.1.10",
                    "save it again if you trust it: torch.save(torch.load(FILE, map_location=\"cpu\", "
                        + "weights_only=False), OTHER)", .outdatedTorch)
            }
            return FileKind("a tar archive", "unpack it with tar -xf and give what is in it")
        }
        return nil
    }

    /// Networks of PyTorch's older format and of other programs that have no signature.
    private static func network(_ head: [UInt8]) -> FileKind? {
        if head.first == 0x80 {
            let magic = Data(head.prefix(32)).firstRange(of: legacyMagic)
            if magic != nil { return FileKind("a PyTorch file", "", .torch) }
            if head.count > 1, (2...5).contains(head[1]) {
                return FileKind("a plain pickle", "save a state dict with torch.save")
            }
        }
        if head.count > 8, head[4..<8].elementsEqual("TFL3".utf8) {
            return FileKind("a network of TensorFlow Lite", givePyTorch)
        }
        // Protocol buffers: a field's number and type, and a short text.
        func text(at place: Int) -> Int? {
            guard place + 2 < head.count, (1...64).contains(head[place + 1]) else { return nil }
            let end = place + 2 + Int(head[place + 1])
            return end < head.count && head[place + 2..<end].allSatisfy { (0x20...0x7E).contains($0) } ? end : nil
        }
        // ir_version and producer_name.
        if head.count > 3, head[0] == 0x08, (1...30).contains(head[1]), head[2] == 0x12, text(at: 2) != nil {
            return FileKind("an ONNX network", givePyTorch)
        }
        // A node with its name.
        if head.first == 0x0A, [2, 3].contains(where: { head.count > $0 && head[$0] == 0x0A && text(at: $0) != nil }) {
            return FileKind("a graph of TensorFlow", givePyTorch)
        }
        // The name of the network, then layers of either version or the size of the input.
        if head.first == 0x0A, let end = text(at: 0),
            head[end] == 0x12 || head[end] == 0x1A || head[end...].starts(with: [0xA2, 0x06])
        {
            return FileKind("a network of Caffe", "turn it into one of PyTorch first")
        }
        return nil
    }

    private static func text(_ head: [UInt8]) -> FileKind? {
        let visible = head.drop { $0 == 0xEF || $0 == 0xBB || $0 == 0xBF || $0 <= 0x20 }
        guard let text = utf8(head), !visible.isEmpty,
            text.unicodeScalars.allSatisfy({ $0.value >= 0x20 || "\t\n\r\u{0C}".unicodeScalars.contains($0) })
        else { return nil }
        let start = String(decoding: visible.prefix { $0 >= 0x20 }, as: UTF8.self).printable
        let begin = "it begins with " + start.prefix(40)
        if start.hasPrefix("version https://git-lfs.github.com/") {
            return FileKind("a Git LFS pointer, which stands for the file itself", "fetch that with: git lfs pull")
        }
        let lower = start.lowercased()
        if lower.hasPrefix("<!doctype") || ["<html", "<head", "<body"].contains(where: lower.hasPrefix) {
            return FileKind("a web page (\(begin))", "download the file itself; its address may ask for a sign-in")
        }
        return FileKind("a text (\(begin))", "download the file itself")
    }

    /// The bytes as text; the last character may be cut.
    private static func utf8(_ bytes: [UInt8]) -> String? {
        (0...min(3, bytes.count - 1)).lazy.compactMap { String(validating: bytes.dropLast($0), as: UTF8.self) }.first
    }
}

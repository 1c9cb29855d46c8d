#if canImport(Glibc)
internal import Glibc
#endif

/// The file behind a path, whatever it is called there: two paths with the same identity are one file.
public struct FileIdentity: Hashable, Sendable {
    private let device: UInt64
    private let inode: UInt64
    /// Whether it is a folder.
    public let isFolder: Bool

    /// nil where there is no file.
    public init?(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        isFolder = status.st_mode & S_IFMT == S_IFDIR
    }
}

extension Files {
    /// The path without links and dots; nil where there is no file.
    public static func realPath(_ path: String) -> String? {
        guard let real = realpath(path, nil) else { return nil }
        defer { free(real) }
        return String(cString: real)
    }

    /// Whether two paths name one file, which need not exist yet.
    public static func areSame(_ one: String, _ other: String) -> Bool {
        if let first = FileIdentity(one), let second = FileIdentity(other) { return first == second }
        func place(_ path: String) -> String {
            let parent = path.parentFolder
            return "\(realPath(parent.isEmpty ? "." : parent) ?? parent)/\(path.fileName)"
        }
        return place(one) == place(other)
    }

    /// Whether writing a file would replace something that is read from a path: the file itself, or one that lies in the
    /// folder there and is of a kind that is read from folders.
    public static func wouldReplace(_ input: String, writing output: String) -> Bool {
        guard let target = FileIdentity(output), !target.isFolder, let source = FileIdentity(input) else {
            return false
        }
        if !source.isFolder { return source == target }
        guard let folder = realPath(input), let file = realPath(output), file.hasPrefix(folder + "/") else {
            return false
        }
        let name = file.dropFirst(folder.count + 1)
        switch file.fileExtension.lowercased() {
        case "jpg", "jpeg", "png":
            // Pictures at the top of a devkit or a run are made, not read.
            return name.contains("/") || !(exists("\(folder)/config.json") || isDevkit(folder))
        case "xml", "txt", "bin", "mat": return true
        default:
            return ["config.json", "metrics.jsonl", "result.json", "model.safetensors", "weights.safetensors"].contains(
                file.fileName)
        }
    }

    private static func isDevkit(_ folder: String) -> Bool {
        ((try? list(folder)) ?? []).contains { $0.hasPrefix("VOC") && isFolder("\(folder)/\($0)") }
    }
}

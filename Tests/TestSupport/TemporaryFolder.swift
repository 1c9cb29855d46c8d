public import Foundation
internal import Support

/// A new folder that is removed with its last owner.
public final class TemporaryFolder: Sendable {
    public let path = FileManager.default.temporaryDirectory.appendingPathComponent("detect-\(UUID())").path

    /// Holds the given files, texts by relative path.
    public init(_ files: [String: String] = [:]) throws {
        try Files.makeFolder(path)
        for (name, text) in files { try write(Data(text.utf8), name) }
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    public func write(_ data: Data, _ name: String) throws {
        let file = "\(path)/\(name)"
        try Files.makeFolder(file.parentFolder)
        try data.write(to: URL(fileURLWithPath: file))
    }
}

/// Runs `body` with the path of a new folder that is removed afterwards.
public func withTemporaryFolder(_ body: (String) throws -> Void) throws {
    let folder = try TemporaryFolder()
    defer { withExtendedLifetime(folder) {} }
    try body(folder.path)
}

import Foundation
import Support
import Testing

/// Real data that is not part of the project; tests that need it are skipped where it is absent.
enum VOCTestData {
    static let folder: String = {
        if let path = ProcessInfo.processInfo.environment["DETECT_DATA"] { return path }
        return URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("../shared/unpacked").path
    }()

    static let isPresent = FileManager.default.fileExists(atPath: folder + "/full/VOCdevkit/VOC2007")
    static let hint: Comment = "needs the unpacked development data: set DETECT_DATA"

    static var goldenFolder: String {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Golden").path
    }
}

/// A new folder with the given files, removed when the value is released.
final class ScratchFolder {
    let path: String

    init(_ files: [String: String] = [:]) throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("voc-\(UUID().uuidString)").path
        try Files.makeFolder(path)
        for (name, text) in files {
            try Files.makeFolder("\(path)/\(name)".parentFolder)
            try Files.writeAtomically(text, to: path + "/" + name)
        }
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// The message of the `InputError` that `body` throws; nil, and a failed test, when it throws none.
func inputError<Result>(
    sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Result
) -> String? {
    let error = #expect(throws: InputError.self, sourceLocation: sourceLocation) { _ = try body() }
    return error?.description
}

internal import Foundation
internal import Glibc

/// The measurements of a run: one JSON object a line, appended and handed to the system line by line.
public final class MetricsLog {
    public let path: String
    private let descriptor: Int32

    /// Opens the log, or makes it.
    ///
    /// - Parameter lastStep: Of the checkpoint a run goes on from, -1 to begin anew; nil keeps everything.
    ///   The log is cut before the first line whose "step" lies after it, so no step is ever logged twice.
    /// - Throws: `InputError` naming the file, and the line when one is damaged. A torn last line, as a crash leaves
    ///   it, is cut without a word.
    public init(_ path: String, keepingStepsThrough lastStep: Int? = nil) throws {
        self.path = path
        let length = Files.exists(path) ? try Self.keptLength(path, through: lastStep) : 0
        descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Files.systemError(path, "cannot be written") }
        if ftruncate(descriptor, off_t(length)) != 0 {
            let failure = Files.systemError(path, "cannot be cut back")
            close(descriptor)
            throw failure
        }
    }

    deinit { close(descriptor) }

    /// Appends one line; when it returns, the line survives a kill of the process.
    ///
    /// - Throws: `InputError` naming the file (disk full).
    public func append(_ entry: JSON) throws {
        try Array("\(entry.line)\n".utf8).withUnsafeBytes {
            try Files.writeAll($0, to: descriptor, path: path)
        }
    }

    /// The entries of a log, in order; a torn last line is left out.
    ///
    /// - Throws: `InputError` naming the file and line.
    public static func read(_ path: String) throws -> [JSON] {
        var entries: [JSON] = []
        try forEachLine(of: path) { entry, _ in
            entries.append(entry)
            return true
        }
        return entries
    }

    /// Number of bytes up to the first line that is torn or belongs to a later step.
    private static func keptLength(_ path: String, through lastStep: Int?) throws -> Int {
        var length = 0
        try forEachLine(of: path) { entry, end in
            if let lastStep, let step = entry["step"]?.intValue, step > lastStep { return false }
            length = end
            return true
        }
        return length
    }

    /// Calls `body` with each whole line and the byte offset of its end until it returns false.
    private static func forEachLine(of path: String, _ body: (JSON, Int) -> Bool) throws {
        let bytes = [UInt8](try Files.read(path))
        var start = 0
        var number = 0
        while let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) {
            number += 1
            let entry: JSON
            do {
                entry = try JSON.parse(bytes[start..<end])
            } catch {
                // A crash of the machine, unlike one of the program, can leave zero bytes behind a whole line.
                if bytes[end...].dropFirst().isEmpty { return }
                throw InputError(path, "line \(number) is not valid JSON: \(error)", remedy: "remove that line")
            }
            if !body(entry, end + 1) { return }
            start = end + 1
        }
    }
}

internal import Foundation

/// What a user should know and no result says, on standard error.
enum Notes {
    static func write(_ lines: [String]) {
        for line in lines { FileHandle.standardError.write(Data("note: \(line)\n".utf8)) }
    }
}

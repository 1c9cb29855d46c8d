import Foundation
import Support

/// A file of the Golden folder.
enum Golden {
    static func read(_ name: String) throws -> JSON {
        try JSON.read(
            URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Golden/\(name)").path)
    }
}

extension JSON {
    var doubles: [Double] { arrayValue?.compactMap(\.doubleValue) ?? [] }
    var ints: [Int] { arrayValue?.compactMap(\.intValue) ?? [] }
}

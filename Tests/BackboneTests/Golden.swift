import Foundation
import Support

/// A file of the Golden folder.
enum Golden {
    static func path(_ name: String) -> String {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Golden/\(name)").path
    }

    static func read(_ name: String) throws -> JSON { try JSON.read(path(name)) }
}

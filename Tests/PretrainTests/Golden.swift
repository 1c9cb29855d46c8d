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

/// Whether every value is within `tolerance` of the expected one, measured against the largest expected value.
func isClose(_ values: [Double], _ expected: [Double], _ tolerance: Double) -> Bool {
    let size = expected.map(\.magnitude).max() ?? 0
    return values.count == expected.count
        && zip(values, expected).allSatisfy { ($0 - $1).magnitude <= tolerance * size }
}

public import Support

/// The files that scripts wrote with another implementation, in the folder Golden of each test target.
///
/// They are found beside the sources: a test passes its own path along, which no caller has to write.
public enum Golden {
    public static func path(_ name: String, for test: String = #filePath) -> String {
        // Tests lie in the folder of their target or one below it.
        let folders = [test.parentFolder, test.parentFolder.parentFolder].map { "\($0)/Golden" }
        return "\(folders.first(where: Files.isFolder) ?? folders[0])/\(name)"
    }

    public static func read(_ name: String, for test: String = #filePath) throws -> JSON {
        try JSON.read(path(name, for: test))
    }
}

extension JSON {
    public var doubles: [Double] { arrayValue?.compactMap(\.doubleValue) ?? [] }
    public var floats: [Float] { doubles.map { Float($0) } }
    public var ints: [Int] { arrayValue?.compactMap(\.intValue) ?? [] }
}

/// Whether every value is within `tolerance` of the expected one, measured against the largest expected value.
public func isClose(_ values: [Double], _ expected: [Double], _ tolerance: Double) -> Bool {
    let size = expected.map(\.magnitude).max() ?? 0
    return values.count == expected.count
        && zip(values, expected).allSatisfy { ($0 - $1).magnitude <= tolerance * size }
}

internal import Foundation
internal import Support
public import Testing

/// Real data, which are no part of the repository: `DETECT_DATA` alone says where they lie.
public enum TestData {
    private static let folder = ProcessInfo.processInfo.environment["DETECT_DATA"] ?? ""

    /// Where a file or folder of the data lies, given by its path within them.
    public static func path(_ name: String) -> String { "\(folder)/\(name)" }

    static func holds(_ name: String) -> Bool { !folder.isEmpty && Files.exists(path(name)) }
}

extension Trait where Self == ConditionTrait {
    /// Skips what needs real data where they are absent.
    public static func needsData(_ names: String..., sourceLocation: SourceLocation = #_sourceLocation) -> Self {
        .enabled(
            if: names.allSatisfy(TestData.holds),
            "needs \(names.joined(separator: " and ")): set DETECT_DATA to the folder of the unpacked data",
            sourceLocation: sourceLocation)
    }
}

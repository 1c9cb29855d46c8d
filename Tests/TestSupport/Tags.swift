internal import Foundation
internal import Support
public import Testing

/// The tiers: each suite has the tag of one, or inherits it from the suite around it.
extension Tag {
    /// Seconds at most, within this process, on data that it makes.
    @Tag public static var unit: Self
    /// Trains or runs whole networks, or is as slow as that.
    @Tag public static var training: Self
    /// Starts detect-cli.
    @Tag public static var program: Self
    /// Reads what `DETECT_DATA` points to.
    @Tag public static var realData: Self
}

/// Skips a suite whose tier `DETECT_TEST_TIERS` does not name: names joined by commas; without the variable all run.
///
/// `swift test` cannot choose by tag before Swift 6.4.
public struct TierCondition: SuiteTrait, TestTrait {
    static let tiers: KeyValuePairs<String, Tag> = [
        "unit": .unit, "training": .training, "program": .program, "realData": .realData,
    ]

    /// For a single test, too, that a filter takes out of its suite. Only what is a trait of tests, too, may be recursive:
    /// the library traps on others.
    public var isRecursive: Bool { true }

    public func prepare(for test: Test) async throws {
        let own = Self.tiers.filter { test.tags.contains($0.value) }.map(\.key)
        guard own.count == 1 else { throw InputError(test.name, "has \(own.count) tags of tiers, not one") }
        guard let chosen = ProcessInfo.processInfo.environment["DETECT_TEST_TIERS"], !chosen.isEmpty else { return }
        let isWanted = try Self.parse(chosen).contains(own[0])
        // Only a condition of the library's own skips.
        let condition: ConditionTrait = .enabled(
            if: isWanted, "is of the tier \(own[0]), and DETECT_TEST_TIERS is \(chosen)")
        try await condition.prepare(for: test)
    }

    /// The names of tiers; throws `InputError` for others, which would skip all and call that a success.
    public static func parse(_ text: String) throws -> [String] {
        let names = text.split(separator: ",").map(String.init)
        for name in names where !tiers.contains(where: { $0.key == name }) {
            throw InputError(
                "DETECT_TEST_TIERS",
                "names the tier \"\(name)\"; there are \(tiers.map(\.key).joined(separator: ", "))")
        }
        return names
    }
}

extension Trait where Self == TierCondition {
    /// Beside the tag of a tier: runs the suite only where that tier is wanted.
    public static var tiered: Self { Self() }
}

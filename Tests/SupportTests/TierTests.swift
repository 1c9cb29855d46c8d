import Foundation
import Support
import TestSupport
import Testing

@Suite(.tags(.unit), .tiered) struct TierTests {
    /// A suite without a tag would run whatever is asked for. Suites within suites inherit theirs and are indented.
    @Test func everySuiteNamesItsTier() throws {
        let folder = Repository.path("Tests")
        let names = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
        var count = 0
        for name in names where name.hasSuffix(".swift") {
            var previous: Substring = ""
            for line in try Files.readText("\(folder)/\(name)").split(separator: "\n") {
                if line.hasPrefix("@Suite") {
                    count += 1
                    #expect(line.hasPrefix("@Suite(.tags(.") && line.contains("), .tiered"), "\(name): \(line)")
                } else if line.hasPrefix("struct"), line.contains("Tests {") {
                    #expect(previous.hasPrefix("@Suite"), "\(name): \(line)")
                }
                previous = line
            }
        }
        #expect(count > 90)
    }

    @Test func aNameThatIsNoTierIsRefused() throws {
        #expect(try TierCondition.parse("unit,realData") == ["unit", "realData"])
        let error = #expect(throws: InputError.self) { try TierCondition.parse("unit,units") }
        #expect(error?.problem.contains("\"units\"") == true && error?.problem.contains("realData") == true)
    }
}

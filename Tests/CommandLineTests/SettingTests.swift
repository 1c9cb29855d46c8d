import Support
import TestSupport
import Testing
import detect_cli

/// A recipe as small as one can be: what the tables of options stand on.
private struct Toy: Equatable {
    enum Shape: String, CaseIterable { case round, square }

    var size = 3
    var shape = Shape.round
    var corner: Double?
    var isHollow = false

    static let large: Toy = {
        var toy = Toy()
        toy.size = 30
        return toy
    }()

    static var rows: [Setting<Toy>] {
        [
            .value("size", "N", "how large it is", \.size, .atLeast(1)),
            .choice("shape", "what it looks like", \.shape),
            .flag("hollow", "with nothing in it", \.isHollow, key: "is_hollow"),
            // All that a further option takes.
            .optional("corner-radius", "R", "how far corners are rounded", \.corner, .above(0)).with(.square),
        ]
    }
}

extension SettingRole<Toy> {
    fileprivate static var square: SettingRole {
        SettingRole { $0.shape == .square ? nil : ("without --shape square", "leave it out") }
    }
}

@Suite(.tags(.unit), .tiered) struct SettingTests {
    /// The arguments applied to the recipe that they name.
    private func parse(_ arguments: [String]) throws -> Toy {
        let parser = ArgumentParser(commandName: "toy")
        let isLarge = parser.flag("large", "begin with the large one")
        let settings = parser.settings([("Toy", Toy.rows)]) { isLarge.value ? .large : Toy() }
        try parser.parse(arguments)
        var toy = isLarge.value ? Toy.large : Toy()
        try settings.apply(to: &toy)
        return toy
    }

    @Test func whatIsGivenIsSetAndTheRestIsTheRecipes() throws {
        #expect(try parse([]) == Toy() && parse(["--large"]) == .large)
        var toy = Toy.large
        toy.shape = .square
        toy.corner = 0.5
        toy.isHollow = true
        #expect(try parse(["--shape=square", "--corner-radius", ".5", "--hollow", "--large"]) == toy)
    }

    @Test func whatMayBeAbsentCanBeTakenAway() throws {
        var row = try #require(Toy.rows.first { $0.name == "corner-radius" })
        row.role = nil
        var toy = Toy()
        toy.corner = 2
        #expect(row.set(&toy, "none") && toy.corner == nil)
        #expect(!row.set(&toy, "-1") && toy.corner == nil && row.expected == "a number above 0, or none")
    }

    @Test func theHelpShowsTheChosenRecipe() {
        func help(_ arguments: [String]) -> String {
            let parser = ArgumentParser(commandName: "toy")
            let isLarge = parser.optional("large", "B", "", as: String.self)
            _ = parser.settings([("Toy", Toy.rows)]) { isLarge.isGiven ? .large : Toy() }
            parser.glance(at: arguments + ["--unknown", "--size"])
            return parser.help(summary: "", example: "")
        }
        #expect(help([]).contains("how large it is (default: 3)"))
        #expect(help(["--large", "yes"]).contains("how large it is (default: 30)"))
        #expect(help([]).contains("--corner-radius R") && help([]).contains("(default: none)"))
        #expect(help([]).contains("--shape round|square") && help([]).contains("(default: round)"))
    }

    @Test(arguments: [
        (["--size", "0"], "--size cannot be \"0\"; give a whole number of at least 1"),
        (["--size", "many"], "--size cannot be \"many\"; give a whole number of at least 1"),
        (["--shape", "sqare"], "--shape cannot be \"sqare\"; did you mean square? It is one of round, square"),
        (["--corner-radius", "2"], "--corner-radius has no meaning without --shape square; leave it out"),
    ])
    func whatIsWrongIsRefused(arguments: [String], message: String) {
        let error = #expect(throws: UsageError.self) { try parse(arguments) }
        #expect(error.map { "\($0)" } == message)
    }

    @Test func theConfigurationHoldsWhatHasAnEffect() {
        var toy = Toy()
        toy.corner = 2
        #expect(Toy.rows.members(of: toy).map(\.name) == ["size", "shape", "is_hollow"])
        toy.shape = .square
        #expect(
            JSON.object(Toy.rows.members(of: toy))
                == ["size": 3, "shape": "square", "is_hollow": false, "corner_radius": .number(2)])
    }

    @Test func aPartKeepsItsSettings() {
        struct Box { var toy = Toy() }
        let rows = Toy.rows.map { $0.lifted(to: \Box.toy) }
        var box = Box()
        #expect(rows[0].set(&box, "7") && box.toy.size == 7 && rows[0].text(box) == "7")
        #expect(!rows[3].isInEffect(box))
    }
}

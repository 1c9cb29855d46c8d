internal import Distributed
internal import Foundation
internal import Support

/// Finds the command that is asked for and hands it its arguments.
package struct CommandTable {
    package var groups: [CommandGroup]
    package var version: String

    package init(_ groups: [CommandGroup], version: String) {
        self.groups = groups
        self.version = version
    }

    /// What the program is for, in one sentence without full stop.
    static let purpose = "learns visual features without labels and measures what they are worth"

    var commands: [any Command.Type] { groups.flatMap(\.commands) }

    /// Runs what the arguments (without the program's name) ask for.
    ///
    /// - Parameter print: Receives help and version texts; the command itself writes where it likes.
    package func run(_ arguments: [String], print: (String) -> Void) throws {
        MessageOptions.glance(at: arguments)
        let ink = Console.ink(.output)
        // `help probe knn` is `probe knn --help`.
        var arguments = arguments
        if arguments.first == "help" {
            arguments.removeFirst()
            if arguments.first == "help" || arguments.first?.hasPrefix("-") == true { arguments = [] }
            if !arguments.isEmpty { arguments.append("--help") }
        }
        guard let first = arguments.first, first != "--help", first != "-h" else {
            print(overview(ink))
            return
        }
        if first == "--version" {
            print("detect-cli \(version)")
            return
        }
        guard let command = command(named: arguments) else {
            let family = commands.filter { $0.name.hasPrefix("\(first) ") }
            if !family.isEmpty, arguments.count == 1 || wantsHelp([arguments[1]]) {
                print(list(family, ink))
                return
            }
            throw unknownCommand(arguments, family: family)
        }
        let rest = Array(arguments.dropFirst(command.name.split(separator: " ").count))
        let (parser, instance) = Self.prepared(command)
        if wantsHelp(rest) {
            parser.glance(at: rest)
            print(parser.help(summary: command.summary, example: command.example, ink: ink))
            return
        }
        try Self.introduce(command)
        try parser.parse(rest)
        try parser.check()
        try instance.run()
    }

    /// Of several processes the first speaks, the others only of errors, under their names. Those that each did the whole of a
    /// command would write over each other's results.
    private static func introduce(_ command: any Command.Type) throws(UsageError) {
        guard let launch = try? Launch(environment: { ProcessInfo.processInfo.environment[$0] }),
            launch.size > 1
        else { return }
        if launch.rank > 0 {
            Console.isQuiet = true
            Console.speaker = "rank \(launch.rank)"
        }
        if command.isShared { return }
        throw UsageError(
            "`\(command.name)` is done by one process, but \(launch.launcher?.rawValue ?? "the launcher") has started "
                + "\(launch.size)", remedy: "start it by itself")
    }

    /// A command with its own options and those that all have.
    static func prepared(_ command: any Command.Type) -> (parser: ArgumentParser, command: any Command) {
        let parser = ArgumentParser(commandName: command.name)
        let instance = command.init(parser)
        _ = MessageOptions(parser)
        return (parser, instance)
    }

    /// Reads arguments as `run` does, and runs nothing; throws for what no command takes.
    package func parse(_ arguments: [String]) throws(UsageError) {
        guard let command = command(named: arguments) else { throw unknownCommand(arguments, family: []) }
        let parser = Self.prepared(command).parser
        try parser.parse(Array(arguments.dropFirst(command.name.split(separator: " ").count)))
    }

    /// Names and placeholders of the options of a command; empty placeholders are flags'. None for unknown commands.
    package func options(of name: String, _ parser: ArgumentParser) -> [(name: String, metavar: String)] {
        guard let command = commands.first(where: { $0.name == name }) else { return [] }
        _ = command.init(parser)
        return parser.declarations.map { ($0.name, $0.metavar) }
    }

    private func wantsHelp(_ arguments: [String]) -> Bool {
        arguments.prefix { $0 != "--" }.contains { $0 == "--help" || $0 == "-h" }
    }

    private func command(named arguments: [String]) -> (any Command.Type)? {
        // The longest name wins: "proposals import" before "proposals".
        commands.filter { arguments.starts(with: $0.name.split(separator: " ").map(String.init)) }
            .max { $0.name.count < $1.name.count }
    }

    private func unknownCommand(_ arguments: [String], family: [any Command.Type]) -> UsageError {
        let first = arguments[0]
        if !family.isEmpty {
            let second = arguments[1]
            let names = family.map { String($0.name.dropFirst(first.count + 1)) }
            return UsageError(
                "`\(first) \(second)` is not a command",
                remedy: nearest(second, in: names).map { "did you mean `\(first) \($0)`?" }
                    ?? "give one of \(names.joined(separator: ", "))")
        }
        if first.hasPrefix("-") {
            return UsageError("\(first) comes before the command", remedy: "give the command first: detect-cli COMMAND")
        }
        // Both the full names and their first words: `prob knn` is close to neither by itself alone.
        let typed = arguments.prefix { !$0.hasPrefix("-") }.prefix(2).joined(separator: " ")
        let guess =
            nearest(typed, in: commands.map { $0.name })
            ?? nearest(first, in: commands.map { String($0.name.split(separator: " ")[0]) } + ["help"])
        return UsageError(
            "`\(first)` is not a command", remedy: guess.map { "did you mean `\($0)`?" } ?? "see `detect-cli --help`")
    }

    private func overview(_ ink: Ink) -> String {
        """
        \(ink("detect-cli", .bold)) \(Self.purpose).

        \(ink("usage:", .bold)) detect-cli COMMAND [options]

        \(groups.filter { !$0.commands.isEmpty }.map { block($0.title, $0.commands, ink) }.joined(separator: "\n\n"))

        `detect-cli help COMMAND` explains a command; `detect-cli --version` prints the version.
        """
    }

    private func list(_ family: [any Command.Type], _ ink: Ink) -> String {
        block("Commands", family, ink) + "\n\n`detect-cli help COMMAND` explains a command."
    }

    /// All blocks share one column, so that the overview reads as one table.
    private func block(_ title: String, _ commands: [any Command.Type], _ ink: Ink) -> String {
        let column = self.commands.map { $0.name.count }.max() ?? 0
        return ArgumentParser.block(title, commands.map { ($0.name.padded(column), $0.summary) }, ink: ink)
    }
}

/// One command of detect-cli, in one file: what it is called, what it takes, what it does.
package protocol Command {
    /// As typed: "evaluate", or two words, "probe knn".
    static var name: String { get }
    /// One line for the overview, without full stop.
    static var summary: String { get }
    /// One command line, or several, that work as they stand.
    static var example: String { get }

    /// Whether several processes can do it together, started by a launcher.
    static var isShared: Bool { get }

    /// Declares the options; they have values when `run` is called.
    init(_ parser: ArgumentParser)

    /// Throws `UsageError` (exit code 2), `InterruptedError` (130) or any other error (1).
    func run() throws
}

/// Commands that stand together in the overview.
package struct CommandGroup {
    package var title: String
    package var commands: [any Command.Type]

    package init(_ title: String, _ commands: [any Command.Type]) {
        self.title = title
        self.commands = commands
    }
}

extension Command {
    package static var isShared: Bool { false }
}

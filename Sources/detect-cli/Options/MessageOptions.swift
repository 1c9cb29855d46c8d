internal import Support

/// Options of every command: how much it says beside its results, and in which colours.
package struct MessageOptions {
    private let quiet: Option<Bool>
    private let color: Option<Console.Coloring>

    package init(_ parser: ArgumentParser) {
        parser.group("Messages")
        quiet = parser.flag("quiet", "say nothing beside results and errors: no progress, no remarks")
        color = parser.choice(
            "color", "colours in help, findings and messages; auto has them on a terminal, unless NO_COLOR is set",
            default: .auto)
    }

    /// Sets what was given.
    package func apply() {
        if quiet.isGiven { Console.isQuiet = true }
        if color.isGiven { Console.coloring = color.value }
    }

    /// Sets what stands anywhere among arguments that need not be right otherwise, so that their errors are coloured, too.
    package static func glance(at arguments: [String]) {
        let parser = ArgumentParser(commandName: "")
        let options = Self(parser)
        parser.glance(at: Array(arguments.prefix { $0 != "--" }))
        options.apply()
    }
}

/// Prints the manual page.
struct ManualCommand: Command {
    static let name = "manual"
    static let summary = "prints the manual page, for man"
    static let example = "detect-cli manual >detect-cli.1 && man ./detect-cli.1"

    init(_ parser: ArgumentParser) {}

    func run() { print(commandTable.manualPage) }
}

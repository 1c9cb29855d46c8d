/// Prints a script with which a shell completes command lines.
struct CompletionsCommand: Command {
    static let name = "completions"
    static let summary = "prints a script that lets a shell complete commands, options and their values"
    static let example = """
        source <(detect-cli completions bash)
        detect-cli completions fish >~/.config/fish/completions/detect-cli.fish
        """

    enum Shell: String, CaseIterable { case bash, zsh, fish }

    let shell: Option<Shell>

    init(_ parser: ArgumentParser) { shell = parser.positionalChoice("the shell that reads it") }

    func run() {
        switch shell.value {
        case .bash: print(commandTable.bashCompletion)
        case .zsh: print(commandTable.zshCompletion)
        case .fish: print(commandTable.fishCompletion)
        }
    }
}

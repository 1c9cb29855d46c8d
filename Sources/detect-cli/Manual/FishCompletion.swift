extension CommandTable {
    /// A script that lets fish complete the program's command lines.
    package var fishCompletion: String {
        let twoWords = descriptions.filter { $0.words.count > 1 }.map { fishQuoted($0.name) }
        var lines = [
            """
            # fish completion of detect-cli \(version), printed by `detect-cli completions fish`.

            # Whether exactly these words stand before the cursor, "help" aside.
            function __detect_cli_at
                set -l words (commandline -opc)[2..]
                if test "$words[1]" = help
                    set words $words[2..]
                end
                test "$words" = "$argv"
            end

            # Whether the command line is one of the command of that name.
            function __detect_cli_in
                set -l words (commandline -opc)[2..]
                if contains -- "$words[1..2]" \(twoWords.joined(separator: " "))
                    test "$words[1..2]" = "$argv"
                else
                    test "$words[1]" = "$argv"
                end
            end

            complete -c detect-cli -f
            complete -c detect-cli -n 'test (count (commandline -opc)) -eq 1' -a help -d 'explains a command'
            complete -c detect-cli -n 'test (count (commandline -opc)) -eq 1' -l version -d 'prints the version'
            """
        ]
        for family in families {
            lines.append(
                "complete -c detect-cli -n __detect_cli_at -a \(family.first) -d \(fishQuoted(family.summary))")
            lines += family.members.map { member in
                "complete -c detect-cli -n '__detect_cli_at \(family.first)' -a \(member.words[1]) -d "
                    + fishQuoted(member.command.summary)
            }
        }
        return (lines + descriptions.flatMap(fishLines)).joined(separator: "\n")
    }

    private func fishLines(_ command: CommandDescription) -> [String] {
        let start = "complete -c detect-cli -n '__detect_cli_in \"\(command.name)\"'"
        let options = command.parser.declarations.map { option in
            let value = option.metavar.isEmpty ? "" : " \(fish(option.completion))"
            return "\(start) -l \(option.name)\(value) -d \(fishQuoted(option.help))"
        }
        let positionals = command.parser.positionals.map { positional in
            if case .words(let words) = positional.completion {
                return "\(start) -a \(fishQuoted(words.joined(separator: " ")))"
            }
            return "\(start) -F"
        }
        return options + ["\(start) -l help -d 'explain the command'"] + positionals
    }

    /// The switches that say what follows an option.
    private func fish(_ completion: Completion) -> String {
        switch completion {
        case .nothing: "-x"
        case .words(let words): "-x -a \(fishQuoted(words.joined(separator: " ")))"
        case .files: "-r -F"
        case .folders: "-x -a '(__fish_complete_directories)'"
        }
    }

    private func fishQuoted(_ text: String) -> String {
        "'\(text.replacing("\\", with: "\\\\").replacing("'", with: "\\'"))'"
    }
}

extension CommandTable {
    /// A script that lets zsh complete the program's command lines.
    package var zshCompletion: String {
        let families = families
        return """
            #compdef detect-cli
            # zsh completion of detect-cli \(version), printed by `detect-cli completions zsh`.

            _detect-cli() {
                local -a names
                local helping= key result=1
                if (( CURRENT > 2 )) && [[ $words[2] == help ]]; then
                    helping=yes
                    shift words
                    (( CURRENT-- ))
                fi
                if (( CURRENT == 2 )); then
                    names=(
            \(families.map { described($0.first, $0.summary) }.joined(separator: "\n"))
                    )
                    [[ -n $helping ]] || names+=('help:explains a command')
                    _describe -t commands command names
                    return
                fi
                if (( CURRENT == 3 )); then
                    case $words[2] in
            \(families.filter { !$0.members.isEmpty }.map(zshFamily).joined(separator: "\n"))
                    esac
                    if (( $#names )); then
                        _describe -t commands command names && result=0
                    fi
                fi
                [[ -n $helping ]] && return result
                key="$words[2] "
                (( CURRENT > 3 )) && key+=$words[3]
                case $key in
            \(longestFirst.map(zshCase).joined(separator: "\n"))
                esac
                return result
            }

            # Called by the completion system, which loads this file as a function, or read by `source`.
            if [[ $funcstack[1] == _detect-cli ]]; then
                _detect-cli "$@"
            else
                compdef _detect-cli detect-cli
            fi
            """
    }

    private func zshFamily(_ family: CommandFamily) -> String {
        """
                \(family.first))
                    names=(
        \(family.members.map { described($0.words[1], $0.command.summary) }.joined(separator: "\n"))
                    )
                    ;;
        """
    }

    private func described(_ word: String, _ summary: String) -> String {
        "            '\(word):\(summary.replacing("'", with: "'\\''"))'"
    }

    private func zshCase(_ command: CommandDescription) -> String {
        let options = command.parser.declarations.map { option in
            let help = "[\(zshEscaped(option.help))]"
            return option.metavar.isEmpty
                ? "--\(option.name)\(help)" : "--\(option.name)=\(help):\(option.name):\(zsh(option.completion))"
        }
        let positionals = command.parser.positionals.map { positional in
            let name = positional.choices.isEmpty ? positional.name : "word"
            return "\(positional.repeats ? "*" : ""):\(name):\(zsh(positional.completion))"
        }
        let specifications = (options + ["--help[explain the command]"] + positionals).map { "            '\($0)'" }
        return """
                \(command.words.count > 1 ? "'\(command.name)'" : "'\(command.name) '*"))
                    shift \(command.words.count) words
                    (( CURRENT -= \(command.words.count) ))
                    _arguments \\
            \(specifications.joined(separator: " \\\n")) && result=0
                    ;;
            """
    }

    private func zsh(_ completion: Completion) -> String {
        switch completion {
        case .nothing: " "
        case .words(let words): "(\(words.joined(separator: " ")))"
        case .files: "_files"
        case .folders: "_files -/"
        }
    }

    /// Text within the brackets of a specification, in single quotes.
    private func zshEscaped(_ text: String) -> String {
        var result = ""
        for character in text {
            switch character {
            case "[", "]", ":", "\\": result += "\\\(character)"
            case "'": result += "'\\''"
            default: result.append(character)
            }
        }
        return result
    }
}

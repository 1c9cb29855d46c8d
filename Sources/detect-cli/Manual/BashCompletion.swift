internal import Support

extension CommandTable {
    /// A script that lets bash complete the program's command lines.
    package var bashCompletion: String {
        let families = families
        let cases =
            longestFirst.map { command in bashCase(command, families.first { $0.first == command.name }) }
            + families.filter { $0.command == nil }.map(bashFamily)
        return """
            # bash completion of detect-cli \(version), printed by `detect-cli completions bash`.

            _detect_cli() {
                local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
                local before=("${COMP_WORDS[@]:1:COMP_CWORD - 1}")
                local attached= helping= options= offer= rest= word
                COMPREPLY=()
                # --option=value is three words to bash, or one.
                if [[ $current == = ]]; then
                    current=
                elif [[ $previous == = ]]; then
                    previous=${COMP_WORDS[COMP_CWORD - 2]}
                elif [[ $current == --*=* ]]; then
                    previous=${current%%=*}
                    attached=$previous=
                    current=${current#*=}
                fi
                if [[ ${before[0]-} == help ]]; then
                    helping=yes
                    before=("${before[@]:1}")
                fi
                case "${before[0]-} ${before[1]-}" in
                ' ')
                    rest='\(families.map(\.first).joined(separator: " "))'
                    [[ $helping ]] || rest+=' help' options='--help --version'
                    ;;
            \(cases.joined(separator: "\n"))
                esac
                if [[ $helping ]]; then
                    options= offer=
                    [[ $rest == /* ]] && rest=
                fi
                if [[ -z $offer && $current != -* ]]; then
                    offer=$rest
                fi
                if [[ -z $offer ]]; then
                    # None may be given twice.
                    for word in $options; do
                        [[ " ${before[*]} " == *" $word "* ]] || offer+="$word "
                    done
                fi
                case $offer in
                /files) compopt -o default ;;
                /folders) compopt -o dirnames ;;
                /nothing) ;;
                *) mapfile -t COMPREPLY < <(compgen -P "$attached" -W "$offer" -- "$current") ;;
                esac
            }

            complete -F _detect_cli detect-cli
            """
    }

    private func bashCase(_ command: CommandDescription, _ family: CommandFamily?) -> String {
        let rows = command.parser.declarations.filter { !$0.metavar.isEmpty }
        let values = rows.map(\.completion).distinct.map { completion in
            let names = rows.filter { $0.completion == completion }.map { "--\($0.name)" }
            return "        \(names.joined(separator: " | "))) offer=\(bash(completion)) ;;"
        }
        // "proposals" may be followed by "import".
        let members = family?.secondWords.joined(separator: " ") ?? ""
        let further = members.isEmpty ? "" : "\n        [[ ${#before[@]} == 1 ]] && rest='\(members)'"
        let rest = command.parser.positionals.first.map { "\n        rest=\(bash($0.completion))" } ?? ""
        return """
                \(command.words.count > 1 ? "'\(command.name)'" : "'\(command.name) '*"))
                    options='\(command.options.joined(separator: " "))'\(rest)\(further)
                    case $previous in
            \(values.joined(separator: "\n"))
                    esac
                    ;;
            """
    }

    private func bashFamily(_ family: CommandFamily) -> String {
        """
            '\(family.first) '*)
                [[ ${#before[@]} == 1 ]] && rest='\(family.secondWords.joined(separator: " "))' options=--help
                ;;
        """
    }

    private func bash(_ completion: Completion) -> String {
        switch completion {
        case .nothing: "/nothing"
        case .words(let words): "'\(words.joined(separator: " "))'"
        case .files: "/files"
        case .folders: "/folders"
        }
    }
}

internal import Support

/// Everything a command declares: what completions and the manual are made of.
package struct CommandDescription {
    let command: any Command.Type
    let parser: ArgumentParser

    package var name: String { command.name }

    /// "probe" and "knn".
    var words: [String] { name.split(separator: " ").map(String.init) }

    /// With their dashes, `--help` among them.
    package var options: [String] { parser.declarations.map { "--\($0.name)" } + ["--help"] }
}

extension CommandTable {
    package var descriptions: [CommandDescription] {
        commands.map { CommandDescription(command: $0, parser: Self.prepared($0).parser) }
    }

    /// In the order of the overview.
    var families: [CommandFamily] {
        let all = descriptions
        return all.map { $0.words[0] }.distinct.map { first in
            CommandFamily(
                first: first, command: all.first { $0.name == first },
                members: all.filter { $0.words.count > 1 && $0.words[0] == first })
        }
    }

    /// Longer names first: what `proposals import` is must be asked before what `proposals` is.
    var longestFirst: [CommandDescription] {
        descriptions.filter { $0.words.count > 1 } + descriptions.filter { $0.words.count == 1 }
    }
}

/// Commands with the same first word.
struct CommandFamily {
    var first: String
    /// The one that is this word alone.
    var command: CommandDescription?
    /// Those with a second word.
    var members: [CommandDescription]

    var secondWords: [String] { members.map { $0.words[1] } }
    var summary: String { command?.command.summary ?? secondWords.joined(separator: ", ") }
}

/// What a shell offers where a value is wanted.
enum Completion: Hashable {
    /// A number or a name of the user's own.
    case nothing
    case words([String])
    case files
    case folders
}

extension ArgumentParser.Declaration {
    /// Of the value; a flag has none.
    var completion: Completion {
        if !choices.isEmpty { return .words(choices) }
        return switch metavar {
        case "DIR": .folders
        case "FILE", "PATH", "RUN": .files
        default: .nothing
        }
    }
}

extension ArgumentParser.Positional {
    var completion: Completion { choices.isEmpty ? .files : .words(choices) }
}

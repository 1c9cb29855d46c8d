internal import Graphics
internal import Reporting
internal import Support

/// The options and positional arguments of one command, each declared once: parsing and help both come from here.
///
/// A command declares in its initialiser and reads the values of the handles when it runs:
/// ```swift
/// batch = parser.option("batch", "N", "images a step", default: 256, .atLeast(1))
/// ```
/// On the command line, `--name VALUE` and `--name=VALUE` are the same, `--` ends the options, and no option may be
/// given twice.
package final class ArgumentParser {
    struct Declaration {
        var name: String
        /// Earlier names, which are still taken.
        var aliases: [String]
        /// Empty for a flag.
        var metavar: String
        /// Values worth offering by name; empty where there are none or too many.
        var choices: [String]
        var help: String
        /// Shown in the help; empty when there is none.
        var defaultText: () -> String
        var isRequired: Bool
        var group: String
        /// Whether help speaks of it beside what else is given.
        var isOffered: () -> Bool
        /// Stores the value; throws when it is not acceptable.
        var accept: (String) throws(UsageError) -> Void

        func answers(to argument: some StringProtocol) -> Bool {
            ([name] + aliases).contains { "--\($0)" == argument }
        }
    }

    struct Positional {
        var name: String
        /// Values worth offering by name; empty where there are none or too many.
        var choices: [String] = []
        var help: String
        var minimum: Int
        /// False takes one argument, true all that are left.
        var repeats: Bool
        var accept: ([String]) throws(UsageError) -> Void
    }

    private(set) var declarations: [Declaration] = []
    private(set) var positionals: [Positional] = []
    private var currentGroup = ""
    private var checks: [() throws -> Void] = []
    /// Of the files to be written.
    private var folders: [String] = []
    /// Names of the options that name files to be written.
    private var outputs: Set<String> = []
    let commandName: String

    package init(commandName: String) { self.commandName = commandName }

    /// Options declared from here on stand under this heading in the help.
    package func group(_ title: String) { currentGroup = title }

    /// Asks for a look at the values that were given, before the command begins its work.
    func beforeRun(_ check: @escaping () throws -> Void) { checks.append(check) }

    /// Throws what the first of these looks throws.
    func check() throws {
        for check in checks { try check() }
        // Nothing is made for a command that is refused.
        for folder in folders where !folder.isEmpty { try Files.makeFolder(folder) }
    }

    /// Marks an option that names a file to be written: what other options and arguments name is never replaced by it, and
    /// whether it can be written is found out before the work and not after hours of it; its folder is made.
    package func output<Value>(_ option: Option<Value>) -> Option<Value> {
        outputs.insert(String(option.label.dropFirst(2)))
        beforeRun { [unowned self] in
            guard option.isGiven, let path = option.value as? String ?? (option.value as? ReportFile)?.path else {
                return
            }
            try Files.requireWritable(path)
            self.folders.append(path.parentFolder)
        }
        return option
    }

    /// The same for a picture, whose format its name says.
    func picture<Value>(_ option: Option<Value>) -> Option<Value> {
        beforeRun {
            guard let path = option.value as? String, Drawing.FileFormat(path: path) == nil else { return }
            throw UsageError(
                "\(option.label) \(path) is no picture", remedy: "give a name that ends in .png, .jpg, .svg or .pdf")
        }
        return output(option)
    }

    /// What to do when nothing better can be said.
    var seeHelp: String { "see `detect-cli \(commandName) --help`" }

    func declare(
        _ name: String, _ metavar: String, _ help: String, choices: [String] = [],
        defaultText: @escaping () -> String = { "" }, isRequired: Bool = false, aliases: [String] = [],
        isOffered: @escaping () -> Bool = { true },
        accept: @escaping (String) throws(UsageError) -> Void
    ) {
        precondition(!declarations.contains { $0.name == name }, "--\(name) of \(commandName) is declared twice")
        declarations.append(
            Declaration(
                name: name, aliases: aliases, metavar: metavar, choices: choices, help: help, defaultText: defaultText,
                isRequired: isRequired, group: currentGroup, isOffered: isOffered, accept: accept))
    }

    func declare(_ positional: Positional) {
        precondition(positionals.last?.repeats != true, "nothing can follow \(positionals.last?.name ?? "")")
        positionals.append(positional)
    }

    /// Reads the arguments that follow the command's name into the declared handles.
    package func parse(_ arguments: [String]) throws(UsageError) {
        var rest = arguments[...]
        var given: Set<String> = []
        var texts: [(name: String, text: String)] = []
        var plain: [String] = []
        while let argument = rest.popFirst() {
            if argument == "--" {
                plain += rest
                break
            }
            // A negative number and "-" (standard input by custom) are arguments, not options.
            if !argument.hasPrefix("-") || argument == "-" || Double(argument) != nil {
                plain.append(argument)
                continue
            }
            let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let declaration = try declaration(of: String(parts[0]))
            guard given.insert(declaration.name).inserted else {
                throw UsageError("--\(declaration.name) is given twice", remedy: "give it once")
            }
            let text = try text(for: declaration, attached: parts.dropFirst().first, &rest)
            try declaration.accept(text)
            if Self.pathPlaceholders.contains(declaration.metavar) { texts.append((declaration.name, text)) }
        }
        if let missing = declarations.first(where: { $0.isRequired && !given.contains($0.name) }) {
            throw UsageError(
                "--\(missing.name) is missing", remedy: "give --\(missing.name) \(missing.metavar), \(missing.help)")
        }
        try distribute(plain)
        try protectInputs(texts, plain)
    }

    /// What stands in the help for the values that are paths.
    private static let pathPlaceholders: Set<String> = ["FILE", "DIR", "PATH", "RUN", "IMG"]

    /// Throws when a file that is to be written is one that is read, or lies among the files of a folder that is.
    private func protectInputs(_ texts: [(name: String, text: String)], _ plain: [String]) throws(UsageError) {
        let written = texts.filter { outputs.contains($0.name) }
        let read =
            texts.filter { !outputs.contains($0.name) }.map { ("--\($0.name) \($0.text)", $0.text) }
            + plain.map { ($0, $0) }
        for (index, output) in written.enumerated() {
            for (label, input) in read where Files.wouldReplace(input, writing: output.text) {
                throw UsageError(
                    "--\(output.name) \(output.text) would overwrite what \(label) reads", remedy: "give another name")
            }
            for other in written[..<index] where Files.areSame(other.text, output.text) {
                throw UsageError(
                    "--\(other.name) and --\(output.name) name the same file", remedy: "give each a name of its own")
            }
        }
    }

    /// Takes what is right among the arguments and passes over the rest: the help of a command shows the defaults of the
    /// recipe that stands beside `--help`.
    package func glance(at arguments: [String]) {
        for (index, argument) in arguments.enumerated() {
            let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let declaration = declarations.first(where: { $0.answers(to: parts[0]) }) else { continue }
            let next = arguments.indices.contains(index + 1) ? arguments[index + 1] : nil
            let text = declaration.metavar.isEmpty ? "" : parts.count > 1 ? String(parts[1]) : next
            if let text { try? declaration.accept(text) }
        }
    }

    private func declaration(of argument: String) throws(UsageError) -> Declaration {
        if argument.hasPrefix("--"), let found = declarations.first(where: { $0.answers(to: argument) }) {
            return found
        }
        let names = declarations.map { "--\($0.name)" } + ["--help"]
        // One dash too few is a common slip; compare the word itself.
        let word = "--" + argument.drop { $0 == "-" }
        let remedy = nearest(word, in: names).map { "did you mean \($0)?" } ?? seeHelp
        throw UsageError("\(argument) is not an option of `\(commandName)`", remedy: remedy)
    }

    /// The text of an option's value: attached by "=" or the next argument.
    private func text(
        for declaration: Declaration, attached: Substring?, _ rest: inout ArraySlice<String>
    ) throws(UsageError) -> String {
        if declaration.metavar.isEmpty {
            if attached != nil {
                throw UsageError("--\(declaration.name) takes no value", remedy: "give --\(declaration.name) alone")
            }
            return ""
        }
        if let attached { return String(attached) }
        guard let next = rest.first, !next.hasPrefix("--") else {
            throw UsageError(
                "--\(declaration.name) has no value", remedy: "give --\(declaration.name) \(declaration.metavar)")
        }
        rest.removeFirst()
        return next
    }

    private func distribute(_ plain: [String]) throws(UsageError) {
        var rest = plain[...]
        for positional in positionals {
            let taken = positional.repeats ? rest : rest.prefix(1)
            if taken.count < positional.minimum {
                throw UsageError("\(positional.name) is missing", remedy: "give \(positional.name), \(positional.help)")
            }
            rest = rest.dropFirst(taken.count)
            if !taken.isEmpty { try positional.accept(Array(taken)) }
        }
        if let extra = rest.first {
            throw UsageError("\"\(extra)\" is one argument too many for `\(commandName)`", remedy: seeHelp)
        }
    }
}

internal import Support

extension CommandTable {
    /// The page that `man detect-cli` shows: the language of `man(7)`, section 1.
    package var manualPage: String {
        let overview = groups.filter { !$0.commands.isEmpty }.map { group in
            ".PP\n\(Roff.bold(group.title))\n"
                + group.commands.map { Roff.item($0.name, $0.summary) }.joined(separator: "\n")
        }
        let common = MessageOptions.described
        return
            ([
                """
                .TH DETECT\\-CLI 1 "" "detect \(version)" "User Commands"
                .ad l
                .nh
                .SH NAME
                detect\\-cli \\- \(Roff.text(Self.purpose))
                .SH SYNOPSIS
                .B detect\\-cli
                .I COMMAND
                .RI [ options ]
                .br
                .B detect\\-cli help
                .RI [ COMMAND ]
                .br
                .B detect\\-cli \\-\\-version
                .SH DESCRIPTION
                \(Roff.text(Self.description))
                .PP
                \(Roff.text(Self.conventions))
                .SH COMMANDS
                """
            ] + overview + descriptions.map { section($0, without: common) } + [
                ".SH OPTIONS OF EVERY COMMAND",
                common.map { Roff.item($0.term, $0.explanation) }.joined(separator: "\n"),
                Roff.item("--help", "explain the command instead of running it"),
                ".SH EXIT STATUS",
                Self.exitCodes.map { Roff.item($0.term, $0.text) }.joined(separator: "\n"),
                ".SH ENVIRONMENT",
                Self.environment.map { Roff.item($0.term, $0.text) }.joined(separator: "\n"),
            ]).joined(separator: "\n")
    }

    private func section(_ command: CommandDescription, without common: [ArgumentParser.Declaration]) -> String {
        let parser = command.parser
        var parts = [
            ".SH \(Roff.text(command.name.uppercased()))", Roff.text(command.command.summary + "."),
            ".PP\n\(Roff.bold(parser.usage))",
        ]
        parts += parser.positionals.map { Roff.item($0.name, $0.help) }
        for (title, declarations) in parser.groups {
            let own = declarations.filter { option in !common.contains { $0.name == option.name } }
            if own.isEmpty { continue }
            parts.append(".PP\n\(Roff.bold(title))")
            parts += own.map { Roff.item($0.term, $0.explanation) }
        }
        let example = command.command.example.split(separator: "\n").map { Roff.text(String($0)) }
        parts.append(".PP\nExample:\n.PP\n.nf\n.RS\n\(example.joined(separator: "\n"))\n.RE\n.fi")
        return parts.joined(separator: "\n")
    }

    private static let description = """
        Instance discrimination, its baselines and the probes of what features are worth: kNN, linear classifiers, support \
        vector machines, and a Fast or Faster R-CNN fine-tuned on PASCAL VOC 2007 by the official mAP protocol.
        """

    private static let conventions = """
        The command comes first, then options and arguments in any order. "--name VALUE" and "--name=VALUE" are the same; \
        "--" ends the options. Results go to standard output and, with --json, to a file; progress, remarks and errors go to \
        standard error.
        """

    private static let exitCodes: [(term: String, text: String)] = [
        ("0", "done"), ("1", "failed; one line on standard error says what and what to do"),
        ("2", "the command line is wrong"), ("130", "interrupted; what was saved goes on with --resume"),
    ]

    private static let environment: [(term: String, text: String)] = [
        ("NO_COLOR", "set to any text, no colours but with --color always"),
        ("DETECT_DATA", "the data folder that doctor looks at"),
        ("ATEN_CPU_CAPABILITY", "the kernels of libtorch and of the program's own operators: default, avx2 or avx512"),
        ("ONEDNN_MAX_CPU_ISA", "the widest instructions that oneDNN may use"),
    ]
}

extension MessageOptions {
    /// Their declarations, which every command has.
    fileprivate static var described: [ArgumentParser.Declaration] {
        let parser = ArgumentParser(commandName: "")
        _ = Self(parser)
        return parser.declarations
    }
}

/// Text in the language of roff.
private enum Roff {
    /// With everything that roff would take as its own set apart.
    static func text(_ text: String) -> String {
        let escaped = text.replacing("\\", with: "\\e").replacing("-", with: "\\-").replacing("\"", with: "\\(dq")
        // At the start of a line these call macros.
        return escaped.hasPrefix(".") || escaped.hasPrefix("'") ? "\\&\(escaped)" : escaped
    }

    static func bold(_ text: String) -> String { "\\fB\(self.text(text))\\fR" }

    /// A term with its explanation indented below; between the values of a choice a line may break.
    static func item(_ term: String, _ text: String) -> String {
        ".TP\n\(bold(term).replacing("|", with: "|\\:"))\n\(self.text(text))"
    }
}

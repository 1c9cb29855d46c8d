import Foundation
import TestSupport
import Testing
import detect_cli

/// Completions and the manual page hold what the commands declare.
@Suite(.tags(.unit), .tiered) struct ManualTests {
    @Test(arguments: commandTable.descriptions.map(\.name))
    func theManualPageHoldsEveryCommandAndOption(name: String) throws {
        let command = try #require(commandTable.descriptions.first { $0.name == name })
        let page = commandTable.manualPage.replacing("\\-", with: "-")
        let section = try #require(page.components(separatedBy: "\n.SH \(name.uppercased())\n").dropFirst().first)
            .components(separatedBy: "\n.SH ")[0]
        let common = try #require(page.components(separatedBy: "\n.SH OPTIONS OF EVERY COMMAND").last)
        for option in command.options {
            let term = try Regex(#"\n\.TP\n\\fB"# + option + #"( [^\n]*)?\\fR\n"#)
            #expect(section.contains(term) || common.contains(term), "\(option)")
        }
    }

    @Test func whatRoffWouldTakeAsItsOwnIsSetApart() {
        struct Odd: Command {
            static let name = "odd"
            static let summary = "turns C:\\x into \"y\""
            static let example = ".odd --at=home"
            init(_ parser: ArgumentParser) { _ = parser.flag("at", "'tis said") }
            func run() {}
        }
        let page = CommandTable([CommandGroup("All", [Odd.self])], version: "1.2.3").manualPage
        #expect(page.hasPrefix(".TH DETECT\\-CLI 1 \"\" \"detect 1.2.3\""))
        #expect(page.contains("\nturns C:\\ex into \\(dqy\\(dq.\n"))
        #expect(page.contains("\n\\&.odd \\-\\-at=home\n"))
        #expect(page.contains("\n.TP\n\\fB\\-\\-at\\fR\n\\&'tis said\n"))
    }
}

/// The scripts, read by the shells they are for.
@Suite(.tags(.program), .tiered) struct CompletionTests {
    /// Where a program of the machine lies; nil where it is not installed.
    private static func installed(_ program: String) -> String? {
        (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map { "\($0)/\(program)" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    private static func isInstalled(_ program: String) -> Bool { installed(program) != nil }

    struct Line: Sendable, CustomTestStringConvertible {
        var words: [String]
        var offered: [String]
        /// The line with the cursor at its end, and what a shell offers there.
        init(_ line: String, _ offered: String) {
            words = line.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
            self.offered = offered.split(separator: " ").map(String.init)
        }
        var testDescription: String { words.joined(separator: " ") }
    }

    /// What every shell is to offer. "/files" and "/folders" stand for those of the disk.
    static let lines = [
        Line("doct", "doctor"),
        Line("eval", "evaluate"),
        Line("probe k", "knn"),
        Line("probe ", "knn linear semi svm voc07-svm"),
        Line("help ev", "evaluate"),
        Line("help voc ", "check export-coco import stats"),
        Line("completions ", "bash fish zsh"),
        Line("evaluate --metric ", "07 area"),
        Line("evaluate --det", "--detections"),
        Line("evaluate --devkit kit --metr", "--metric"),
        Line("proposals import --for", "--format"),
        Line("proposals --mo", "--mode --model"),
        Line("pretrain --device c", "cpu cuda"),
        Line("pretrain --color ", "always auto never"),
        Line("pretrain --loss n", "nce"),
        Line("evaluate --limit ", ""),
    ]

    /// A function of bash that prints what is offered after a list of words, the last of which is begun.
    private static let bash = """
        source <("$1" completions bash)
        # Of readline; what it is asked for is kept.
        compopt() { asked=$2; }
        offer() {
            COMP_WORDS=(detect-cli "$@") COMP_CWORD=$#
            asked=
            _detect_cli
            echo "${COMPREPLY[*]}${asked:+/$asked}"
        }

        """

    private func inBash(_ script: String, _ arguments: [String]) throws -> String {
        let folder = try TemporaryFolder(["script": Self.bash + script])
        defer { withExtendedLifetime(folder) {} }
        let outcome = try run(
            ["\(folder.path)/script"] + arguments, shell: "s=$1; shift; exec bash -eu \"$s\" \"$0\" \"$@\"")
        try #require(outcome.exitCode == 0 && outcome.errors.isEmpty, "\(outcome.errors)")
        return outcome.output
    }

    @Test(arguments: lines)
    func bashOffersWhatIsDeclared(line: Line) throws {
        let output = try inBash("shift; offer \"$@\"", line.words)
        #expect(output.split(whereSeparator: \.isWhitespace).map(String.init).sorted() == line.offered)
    }

    @Test(arguments: [
        // Bash makes three words of --option=value.
        (["evaluate", "--metric", "=", ""], "07 area"),
        (["evaluate", "--metric", "=", "a"], "area"),
        (["evaluate", "--metric", "="], "07 area"),
        (["evaluate", "--metric=a"], "--metric=area"),
        (["evaluate", "--devkit", ""], "/dirnames"),
        (["evaluate", "--json", ""], "/default"),
        (["weights", "inspect", ""], "/default"),
        // An option is given once.
        (["doctor", "--data", "d", "--quiet", "--"], "--device --wait --peer-timeout --json --color --help"),
    ])
    func bashKnowsItsOwnWays(words: [String], offered: String) throws {
        #expect(try inBash("shift; offer \"$@\"", words) == offered + "\n")
    }

    @Test func bashOffersEveryCommandAndOption() throws {
        let names = commandTable.descriptions.map(\.name)
        let output = try inBash("shift; for name; do offer $name --; done; offer ''", names)
        let lines = output.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        let first = try #require(lines.last)
        #expect(Array(lines.dropLast()) == commandTable.descriptions.map(\.options))
        #expect(Set(first) == Set(names.map { String($0.split(separator: " ")[0]) } + ["help"]))
    }

    @Test(.enabled(if: isInstalled("zsh"), "zsh is not installed"))
    func zshReadsItsScript() throws {
        // What the functions of zsh's completion system are called with.
        let script = """
            _arguments() { print -rl -- "$@"; }
            _describe() { print -rl -- $names; }
            compdef() { print -r -- "compdef $1 $2"; }
            source <("$1" completions zsh)
            words=(detect-cli '') CURRENT=2; _detect-cli
            words=(detect-cli help probe '') CURRENT=4; _detect-cli
            words=(detect-cli evaluate '') CURRENT=3; _detect-cli
            words=(detect-cli proposals import '') CURRENT=4; _detect-cli
            """
        let folder = try TemporaryFolder(["script": script])
        defer { withExtendedLifetime(folder) {} }
        let outcome = try run(["\(folder.path)/script"], shell: "exec zsh -f \"$1\" \"$0\"")
        try #require(outcome.exitCode == 0 && outcome.errors.isEmpty, "\(outcome.errors)")
        let lines = outcome.output.split(separator: "\n").map(String.init)
        #expect(lines.first == "compdef _detect-cli detect-cli")
        #expect(lines.contains { $0.hasPrefix("doctor:checks libtorch") })
        #expect(lines.contains { $0.hasPrefix("voc07-svm:measures") })
        #expect(lines.contains { $0.hasPrefix("--metric=[11-point") && $0.hasSuffix("]:metric:(07 area)") })
        #expect(lines.contains { $0.hasPrefix("--devkit=[the folder") && $0.hasSuffix("]:devkit:_files -/") })
        #expect(lines.contains { $0.hasPrefix("--format=[MATLAB 5") && $0.hasSuffix("]:format:(mat text)") })
        #expect(lines.contains("--errors[print the kinds of errors of each class]"))
    }

    @Test(.enabled(if: isInstalled("fish"), "fish is not installed"), arguments: lines)
    func fishOffersWhatIsDeclared(line: Line) throws {
        let folder = try TemporaryFolder()
        defer { withExtendedLifetime(folder) {} }
        let outcome = try run(
            ["detect-cli \(line.words.joined(separator: " "))"],
            shell: """
                "$0" completions fish >script
                exec fish --no-config -c 'source script; complete -C "$argv[1]"' "$1"
                """, environment: ["HOME": folder.path], folder: folder.path)
        try #require(outcome.exitCode == 0 && outcome.errors.isEmpty, "\(outcome.errors)")
        // A word, a tab, what it means.
        let offered = outcome.output.split(separator: "\n").map { String($0.split(separator: "\t")[0]) }
        #expect(offered.sorted() == line.offered)
    }

    @Test(.enabled(if: isInstalled("groff"), "groff is not installed"))
    func theManualPageIsSetWithoutAWarning() throws {
        let outcome = try run([], shell: "\"$0\" manual | groff -K utf8 -T utf8 -man -ww -P -cbou")
        #expect(outcome.exitCode == 0 && outcome.errors.isEmpty, "\(outcome.errors)")
        for text in ["PROBE KNN", "--metric 07|area", "EXIT STATUS", "NO_COLOR"] {
            #expect(outcome.output.contains(text), "\(text)")
        }
    }
}

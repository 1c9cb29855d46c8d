import Foundation
import Support
import TestSupport
import Testing

/// The contract of the command line: help, suggestions, error lines and exit codes.
@Suite(.tags(.program), .tiered) struct ProgramTests {
    @Test(arguments: [[], ["--help"], ["-h"], ["help"], ["help", "help"], ["help", "--help"]])
    func theOverviewListsTheCommands(arguments: [String]) throws {
        let outcome = try run(arguments)
        #expect(outcome.exitCode == 0)
        #expect(outcome.output.contains("usage: detect-cli COMMAND [options]"))
        #expect(outcome.output.contains("\n  doctor "))
        #expect(outcome.errors.isEmpty)
    }

    @Test(arguments: [["doctor", "--help"], ["doctor", "-h"], ["doctor", "--bad", "--help"], ["help", "doctor"]])
    func aCommandExplainsItself(arguments: [String]) throws {
        let outcome = try run(arguments)
        #expect(outcome.exitCode == 0)
        #expect(outcome.output.contains("usage: detect-cli doctor"))
        #expect(outcome.output.contains("--json FILE"))
        #expect(outcome.output.contains("Example:\n  detect-cli doctor"))
    }

    @Test(arguments: [
        ["doctor"], ["voc", "check"], ["proposals"], ["finetune", "--recipe", "voc07-c4-moco"], ["voc"],
    ])
    func helpOfACommandIsTheCommandsHelp(words: [String]) throws {
        let outcome = try run(["help"] + words)
        #expect(outcome.exitCode == 0)
        #expect(try outcome.output == run(words + ["--help"]).output)
    }

    @Test(arguments: [
        (["doctor", "--bad", "--color", "always"], "\u{1b}[31merror:\u{1b}[0m --bad is not"),
        (["doctor", "--bad", "--color=never"], "error: --bad is not"),
        (["doctor", "--bad"], "error: --bad is not"),
    ])
    func coloursAreChosen(arguments: [String], beginning: String) throws {
        #expect(try run(arguments, environment: ["NO_COLOR": "1"]).errors.hasPrefix(beginning))
    }

    @Test(arguments: [("", "\u{1b}[31merror:\u{1b}[0m --bad is not"), ("1", "error: --bad is not")])
    func aTerminalHasColoursUnlessTheEnvironmentObjects(noColor: String, beginning: String) throws {
        let outcome = try run(
            ["doctor", "--bad"], shell: "exec script -qec \"$0 $*\" /dev/null",
            environment: ["NO_COLOR": noColor, "TERM": "xterm"])
        #expect(outcome.output.hasPrefix(beginning))
    }

    @Test func headingsAreBold() throws {
        for arguments in [["--help"], ["doctor", "--help"]] {
            let plain = try run(arguments).output
            let bold = try run(arguments + ["--color", "always"]).output
            #expect(bold.contains("\u{1b}[1musage:\u{1b}[0m detect-cli"))
            #expect(bold.replacing("\u{1b}[1m", with: "").replacing("\u{1b}[0m", with: "") == plain)
        }
    }

    @Test func quietLeavesResultsAndErrors() throws {
        try withTemporaryFolder { folder in
            let kit = "\(folder)/kit"
            _ = try succeed(["synthesize", "--out", kit, "--images", "4", "--width", "64", "--height", "64"])
            func propose(_ more: [String]) throws -> Outcome {
                try run(["proposals", "--devkit", kit, "--set", "test", "--out", "\(folder)/p\(more.count)"] + more)
            }
            let usual = try propose([])
            #expect(usual.errors.contains("images") && usual.output.contains("recall at IoU .5"))
            let quiet = try propose(["--quiet"])
            #expect(quiet.errors.isEmpty && quiet.output.contains("recall at IoU .5"))
            let failed = try run(["proposals", "--quiet", "--devkit", folder, "--set", "test", "--out", "p"])
            #expect(failed.exitCode == 1 && failed.errors.hasPrefix("error: "))
        }
    }

    @Test func theVersionIsPrinted() throws {
        let outcome = try run(["--version"])
        #expect(outcome.exitCode == 0)
        #expect(outcome.output.wholeMatch(of: /detect-cli \d+\.\d+\.\d+\n/) != nil)
    }

    @Test(arguments: [
        (["doctr"], "error: `doctr` is not a command; did you mean `doctor`?\n"),
        (["help", "doctr"], "error: `doctr` is not a command; did you mean `doctor`?\n"),
        (["help", "voc", "chek"], "error: `voc chek` is not a command; did you mean `voc check`?\n"),
        (["hepl", "doctor"], "error: `hepl` is not a command; did you mean `help`?\n"),
        (["completions", "tcsh"], "error: bash|zsh|fish cannot be \"tcsh\"; give one of bash, zsh, fish\n"),
        (["zzzzzz"], "error: `zzzzzz` is not a command; see `detect-cli --help`\n"),
        (["--jsn", "doctor"], "error: --jsn comes before the command; give the command first: detect-cli COMMAND\n"),
        (["doctor", "--jsno", "f"], "error: --jsno is not an option of `doctor`; did you mean --json?\n"),
        (["doctor", "--json"], "error: --json has no value; give --json FILE\n"),
        (["doctor", "--json", "a", "--json=b"], "error: --json is given twice; give it once\n"),
        (
            ["doctor", "extra"],
            "error: \"extra\" is one argument too many for `doctor`; see `detect-cli doctor --help`\n"
        ),
    ])
    func wrongUsageIsOneLineAndExitCode2(arguments: [String], line: String) throws {
        let outcome = try run(arguments)
        #expect(outcome.exitCode == 2)
        #expect(outcome.errors == line)
        #expect(outcome.output.isEmpty)
    }

    // Loading libtorch takes a third of a second, and OpenBLAS starts threads.
    @Test(arguments: [["--help"], ["--version"], ["help", "pretrain"], ["voc"], ["nonsense"]])
    func wordsNeedNoLibtorch(arguments: [String]) throws {
        let libraries = try librariesLoaded(arguments)
        #expect(libraries.contains("libpng16.so.16"))
        #expect(libraries.isDisjoint(with: computing))
    }

    @Test func aProgramWithoutItsLibraryNamesIt() throws {
        try withTemporaryFolder { folder in
            let outcome = try run(
                ["features", "--weights", "random", "--arch", "resnet18", "--data", folder, "--out", "\(folder)/f"],
                shell: "cp \"$0\" '\(folder)' && exec '\(folder)/detect-cli' \"$@\"")
            #expect(outcome.exitCode == 1)
            #expect(outcome.errors.hasPrefix("error: libtorch: libCTorch.so: cannot open shared object file"))
            #expect(outcome.errors.contains("it belongs beside the program"))
        }
    }

    /// In the layout of `make install`, called through a link.
    @Test func anInstalledProgramFindsItsWeightManifest() throws {
        try withTemporaryFolder { folder in
            let installed = "\(folder)/share/detect/weights"
            for path in [installed, "\(folder)/lib/detect", "\(folder)/bin", "\(folder)/here/weights"] {
                try Files.makeFolder(path)
            }
            let manifest = #"{"format": 1, "weights": []}"#
            try Files.writeAtomically(manifest, to: "\(installed)/manifest.json")
            try Files.writeAtomically(manifest, to: "\(folder)/here/weights/manifest.json")
            let listed = try run(
                ["weights", "list"],
                shell: """
                    cp "$0" lib/detect && ln -s ../lib/detect/detect-cli bin/detect-cli
                    bin/detect-cli "$@" && cd here && ../bin/detect-cli "$@"
                    """, folder: folder)
            #expect(
                listed.output == """
                    no weights are listed in \(installed)/manifest.json
                    no weights are listed in weights/manifest.json

                    """)
        }
    }

    @Test func aLostResultIsAFailure() throws {
        let outcome = try run(["--help"], shell: "exec \"$0\" \"$@\" >/dev/full")
        #expect(outcome.exitCode == 1)
        #expect(outcome.errors.hasPrefix("error: standard output: cannot be written"))
    }

    @Test func aReaderThatHasSeenEnoughIsNoFailure() throws {
        let outcome = try run(
            ["--help"], shell: "{ sleep 0.3; \"$0\" \"$@\"; echo \"code $?\" >&2; } | true")
        #expect(outcome.errors == "code 0\n")
    }

    @Test func aFileThatCannotBeWrittenWholeKeepsItsPredecessor() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/doctor.json"
            try Files.writeAtomically("previous", to: path)
            // A limit of 0 blocks on every file stands in for a full disk; output goes to a pipe, which has none.
            let outcome = try run(
                ["doctor", "--json", path], shell: "(ulimit -f 0; \"$0\" \"$@\" 2>&1; echo \"code $?\") | cat >&2")
            #expect(outcome.errors.contains("error: \(path): cannot be written (File too large)"))
            #expect(outcome.errors.hasSuffix("code 1\n"))
            #expect(try Files.readText(path) == "previous")
            #expect(try Files.list(folder) == ["doctor.json"])
        }
    }
}

@Suite(.tags(.program), .tiered) struct DoctorTests {
    /// Neither a crash nor an error: a machine without any font draws with letters that are built in.
    @Test func withoutFontsThereAreLettersAllTheSame() throws {
        try withTemporaryFolder { folder in
            try Files.writeAtomically("<fontconfig></fontconfig>", to: "\(folder)/none.conf")
            let nothing = "FONTCONFIG_FILE='\(folder)/none.conf' exec \"$0\" \"$@\""
            #expect(
                try run(["doctor"], shell: nothing).output.contains("none were found; pictures have built-in letters"))
            let kit = ["voc", "stats", "--devkit", "\(folder)/kit", "--set", "test", "--picture"]
            _ = try run(["synthesize", "--out", "\(folder)/kit", "--images", "10", "--width", "96", "--height", "96"])
            for ending in ["png", "pdf", "svg"] {
                let outcome = try run(kit + ["\(folder)/p.\(ending)"], shell: nothing)
                #expect(outcome.exitCode == 0, "\(outcome.errors)")
                #expect(try Files.read("\(folder)/p.\(ending)").count > 3000)
            }
        }
    }

    @Test func everythingIsListedForPeopleAndMachines() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/doctor.json"
            let outcome = try run(["doctor", "--json", path])
            let subjects = try #require(
                JSON.read(path)["findings"]?.arrayValue?.compactMap { $0["subject"]?.stringValue })
            #expect(
                subjects == [
                    "libtorch", "OpenBLAS", "libxml2", "TurboJPEG", "libpng", "zlib", "Pango", "fonts", "GPU", "data",
                    "processor", "memory", "disk", "processes",
                ])
            for subject in subjects { #expect(outcome.output.contains(subject)) }
        }
    }

    @Test func theLibrariesThatComputeAreLoaded() throws {
        #expect(try librariesLoaded(["doctor"]).isSuperset(of: computing))
    }

    @Test func aDataFolderThatIsNotThereIsMissing() throws {
        let outcome = try run(["doctor", "--data", "/nonexistent-folder"])
        #expect(outcome.exitCode == 1)
        #expect(outcome.output.contains("missing  data        /nonexistent-folder is not a folder"))
        #expect(outcome.errors.hasPrefix("error: doctor: missing: "))
    }
}

private let computing: Set = ["libtorch_cpu.so", "libopenblas.so.0"]

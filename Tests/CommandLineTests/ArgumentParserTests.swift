import Support
import TestSupport
import Testing
import Torch
import detect_cli

@Suite(.tags(.unit), .tiered) struct ArgumentParserTests {
    enum Loss: String, CaseIterable { case nce, softmax }

    /// One option of every kind.
    struct Sample {
        let parser = ArgumentParser(commandName: "sample")
        let data: Option<String>
        let batch: Option<Int>
        let rate: Option<Double?>
        let milestones: Option<[Int]>
        let loss: Option<Loss>
        let device: Option<Device>
        let dry: Option<Bool>
        let query: Option<String>
        let images: Option<[String]>

        init() {
            data = parser.required("data", "DIR", "the images")
            batch = parser.option("batch", "N", "images a step", default: 256, .atLeast(1))
            rate = parser.optional("lr", "X", "learning rate", shown: "the recipe's", .above(0))
            milestones = parser.option("milestones", "N,N", "epochs of decay", default: [120, 160])
            loss = parser.choice("loss", "the objective's loss", default: .nce)
            device = parser.option("device", "cpu|cuda[:N]", "where", default: .cpu)
            dry = parser.flag("dry-run", "change nothing")
            query = parser.positional("QUERY", "the image to look for")
            images = parser.positionals("IMG", "images to search", minimum: 0)
        }
    }

    @Test func defaultsHoldUntilSomethingIsGiven() throws {
        let sample = Sample()
        try sample.parser.parse(["--data", "d", "q"])
        #expect(sample.data.value == "d")
        #expect(sample.batch.value == 256 && !sample.batch.isGiven)
        #expect(sample.batch.value(or: 128) == 128)
        #expect(sample.rate.value == nil && sample.rate.value(or: 0.03) == 0.03)
        #expect(sample.milestones.value == [120, 160])
        #expect(sample.loss.value == .nce && sample.device.value == .cpu && !sample.dry.value)
        #expect(sample.query.value == "q" && sample.images.value == [])
    }

    @Test func everythingCanBeGivenInBothForms() throws {
        let sample = Sample()
        try sample.parser.parse([
            "q", "--data=a=b", "--batch", "128", "--lr=1e-3", "--milestones", "1,2,3", "--loss=softmax", "--device",
            "cuda:1", "--dry-run", "x", "--", "--y",
        ])
        #expect(sample.data.value == "a=b")
        #expect(sample.batch.value == 128 && sample.batch.isGiven && sample.batch.value(or: 1) == 128)
        #expect(sample.rate.value == 1e-3 && sample.rate.value(or: 0.03) == 1e-3)
        #expect(sample.milestones.value == [1, 2, 3])
        #expect(sample.loss.value == .softmax && sample.device.value == .cuda(1) && sample.dry.value)
        #expect(sample.query.value == "q" && sample.images.value == ["x", "--y"])
    }

    @Test func negativeNumbersAndASingleDashAreArguments() throws {
        let parser = ArgumentParser(commandName: "sample")
        let offset = parser.option("offset", "N", "an offset", default: 0)
        let rest = parser.positionals("N", "numbers")
        try parser.parse(["--offset", "-3", "-1.5", "-"])
        #expect(offset.value == -3)
        #expect(rest.value == ["-1.5", "-"])
    }

    struct Mistake: Sendable, CustomTestStringConvertible {
        var arguments: [String]
        var message: String
        var testDescription: String { arguments.joined(separator: " ") }
        init(_ arguments: String, _ message: String) {
            self.arguments = arguments.split(separator: " ").map(String.init)
            self.message = message
        }
    }

    @Test(arguments: [
        Mistake("q", "--data is missing; give --data DIR, the images"),
        Mistake("--data d", "QUERY is missing; give QUERY, the image to look for"),
        Mistake("--data= q", "--data cannot be \"\"; give a text that is not empty"),
        Mistake("--data --batch 3 q", "--data has no value; give --data DIR"),
        Mistake("--data d --batch", "--batch has no value; give --batch N"),
        Mistake("--data d --batch 0 q", "--batch cannot be \"0\"; give a whole number of at least 1"),
        Mistake("--data d --batch 1.5 q", "--batch cannot be \"1.5\"; give a whole number of at least 1"),
        Mistake("--data d --lr 0 q", "--lr cannot be \"0\"; give a number above 0"),
        Mistake("--data d --lr nan q", "--lr cannot be \"nan\"; give a number above 0"),
        Mistake("--data d --lr 1e999 q", "--lr cannot be \"1e999\"; give a number above 0"),
        Mistake(
            "--data d --milestones 1,,2 q",
            "--milestones cannot be \"1,,2\"; give a list with commas, each part a whole number"),
        Mistake(
            "--data d --loss sofmax q", "--loss cannot be \"sofmax\"; did you mean softmax? It is one of nce, softmax"),
        Mistake("--data d --loss hinge q", "--loss cannot be \"hinge\"; give one of nce, softmax"),
        Mistake("--data d --device gpu q", "--device cannot be \"gpu\"; give cpu, cuda or cuda:N"),
        Mistake("--data d --device cuda:-1 q", "--device cannot be \"cuda:-1\"; give cpu, cuda or cuda:N"),
        Mistake("--data d --dry-run=yes q", "--dry-run takes no value; give --dry-run alone"),
        Mistake("--data d --data e q", "--data is given twice; give it once"),
        Mistake("--data d --bacth 3 q", "--bacth is not an option of `sample`; did you mean --batch?"),
        Mistake("--data d -batch 3 q", "-batch is not an option of `sample`; did you mean --batch?"),
        Mistake("--data d --mile 3 q", "--mile is not an option of `sample`; did you mean --milestones?"),
        Mistake("--data d --frobnicate q", "--frobnicate is not an option of `sample`; see `detect-cli sample --help`"),
    ])
    func mistakesAreExplained(_ mistake: Mistake) {
        let error = #expect(throws: UsageError.self) { try Sample().parser.parse(mistake.arguments) }
        #expect(error?.description == mistake.message)
    }

    @Test func helpComesFromTheDeclarations() {
        let help = Sample().parser.help(summary: "shows everything", example: "detect-cli sample --data d q")
        #expect(
            help == """
                sample: shows everything

                usage: detect-cli sample --data DIR [options] QUERY [IMG…]

                Arguments:
                  QUERY  the image to look for
                  IMG    images to search

                Options:
                  --data DIR             the images (required)
                  --batch N              images a step (default: 256)
                  --lr X                 learning rate (default: the recipe's)
                  --milestones N,N       epochs of decay (default: 120,160)
                  --loss nce|softmax     the objective's loss (default: nce)
                  --device cpu|cuda[:N]  where (default: cpu)
                  --dry-run              change nothing

                Example:
                  detect-cli sample --data d q
                """)
    }

    @Test func sharedOptionsStandUnderTheirHeadings() throws {
        let parser = ArgumentParser(commandName: "sample")
        let compute = ComputeOptions(parser)
        let loading = LoadingOptions(parser)
        let run = RunOptions(parser)
        let help = parser.help(summary: "s", example: "e")
        for heading in ["Compute:", "Data:", "Run:"] { #expect(help.contains("\n\(heading)\n")) }
        #expect(help.split(separator: "\n").allSatisfy { $0.count <= 80 })
        try parser.parse(["--run", "r", "--precision", "bf16", "--limit", "5", "--seed", "18446744073709551615"])
        #expect(compute.precision.value == .bf16 && compute.threads.value >= 1)
        #expect(loading.limit.value == 5 && loading.workers.value >= 1)
        #expect(run.folder.value == "r" && !run.resume.value && run.seed.value == .max)
    }
}

@Suite(.tags(.unit), .tiered) struct SuggestionTests {
    @Test(arguments: [
        ("", "", 0), ("abc", "abc", 0), ("abc", "", 3), ("kitten", "sitting", 3), ("batch", "bacth", 1),
        ("Lr", "lR", 0), ("ca", "abc", 3),
    ])
    func editDistances(first: String, second: String, distance: Int) {
        #expect(editDistance(first, second) == distance)
        #expect(editDistance(second, first) == distance)
    }

    @Test func onlyCloseWordsAreSuggested() {
        let words = ["evaluate", "detect", "doctor", "demo"]
        #expect(nearest("evalute", in: words) == "evaluate")
        #expect(nearest("eval", in: words) == "evaluate")
        #expect(nearest("train", in: words) == nil)
        #expect(nearest("x", in: []) == nil)
    }
}

@Suite(.tags(.unit), .tiered) struct CommandTableTests {
    struct Echo: Command {
        static let name = "probe knn"
        static let summary = "echoes"
        static let example = "detect-cli probe knn"
        init(_ parser: ArgumentParser) {}
        func run() throws { throw UsageError("knn ran", remedy: "") }
    }
    struct Other: Command {
        static let name = "probe svm"
        static let summary = "does nothing"
        static let example = "detect-cli probe svm"
        init(_ parser: ArgumentParser) {}
        func run() throws {}
    }

    private func message(_ arguments: String...) -> (error: String?, printed: String) {
        let table = CommandTable([CommandGroup("Probes", [Echo.self, Other.self])], version: "1.2.3")
        var printed = ""
        do {
            try table.run(arguments) { printed += $0 }
            return (nil, printed)
        } catch {
            return ((error as? UsageError)?.problem, printed)
        }
    }

    @Test func commandsOfTwoWords() {
        #expect(message("probe", "knn").error == "knn ran")
        #expect(message("probe", "svm") == (nil, ""))
        #expect(message("probe", "knm").error == "`probe knm` is not a command")
        #expect(message("probe").printed.contains("probe knn  echoes"))
        #expect(message("probe", "--help").printed.contains("probe svm  does nothing"))
        #expect(message("probe", "knn", "--help").printed.hasPrefix("probe knn: echoes"))
        #expect(message("--version").printed == "detect-cli 1.2.3")
    }
}

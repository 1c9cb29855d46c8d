import Foundation
import Imaging
import Support
import TestSupport
import Testing
import Torch
import detect_cli

/// Whatever the command line accepts works or is refused in one line: some thousand combinations of values, drawn from the
/// tables of options of all commands, up to the first step of the work, and some to their end on a few small images.
@Suite(.tags(.program), .tiered, .serialized) struct OptionDrawTests {
    /// In a process of its own, which a trap would end; what was being run stands in a file.
    @Test(arguments: [OptionDraws.Extent.beginning, .end]) func noCombinationTraps(extent: OptionDraws.Extent)
        async throws
    {
        let folder = try TemporaryFolder()
        try Material.write(folder)
        let path = folder.path
        await #expect(processExitsWith: .success) { [path = path as String, name = extent.rawValue as String] in
            _ = FileManager.default.changeCurrentDirectoryPath(path)
            let extent = OptionDraws.Extent(rawValue: name)!
            let runner = try DrawRunner(folder: path)
            for arguments in Material.made { try runner.run(arguments, mustWork: true) }
            runner.interrupts = extent == .beginning
            var draws = OptionDraws(seed: 1, extent)
            let end = Date(timeIntervalSinceNow: 7)
            var count = 0
            while count < 2000, Date() < end {
                try runner.run(draws.next())
                count += 1
            }
            try Files.writeAtomically("\(count) combinations", to: "\(path)/last")
        }
        let last = try Files.readText("\(path)/last")
        let count = try #require(Int(last.prefix { $0.isNumber }), "\(last)")
        // Hundreds, but on a busy machine.
        #expect(count > 0)
    }

    /// All are parsed, or refused in one line; there are options of all commands among them.
    @Test func allCombinationsAreParsedOrRefused() throws {
        var draws = OptionDraws(seed: 3, .beginning)
        var commands: Set<String> = []
        var options: Set<String> = []
        var parsed = 0
        for _ in 0..<3000 {
            let arguments = draws.next()
            commands.insert(arguments[0])
            options.formUnion(arguments.filter { $0.hasPrefix("--") })
            do {
                try commandTable.parse(arguments)
                parsed += 1
            } catch {
                let text = "\(error)"
                #expect(!text.contains("\n"), "\(arguments): \(text)")
            }
        }
        #expect(parsed > 300 && parsed < 2700, "\(parsed)")
        #expect(commands.count >= 16 && options.count >= 120, "\(commands.count) commands, \(options.count) options")
    }
}

/// Runs commands in this process as the program does, and ends it with the reason where one does what none may do.
private final class DrawRunner {
    /// Whether a command stops at the first place where it looks.
    var interrupts = false
    private let folder: String
    private let output: Int32

    /// Catches what is printed; nobody reads what is said on standard error.
    init(folder: String) throws {
        self.folder = folder
        output = open("\(folder)/printed", O_RDWR | O_CREAT | O_TRUNC, 0o644)
        _ = dup2(output, 1)
        _ = dup2(open("/dev/null", O_WRONLY), 2)
    }

    func run(_ arguments: [String], mustWork: Bool = false) throws {
        let line = arguments.joined(separator: " ")
        try Files.writeAtomically("trapped: \(line)", to: "\(folder)/last")
        Interruption.stopWatching()
        Interruption.watch()
        if interrupts { raise(SIGINT) }
        // A value may make much of little work.
        let limit = DispatchWorkItem { kill(getpid(), SIGINT) }
        if !interrupts, !mustWork { DispatchQueue.global().asyncAfter(deadline: .now() + 1, execute: limit) }
        alarm(60)
        do {
            try commandTable.run(arguments) { print($0) }
        } catch {
            let text = "\(error)"
            if mustWork { end("\(text): \(line)") }
            if text.isEmpty || text.contains(where: \.isNewline) || text.utf8.count > 2000 {
                end("an error that is not one line (\(text)): \(line)")
            }
            // The last is what is said where there is no such device.
            if !(error is InputError || error is UsageError || error is InterruptedError || error is TorchError) {
                end("an error of another kind (\(text)): \(line)")
            }
        }
        limit.cancel()
        fflush(nil)
        let printed = try Files.readText("\(folder)/printed")
        if let word = printed.firstMatch(of: #/(?i)\b(nan|inf|infinity)\b|Optional\(/#) {
            end("printed \(word.0): \(line)")
        }
        ftruncate(output, 0)
        lseek(output, 0, SEEK_SET)
    }

    private func end(_ reason: String) -> Never {
        try? Files.writeAtomically(reason, to: "\(folder)/last")
        _exit(1)
    }
}

/// Small inputs of every kind.
private enum Material {
    /// What commands make of them for others.
    static let made: [[String]] = [
        [
            "finetune", "--devkit", "kit", "--arch", "resnet20", "--scale", "32", "--iterations", "1", "--rois", "4",
            "--max-proposals", "10", "--pictures", "0", "--run", "model",
        ],
        [
            "pretrain", "--data", "images", "--arch", "resnet20", "--image-size", "16", "--batch", "2", "--epochs",
            "1", "--knn-every", "0", "--run", "pretrained",
        ],
        [
            "features", "--data", "images", "--weights", "pretrained/weights.safetensors", "--out",
            "features.safetensors",
        ],
        [
            "proposals", "--devkit", "kit", "--set", "test", "--max", "10", "--out", "test.proposals",
        ],
    ]

    static func write(_ folder: TemporaryFolder) throws {
        var random = RandomStream(5)
        func picture(_ width: Int, _ height: Int) -> Image {
            Image(
                size: ImageSize(width: width, height: height),
                pixels: (0..<width * height * 3).map { _ in UInt8(random.integer(below: 256)) })
        }
        func write(_ name: String, _ width: Int, _ height: Int) throws {
            let image = picture(width, height)
            try folder.write(name.hasSuffix("png") ? image.encodedPNG() : image.encodedJPEG(), name)
        }
        for (name, width, height) in [
            ("images/a/1.png", 32, 32), ("images/a/2.jpg", 40, 20), ("images/b/3.jpg", 1, 40),
            ("images/b/4.png", 1, 1), ("images/b/5.jpg", 33, 64), ("bilder ä/ß/é 1.jpg", 20, 20),
            ("bilder ä/字/1.png", 20, 30), ("class/a/1.png", 24, 24), ("class/a/2.png", 24, 24), ("one/1.jpg", 30, 20),
        ] { try write(name, width, height) }
        try folder.write(Data("images/a/1.png 0\nimages/gone.png 0\nimages/b/5.jpg 1\n".utf8), "list.txt")
        for kit in ["kit", "ein Satz é"] {
            for (id, width, height) in [("x", 60, 40), ("ÿ y", 5, 90)] {
                try write("\(kit)/VOC2007/JPEGImages/\(id).jpg", width, height)
                try folder.write(annotation(width, height), "\(kit)/VOC2007/Annotations/\(id).xml")
            }
            for set in ["trainval", "test"] {
                try folder.write(Data("x\nÿ y\n".utf8), "\(kit)/VOC2007/ImageSets/Main/\(set).txt")
                try folder.write(Data("x 1\nÿ y -1\n".utf8), "\(kit)/VOC2007/ImageSets/Main/cat_\(set).txt")
            }
        }
        try write("beside/1.png", 30, 30)
        try folder.write(annotation(30, 30), "beside/1.xml")
        try folder.write(Data("x 0.9 1 2 4 30\n".utf8), "found/comp4_det_test_cat.txt")
        try folder.write(Data("cat\n".utf8), "classes.txt")
    }

    private static func annotation(_ width: Int, _ height: Int) -> Data {
        let box = "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>4</xmax><ymax>30</ymax></bndbox>"
        return Data(
            ("<annotation><size><width>\(width)</width><height>\(height)</height><depth>3</depth></size><object>"
                + "<name>cat</name><difficult>0</difficult>\(box)</object></annotation>").utf8)
    }
}

/// Draws command lines: what a command needs, and a few of its options with values that suit them, or hardly do.
struct OptionDraws {
    /// How far commands are to run.
    enum Extent: String, Codable, Sendable {
        /// Up to the first place where a command asks whether to stop, with any values.
        case beginning
        /// To the end, with values that make little work or are refused.
        case end
    }

    private var random: RandomStream
    private var number = 0
    private let extent: Extent

    /// What makes a command run, beside the options that are drawn. RUN is a new name; DATA, KIT and METHOD are one of
    /// several.
    private static let commands: [(name: String, needs: [String])] = [
        ("pretrain", small(["--data", "DATA", "--batch", "2", "--epochs", "1", "--run", "RUN"])),
        (
            "pretrain",
            small(["--data", "images", "--method", "METHOD", "--batch", "2", "--epochs", "1", "--run", "RUN"])
        ),
        ("pretrain", small(["--data", "DATA", "--method", "METHOD", "--batch", "4", "--epochs", "1", "--run", "RUN"])),
        ("pretrain", ["--data", "images", "--arch", "alexnet", "--epochs", "1", "--run", "RUN"]),
        ("probe knn", small(["--train", "DATA", "--weights", "random"])),
        ("probe knn", ["--train-features", "features.safetensors", "--test-features", "features.safetensors"]),
        ("probe svm", small(["--train", "images", "--test", "DATA", "--weights", "random"])),
        ("probe svm", ["--train-features", "features.safetensors", "--test-features", "features.safetensors"]),
        (
            "probe linear",
            small([
                "--train", "images", "--test", "DATA", "--weights", "random", "--batch", "2", "--epochs", "1", "--run",
                "RUN",
            ])
        ),
        (
            "probe semi",
            [
                "--train", "images", "--test", "images", "--weights", "pretrained/weights.safetensors", "--fractions",
                "1", "--seeds", "1", "--epochs", "1", "--batch", "2", "--run", "RUN",
            ]
        ),
        ("probe voc07-svm", small(["--devkit", "KIT", "--weights", "random", "--c", "1"])),
        ("features", small(["--data", "DATA", "--weights", "random", "--out", "RUN.safetensors"])),
        (
            "retrieve",
            small(["--data", "images", "--query", "DATA", "--weights", "random", "--out", "RUN.png"])
        ),
        ("proposals", ["--devkit", "KIT", "--set", "test", "--max", "5", "--out", "RUN.proposals"]),
        (
            "proposals import",
            [
                "--format", "text", "--order", "x1y1x2y2", "--base", "1", "--devkit", "KIT", "--set", "test", "--in",
                "found/comp4_det_test_cat.txt", "--out", "RUN.proposals",
            ]
        ),
        ("finetune", detector(["--max-proposals", "10", "--run", "RUN"])),
        ("finetune", detector(["--head", "faster", "--run", "RUN"])),
        ("detect", ["--model", "model", "--out", "RUN", "images"]),
        ("detect", ["--model", "model", "--devkit", "KIT", "--set", "test", "--out", "RUN"]),
        ("evaluate", ["--devkit", "KIT", "--detections", "found"]), ("compare", ["model"]), ("compare", ["images"]),
        ("voc check", ["--devkit", "KIT"]), ("voc stats", ["--devkit", "KIT", "--set", "test"]),
        ("voc export-coco", ["--devkit", "KIT", "--set", "test", "--out", "RUN.json"]),
        ("voc import", ["--from", "KIT", "--out", "RUN"]), ("weights list", []), ("weights verify", []),
        ("weights inspect", ["pretrained/weights.safetensors"]), ("weights inspect", ["classes.txt"]),
        ("weights export", ["pretrained/weights.safetensors", "--out", "RUN.safetensors"]),
        ("weights import", ["pretrained/weights.safetensors", "--out", "RUN.safetensors"]),
        ("weights import", ["classes.txt", "--out", "RUN.safetensors"]), ("doctor", []),
        ("synthesize", ["--out", "RUN", "--images", "2", "--width", "48", "--height", "48"]),
        ("demo", ["--out", "RUN", "--size", "tiny"]), ("completions", ["bash"]), ("manual", []),
    ]

    private static func small(_ arguments: [String]) -> [String] {
        arguments + ["--arch", "resnet20", "--image-size", "16"]
    }

    private static func detector(_ arguments: [String]) -> [String] {
        arguments + ["--devkit", "KIT", "--arch", "resnet20", "--scale", "32", "--rois", "4", "--iterations", "1"]
    }

    private static let data = ["images", "images", "images", "bilder ä", "class", "one", "list.txt", "kit"]
    private static let kits = ["kit", "kit", "ein Satz é", "beside"]

    private static let numbers = [
        "0", "1", "2", "3", "7", "-1", "0.5", "0.01", "1e-9", "1e30", "1e308", "1e-320", "4096", "65536",
        "1000000000000",
        "9223372036854775807", "18446744073709551615", "nan", "inf", "1,2", "1,1", "1e30,2", "0.5,0.5", "x", "",
    ]
    private static let texts = [
        "x", "classes.txt", "images", "kit", "conv1", "layer1,layer1", "cat,cat", "trainval", "none", "",
    ]
    /// Where anything larger would only take long, or where a number is a path's.
    private static let own: [String: [String]] = [
        "image-size": ["8", "16", "31", "32", "63", "64", "7", "4097"], "scale": ["32", "33", "31", "64"],
        "max-side": ["32", "64", "31"], "threads": ["1", "2", "0"], "workers": ["1", "2", "0"], "dim": ["1", "8", "0"],
        "negatives": ["1", "5", "0"], "device": ["cpu", "cuda", "cuda:7", "gpu"], "mode": ["fast", "slow"],
        "feature-batch": ["1", "2", "7"], "layer": ["conv1", "layer1", "avgpool", "embedding", "fc"],
        "layers": ["conv1", "conv1,conv1", "layer1,layer2", "x"], "weights": ["random", "classes.txt"],
        "arch": ["resnet20", "resnet20", "alexnet", "resnet51"], "samples": ["1", "2"], "max-proposals": ["1", "20"],
        "sweep": ["lr=1,2", "images=2,3", "image-size=8,16", "warmup=1e30", "epochs=1", "x"],
        "rois": ["4", "8", "3"], "max-iterations": ["1", "100"], "picture-boxes": ["1", "30"],
    ]

    /// Where a number decides how much work there is.
    private static let little: [String: [String]] = [
        "epochs": ["1", "2", "0", "-1", "nan"], "iterations": ["1", "3", "0"], "batch": ["1", "3", "64", "0"],
        "images": ["1", "3", "0"], "images-per-step": ["1", "3", "0"], "width": ["48", "65", "47"],
        "height": ["48", "65", "47"], "seeds": ["1", "2", "0"], "samples": ["1", "2"], "objects": ["1", "4"],
        "max-iterations": ["1", "50"], "queue": ["2", "64", "0"], "keys": ["2", "64", "0"], "arch": ["resnet20", "x"],
        "image-size": ["8", "16", "33", "7"], "z-batches": ["1", "3", "0"], "knn-every": ["0", "1"],
        "sweep": ["lr=0.1,0.2", "images=2,3", "x"], "shots": ["1", "1,1", "9223372036854775807"],
        "mode": ["fast", "slow"], "anchor-scales": ["8", "1,2", "0"], "roi-size": ["1", "7", "0"],
        "pictures": ["0", "1", "100000"], "c": ["1", "0.01,100", "1e30"], "k": ["1", "2,5", "1000000000000", "0"],
        "hidden": ["4", "16", "0"], "classes": ["cat", "cat,cat", "classes.txt", "dog"],
    ]

    init(seed: UInt64, _ extent: Extent) {
        random = RandomStream(seed)
        self.extent = extent
    }

    private mutating func pick<Value>(_ values: [Value]) -> Value { values[random.integer(below: values.count)] }

    mutating func next() -> [String] {
        number += 1
        var (name, needs) = pick(Self.commands)
        // All of a demo takes minutes, and a doctor looks at the whole machine.
        while extent == .end, name == "demo" || name == "doctor" { (name, needs) = pick(Self.commands) }
        var arguments = name.split(separator: " ").map(String.init)
        let parser = ArgumentParser(commandName: name)
        let rows = commandTable.options(of: name, parser)
        let methods = rows.first { $0.name == "method" }?.metavar.split(separator: "|").map(String.init) ?? []
        for argument in needs {
            switch argument {
            case "DATA": arguments.append(pick(Self.data))
            case "KIT": arguments.append(pick(Self.kits))
            case "METHOD": arguments.append(pick(methods))
            default: arguments.append(argument.replacing("RUN", with: "run-\(number)"))
            }
        }
        for _ in 0...random.integer(below: 4) where !rows.isEmpty {
            let (option, metavar) = pick(rows)
            // Two given by the command itself may be replaced, and most of all are worth a try once more.
            if let index = arguments.firstIndex(of: "--\(option)") {
                if metavar.isEmpty
                    || ["data", "run", "out", "train", "test", "devkit", "model", "from"].contains(option)
                {
                    continue
                }
                arguments.removeSubrange(index...index + 1)
            }
            arguments.append("--\(option)")
            if !metavar.isEmpty { arguments.append(value(option, metavar)) }
        }
        return arguments
    }

    private mutating func value(_ option: String, _ metavar: String) -> String {
        if extent == .end, let little = Self.little[option] { return pick(little) }
        if let own = Self.own[option] { return pick(own) }
        if metavar.contains("|") { return pick(metavar.split(separator: "|").map(String.init) + ["x"]) }
        switch metavar {
        case "FILE", "DIR", "PATH", "RUN", "NAME", "NAME,NAME": return pick(Self.texts)
        default: return pick(Self.numbers)
        }
    }
}

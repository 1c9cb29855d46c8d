import Foundation
import Imaging
import Support
import TestSupport
import Testing
import detect_cli

/// Whatever the command line accepts works or is refused in one line: some thousand combinations of values, drawn from the
/// tables of options of all commands, up to the first step of the work.
@Suite(.tags(.program), .tiered) struct OptionDrawTests {
    /// In a process of its own, which a trap would end; what was being run stands in a file.
    @Test(arguments: [1, 2]) func noCombinationTraps(seed: Int) async throws {
        let folder = try TemporaryFolder()
        try Material.write(folder)
        let path = folder.path
        await #expect(processExitsWith: .success) { [path = path as String, seed = seed as Int] in
            // A run stops at the first place where it looks; nothing of what commands print is of interest.
            let nowhere = open("/dev/null", O_WRONLY)
            _ = dup2(nowhere, 1)
            _ = dup2(nowhere, 2)
            _ = FileManager.default.changeCurrentDirectoryPath(path)
            Interruption.watch()
            raise(SIGINT)
            var draws = OptionDraws(seed: UInt64(seed), folder: path)
            let end = Date(timeIntervalSinceNow: 8)
            var count = 0
            while count < 2000, Date() < end {
                let arguments = draws.next()
                try Files.writeAtomically(arguments.joined(separator: " "), to: "\(path)/last")
                count += 1
                do {
                    try commandTable.run(arguments) { _ in }
                } catch {
                    let text = "\(error)"
                    precondition(!text.contains("\n") && text.count < 2000, "an error of several lines: \(text)")
                }
            }
            try Files.writeAtomically("\(count) combinations", to: "\(path)/last")
        }
        let last = try Files.readText("\(path)/last")
        let count = try #require(Int(last.prefix { $0.isNumber }), "trapped: \(last)")
        // Hundreds, but on a busy machine.
        #expect(count > 0)
    }

    /// All are parsed, or refused in one line; there are options of all commands among them.
    @Test func allCombinationsAreParsedOrRefused() throws {
        let folder = try TemporaryFolder()
        var draws = OptionDraws(seed: 3, folder: folder.path)
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
        #expect(commands.count >= 9 && options.count >= 120, "\(commands.count) commands, \(options.count) options")
    }
}

/// Small inputs of every kind.
private enum Material {
    static func write(_ folder: TemporaryFolder) throws {
        var random = RandomStream(5)
        func picture(_ width: Int, _ height: Int) -> Image {
            Image(
                size: ImageSize(width: width, height: height),
                pixels: (0..<width * height * 3).map { _ in UInt8(random.integer(below: 256)) })
        }
        for (name, width, height) in [
            ("images/a/1.png", 32, 32), ("images/a/2.jpg", 40, 20), ("images/b/3.jpg", 1, 40),
            ("images/b/4.png", 1, 1),
            ("images/b/5.jpg", 33, 64),
        ] {
            let image = picture(width, height)
            try folder.write(name.hasSuffix("png") ? image.encodedPNG() : image.encodedJPEG(), name)
        }
        for (id, width, height) in [("x", 60, 40), ("y", 5, 90)] {
            try folder.write(try picture(width, height).encodedJPEG(), "kit/VOC2007/JPEGImages/\(id).jpg")
            let box = "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>4</xmax><ymax>30</ymax></bndbox>"
            try folder.write(
                Data(
                    ("<annotation><size><width>\(width)</width><height>\(height)</height><depth>3</depth></size><object>"
                        + "<name>cat</name><difficult>0</difficult>\(box)</object></annotation>").utf8),
                "kit/VOC2007/Annotations/\(id).xml")
        }
        for set in ["trainval", "test"] {
            try folder.write(Data("x\ny\n".utf8), "kit/VOC2007/ImageSets/Main/\(set).txt")
        }
        for set in ["trainval", "test"] {
            try folder.write(Data("x 1\ny -1\n".utf8), "kit/VOC2007/ImageSets/Main/cat_\(set).txt")
        }
        try folder.write(Data("x 0.9 1 2 4 30\n".utf8), "found/comp4_det_test_cat.txt")
        try folder.write(Data("cat\n".utf8), "classes.txt")
    }
}

/// Draws command lines: what a command needs, and a few of its options with values that suit them, or hardly do.
struct OptionDraws {
    private var random: RandomStream
    private var number = 0

    /// What makes a command run, beside the options that are drawn.
    private static let commands: [(name: String, needs: [String])] = [
        ("pretrain", ["--data", "images", "--arch", "resnet20", "--image-size", "16", "--batch", "2", "--run", "RUN"]),
        ("pretrain", ["--data", "images", "--arch", "alexnet", "--run", "RUN"]),
        ("probe knn", ["--train", "images", "--weights", "random", "--arch", "resnet20", "--image-size", "16"]),
        (
            "probe svm",
            [
                "--train", "images", "--test", "images", "--weights", "random", "--arch", "resnet20", "--image-size",
                "16",
            ]
        ),
        (
            "probe linear",
            [
                "--train", "images", "--test", "images", "--weights", "random", "--arch", "resnet20", "--image-size",
                "16", "--batch", "2", "--run", "RUN",
            ]
        ),
        ("probe semi", ["--train", "images", "--test", "images", "--weights", "none.safetensors", "--run", "RUN"]),
        ("probe voc07-svm", ["--devkit", "kit", "--weights", "random", "--arch", "resnet20", "--image-size", "16"]),
        (
            "features",
            [
                "--data", "images", "--weights", "random", "--arch", "resnet20", "--image-size", "16", "--out",
                "RUN.safetensors",
            ]
        ),
        (
            "retrieve",
            [
                "--data", "images", "--query", "images", "--weights", "random", "--arch", "resnet20", "--image-size",
                "16",
                "--out", "RUN.png",
            ]
        ),
        ("proposals", ["--devkit", "kit", "--set", "test", "--out", "RUN.proposals"]),
        (
            "proposals import",
            [
                "--format", "text", "--order", "x1y1x2y2", "--base", "1", "--devkit", "kit", "--set", "test", "--in",
                "found/comp4_det_test_cat.txt", "--out", "RUN.proposals",
            ]
        ),
        ("finetune", ["--devkit", "kit", "--arch", "resnet20", "--scale", "32", "--run", "RUN"]),
        (
            "finetune",
            [
                "--devkit", "kit", "--arch", "resnet20", "--scale", "32", "--head", "faster", "--rois", "8", "--run",
                "RUN",
            ]
        ),
        ("detect", ["--model", "none", "--out", "RUN", "images"]),
        ("evaluate", ["--devkit", "kit", "--detections", "found"]), ("compare", ["images"]),
        ("voc check", ["--devkit", "kit"]), ("voc stats", ["--devkit", "kit", "--set", "test"]),
        ("voc export-coco", ["--devkit", "kit", "--out", "RUN.json"]), ("weights list", []),
        ("weights inspect", ["classes.txt"]), ("weights export", ["classes.txt", "--out", "RUN.safetensors"]),
        ("weights import", ["classes.txt", "--out", "RUN.safetensors"]), ("doctor", []),
    ]

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

    init(seed: UInt64, folder: String) { random = RandomStream(seed) }

    private mutating func pick<Value>(_ values: [Value]) -> Value { values[random.integer(below: values.count)] }

    mutating func next() -> [String] {
        number += 1
        let (name, needs) = pick(Self.commands)
        var arguments = name.split(separator: " ").map(String.init)
        let parser = ArgumentParser(commandName: name)
        let rows = commandTable.options(of: name, parser)
        for argument in needs { arguments.append(argument.replacing("RUN", with: "run-\(number)")) }
        for _ in 0...random.integer(below: 4) where !rows.isEmpty {
            let (option, metavar) = pick(rows)
            // Two given by the command itself may be replaced, and most of all are worth a try once more.
            if let index = arguments.firstIndex(of: "--\(option)") {
                if metavar.isEmpty || ["data", "run", "out", "train", "test", "devkit", "model"].contains(option) {
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
        if let own = Self.own[option] { return pick(own) }
        if metavar.contains("|") { return pick(metavar.split(separator: "|").map(String.init) + ["x"]) }
        switch metavar {
        case "FILE", "DIR", "PATH", "RUN", "NAME", "NAME,NAME": return pick(Self.texts)
        default: return pick(Self.numbers)
        }
    }
}

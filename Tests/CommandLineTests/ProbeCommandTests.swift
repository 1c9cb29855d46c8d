import Foundation
import Support
import TestSupport
import Testing
import Torch

/// The probes by neighbours and by support vector machines, from files and from images.
@Suite(.tags(.program), .tiered, .serialized) struct ProbeCommandTests {
    private func fail(_ arguments: [String], _ exitCode: Int32, _ parts: String...) throws {
        let outcome = try run(arguments)
        #expect(outcome.exitCode == exitCode, "\(outcome.errors)")
        let lines = outcome.errors.split(separator: "\n").filter { $0.hasPrefix("error: ") }
        #expect(lines.count == 1, "\(outcome.errors)")
        for part in parts { #expect(lines.first?.contains(part) == true, "\(part) in \(outcome.errors)") }
    }

    /// Rows near the corner of their class.
    private func write(
        _ path: String, _ labels: [Int]?, rows: Int = 60, key: UInt64, classes: [String] = ["ant", "bee", "cow"],
        dtype: DType = .float32, poison: Float? = nil
    ) throws {
        var random = RandomStream(key)
        var values = (0..<rows).flatMap { row in
            (0..<5).map { Float(random.uniform(-0.4, 0.4)) + ($0 == (labels?[row] ?? 0) ? 1 : 0) }
        }
        if let poison { values[5 * 7 + 2] = poison }
        var tensors = [(name: "features", tensor: Tensor(values, shape: [rows, 5]).to(dtype: dtype))]
        if let labels { tensors.append((name: "labels", tensor: Tensor(labels))) }
        let description: JSON = [
            "protocol": ["layer": "avgpool"], "classes": .array(classes.map { .string($0) }),
        ]
        try SafetensorsFile.write(tensors, metadata: ["features": description.line], to: path)
    }

    private let thirds = (0..<60).map { $0 % 3 }

    @Test func filesOfFeatures() throws {
        try withTemporaryFolder { folder in
            let (train, test, json) = ("\(folder)/train.st", "\(folder)/test.st", "\(folder)/out.json")
            try write(train, thirds, key: 1)
            try write(test, thirds, key: 2)
            let files = ["--train-features", train, "--test-features", test, "--json", json]
            let outcome = try run(["probe", "svm"] + files)
            #expect(outcome.exitCode == 0 && outcome.output.contains("features: layer avgpool"), "\(outcome.errors)")
            var result = try JSON.read(json)
            #expect(result["top1"]?.doubleValue == 1 && result["n_train"]?.intValue == 60)
            #expect(result["features"]?["layer"] == "avgpool" && result["held_out"]?.arrayValue?.count == 5)
            for name in ["protocol", "top5", "n_test", "fit_seconds", "c"] { #expect(result[name] != nil, "\(name)") }
            try succeed(["probe", "svm", "--loss", "hinge", "--c", "3", "--bias", "0", "--raw"] + files)
            result = try JSON.read(json)
            #expect(result["c"]?.doubleValue == 3 && result["loss"] == "hinge" && result["l2_normalized"] == false)

            try succeed(["probe", "knn", "--k", "10,1"] + files)
            let exact = try JSON.read(json)
            #expect(exact["top1"]?.doubleValue == 1 && exact["bank"] == "fp32" && exact["k"]?.intValue == 10)
            // A bank that is bfloat16 in its file stays so; another becomes so when asked.
            let half = "\(folder)/half.st"
            try write(half, thirds, key: 1, dtype: .bfloat16)
            for arguments in [["--train-features", half], ["--train-features", train, "--bank", "bf16"]] {
                try succeed(["probe", "knn", "--k", "10"] + arguments + ["--test-features", test, "--json", json])
                result = try JSON.read(json)
                #expect(result["bank"] == "bf16" && result["top1"]?.doubleValue == 1)
                #expect(result["protocol"]?.stringValue?.contains("bfloat16") == true)
            }
        }
    }

    @Test func whatIsWrongWithFilesIsSaidInALine() throws {
        try withTemporaryFolder { folder in
            let (train, test) = ("\(folder)/train.st", "\(folder)/test.st")
            try write(train, thirds, key: 1)
            try write(test, thirds, key: 2, classes: ["ant", "bee", "dog"])
            let files = ["--train-features", train, "--test-features", test]
            for probe in ["svm", "knn"] {
                try fail(["probe", probe] + files, 1, test, "has other classes than", "cow is in one of them only")
            }
            try write(test, thirds, key: 2)
            try fail(["probe", "knn", "--k", "61"] + files, 1, "K = 61", "60")
            try write(train, thirds.map { $0 % 2 }, key: 1)
            try fail(["probe", "svm"] + files, 1, train, "the class \"cow\" has no image")
            try write(train, nil, key: 1)
            for probe in ["svm", "knn"] {
                try fail(["probe", probe] + files, 1, train, "has features but no labels")
            }
            for dtype in [DType.float32, .bfloat16] {
                try write(train, thirds, key: 1, dtype: dtype, poison: .infinity)
                try fail(["probe", "svm"] + files, 1, train, "row 7 of the features is not finite")
            }
        }
    }

    @Test(arguments: [
        (["probe", "svm"], "--train"), (["probe", "svm", "--train", "x"], "--test"),
        (["probe", "svm", "--train-features", "x"], "--test-features"),
        (["probe", "svm", "--train-features", "x", "--test", "y"], "--test-features"),
        (["probe", "svm", "--train", "x", "--test-features", "y"], "--train-features"),
        (["probe", "svm", "--c", "1,0"], "--c"), (["probe", "svm", "--held-out", "1"], "--held-out"),
        (["probe", "svm", "--loss", "hinged"], "did you mean hinge"), (["probe", "knn", "--bank", "fp16"], "--bank"),
        (["probe", "voc07-svm"], "--devkit"), (["probe", "voc07-svm", "--devkit", "x", "--shots", "0"], "--shots"),
    ])
    func wrongUsage(arguments: [String], part: String) throws { try fail(arguments, 2, part) }

    @Test func classFoldersThatDifferAreRefused() throws {
        try withTemporaryFolder { folder in
            try succeed([
                "synthesize", "--classification", "--out", "\(folder)/objects", "--images", "2", "--width", "48",
                "--height", "48",
            ])
            let (train, val) = ("\(folder)/objects/train", "\(folder)/objects/val")
            let arguments = [
                "probe", "svm", "--weights", "random", "--arch", "resnet18", "--stem", "cifar", "--image-size", "16",
                "--train", train, "--test", val, "--c", "1", "--json", "\(folder)/svm.json",
            ]
            try succeed(arguments)
            let result = try JSON.read("\(folder)/svm.json")
            #expect(result["features"]?["layer"] == "avgpool" && result["features"]?["image_size"]?.intValue == 16)
            let first = try #require(try Files.list(val).first)
            try FileManager.default.moveItem(atPath: "\(val)/\(first)", toPath: "\(val)/zebra")
            try fail(arguments, 1, val, "has other classes than")
            for image in try Files.list("\(train)/\(first)") {
                try FileManager.default.removeItem(atPath: "\(train)/\(first)/\(image)")
            }
            try fail(arguments, 1, "\(train)/\(first)", "without images")
        }
    }

    @Test func aDrawnDevkit() throws {
        try withTemporaryFolder { folder in
            try succeed(["synthesize", "--out", folder, "--images", "80", "--width", "64", "--height", "64"])
            let arguments = [
                "probe", "voc07-svm", "--weights", "random", "--arch", "resnet18", "--stem", "cifar", "--image-size",
                "16", "--devkit", folder, "--json", "\(folder)/voc.json", "--c", "0.1,10",
            ]
            try succeed(arguments + ["--shots", "1,2", "--samples", "2", "--out-test", "\(folder)/test.st"])
            let result = try JSON.read("\(folder)/voc.json")
            let map = try #require(result["map"]?.doubleValue)
            #expect(map > 0 && map <= 1 && result["features"]?["layer"] == "avgpool")
            let classes = try #require(result["ap"]?.members?.map(\.name))
            #expect(classes.count > 1 && result["npos"]?.members?.map(\.name) == classes)
            #expect(result["low_shot"]?["shots"]?.members?.map(\.name) == ["1", "2"])
            #expect(try SafetensorsFile(path: "\(folder)/test.st")["features"]?.shape.last == 512)

            let written = try succeed(arguments + ["--shots", "1", "--samples", "1", "--report", "\(folder)/voc.csv"])
            #expect(written.hasPrefix("class") && written.contains("features: "))
            #expect(try Files.readText("\(folder)/voc.csv").hasPrefix("class,AP %,C,fold AP %,positives\n"))

            // What cannot end well does not begin.
            let one = classes[0]
            for (more, message) in [
                (["--shots", "1000"], "k = 1000 takes"),
                (["--shots", "1000000000"], "k = 1000000000 takes"),
                (["--classes", "\(one),\(classes[1]),\(one)"], "names the class \(one) twice"),
            ] {
                let stopped = try run(arguments + more)
                #expect(stopped.exitCode == 1 && stopped.errors.contains(message), "\(stopped.errors)")
                #expect(!stopped.errors.contains("features (train)") && stopped.output.isEmpty)
            }

            let path = "\(folder)/VOC2007/ImageSets/Main/\(one)_trainval.txt"
            let text = try Files.readText(path)
            try Files.writeAtomically(text.replacingOccurrences(of: " 1\n", with: " -1\n"), to: path)
            try fail(arguments, 1, "the class \(one) has 0 positive images")
            try Files.writeAtomically(text.split(separator: "\n").dropLast().joined(separator: "\n"), to: path)
            try fail(arguments + ["--on-missing", "stop"], 1, "\(one)_trainval.txt", "does not list the image")
            try FileManager.default.removeItem(atPath: path)
            // Without lists of a class the annotations say where it is.
            try succeed(arguments + ["--classes", one])
        }
    }
}

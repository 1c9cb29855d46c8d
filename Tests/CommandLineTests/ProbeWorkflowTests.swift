import Foundation
import Imaging
import Support
import TestSupport
import Testing
import Torch

extension ProgramRuns {
    /// Probes of a network from the command line, on drawn pictures of ten classes.
    @Suite struct ProbeWorkflowTests {
        private static let network = [
            "--weights", "random", "--arch", "resnet18", "--stem", "cifar", "--image-size", "16",
        ]

        private func fail(_ arguments: [String], _ code: Int32 = 1) throws -> String {
            let outcome = try CommandLineTests.run(arguments, timeLimit: 240)
            #expect(outcome.exitCode == code, "detect-cli \(arguments.joined(separator: " ")): \(outcome.errors)")
            return outcome.errors
        }

        private func withObjects(_ body: (_ folder: String, _ train: String, _ test: String) throws -> Void) throws {
            try withTemporaryFolder { folder in
                _ = try succeed([
                    "synthesize", "--classification", "--out", "\(folder)/objects", "--images", "8", "--width", "48",
                    "--height", "48",
                ])
                try body(folder, "\(folder)/objects/train", "\(folder)/objects/val")
            }
        }

        @Test func featuresInEitherType() throws {
            try withObjects { folder, train, _ in
                for (type, more) in [("fp32", []), ("bf16", ["--normalize"])] {
                    let out = "\(folder)/\(type).safetensors"
                    let text = try succeed(
                        [
                            "features", "--data", train, "--layer", "layer2", "--pool", "linear", "--dtype", type,
                            "--out", out,
                        ]
                            + Self.network + more + ["--json", "\(folder)/\(type).json"])
                    #expect(text.contains("8192 dimensions") && text.contains("protocol: arch resnet18"))
                    let file = try SafetensorsFile(path: out)
                    // Maps of 8 x 8 cells are under 10,000 values whole.
                    let shape = try #require(file["features"]?.shape)
                    #expect(shape[1] == 128 * 64 && file["labels"]?.shape == [shape[0]])
                    #expect(file["features"]?.dtype == (type == "bf16" ? .bfloat16 : .float32))
                    let json = try JSON.read("\(folder)/\(type).json")
                    #expect(json["protocol"]?["l2_normalized"]?.boolValue == !more.isEmpty)
                    let row = try #require(file.tensor("features")).narrow(0, 0, 1).floats
                    let length = row.reduce(0) { $0 + $1 * $1 }.squareRoot()
                    // bfloat16 rounds each of the values by 2⁻⁹ at most.
                    #expect((abs(length - 1) < 0.01) == !more.isEmpty)
                }
            }
        }

        @Test func linearProbesGoOnAndAgree() throws {
            try withObjects { folder, train, test in
                func arguments(_ run: String, _ more: [String]) -> [String] {
                    [
                        "probe", "linear", "--train", train, "--test", test, "--layers", "conv1,layer2", "--epochs",
                        "4",
                        "--batch", "16", "--threads", "1", "--run", "\(folder)/\(run)", "--json",
                        "\(folder)/\(run).json",
                    ] + Self.network + more
                }
                let table = try succeed(arguments("whole", ["--checkpoint-every", "2"]))
                #expect(table.contains("conv1") && table.contains("layer2") && table.contains("random crops"))
                // Stopped by a signal once its log has begun.
                let stopped = try CommandLineTests.run(
                    arguments("parts", ["--checkpoint-every", "2", "--resume"]).map { $0 == "4" ? "400" : $0 },
                    shell:
                        "\"$0\" \"$@\" & child=$!; while [ ! -s '\(folder)/parts/metrics.jsonl' ]; do sleep 0.1; done; "
                        + "kill -INT $child; wait $child")
                #expect(stopped.exitCode == 130, "\(stopped.errors)")
                #expect(try fail(arguments("parts", ["--resume"])).contains("was started with epochs = 400, not 4"))
                _ = try succeed(arguments("whole", ["--resume", "--checkpoint-every", "2"]))
                let json = try JSON.read("\(folder)/whole.json")
                for name in [
                    "protocol", "top1", "top5", "n_train", "n_test", "fit_seconds", "weights", "train", "test",
                ] {
                    #expect(json[name] != nil, "\(name)")
                }
                #expect(json["layers"]?.arrayValue?.count == 2)
                #expect(Files.exists("\(folder)/whole/loss.png") && Files.exists("\(folder)/whole/result.json"))

                // Layers read beforehand, and the same layer from files of features: one training, one result.
                _ = try succeed(arguments("cached", ["--cached", "--pool", "average"]))
                for (name, data) in [("train", train), ("test", test)] {
                    _ = try succeed(
                        ["features", "--data", data, "--layer", "layer2", "--out", "\(folder)/\(name).safetensors"]
                            + Self.network)
                }
                _ = try succeed([
                    "probe", "linear", "--train-features", "\(folder)/train.safetensors", "--test-features",
                    "\(folder)/test.safetensors", "--epochs", "4", "--batch", "16", "--threads", "1", "--run",
                    "\(folder)/files", "--json", "\(folder)/files.json",
                ])
                let cached = try JSON.read("\(folder)/cached.json")["layers"]?.arrayValue?[1]
                let files = try JSON.read("\(folder)/files.json")["layers"]?.arrayValue?[0]
                #expect(cached?["layer"] == "layer2" && files?["layer"] == "layer2")
                #expect(cached?["top1"] != nil && cached?["top1"] == files?["top1"])
                #expect(try fail(arguments("much", ["--cached", "--cache-limit", "0.0001"])).contains("of memory for"))
            }
        }

        /// The rows of papers for the network that is probed, and for none that they do not have.
        @Test func linearProbesStandBesidePublishedOnes() throws {
            try withObjects { folder, train, test in
                func probe(_ run: String, _ network: [String]) throws -> (text: String, json: JSON) {
                    let text = try succeed(
                        [
                            "probe", "linear", "--train", train, "--test", test, "--cached", "--epochs", "1", "--batch",
                            "16", "--weights", "random", "--run", "\(folder)/\(run)", "--json",
                            "\(folder)/\(run).json", "--report", "\(folder)/\(run).html",
                        ] + network)
                    return (text, try JSON.read("\(folder)/\(run).json"))
                }
                let network = ["--arch", "alexnet", "--image-size", "64", "--layers", "conv1,conv3"]
                let (text, json) = try probe("alexnet", network)
                let lines = text.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
                let measured = try #require(lines.first { $0.starts(with: ["random", "measured"]) })
                // What the table of the probe itself has, which is as ever.
                #expect(measured[2] == (100 * (json["layers"]?.arrayValue?[0]["top1"]?.doubleValue ?? -1)).fixed(1))
                #expect(measured[3] == "–" && text.contains("80 training, 10 test images of 10 classes"))
                #expect(lines.contains { $0.starts(with: ["random", "published", "11.6", "17.1", "16.9"]) })
                #expect(lines.contains { $0.starts(with: ["random", "published", "15.7", "20.3", "19.8"]) })
                let published = try #require(json["published"]?.arrayValue)
                #expect(published.allSatisfy { $0["published"] == true && $0["source"]?.stringValue?.isEmpty == false })
                #expect(Set(published.compactMap { $0["task"]?.stringValue }) == ["imagenet-linear", "places-linear"])
                let page = try #require(Page(try Files.readText("\(folder)/alexnet.html")))
                #expect(page["h2"].map(\.text) == ["Published"] && page["td"].contains { $0.text == "published" })
                // What a run leaves behind is measured alone.
                #expect(try JSON.read("\(folder)/alexnet/result.json")["published"] == nil)

                let without = try probe("without", network + ["--no-published"])
                #expect(!without.text.contains("published") && without.json["published"] == [])
                #expect(without.json["layers"] == json["layers"])
                let other = try probe("other", ["--arch", "resnet18", "--stem", "cifar", "--image-size", "16"])
                #expect(!other.text.contains("published") && other.json["published"] == [])
            }
        }

        @Test func semiSupervisedRunsGoOn() throws {
            try withObjects { folder, train, test in
                _ = try succeed([
                    "pretrain", "--data", train, "--arch", "resnet18", "--recipe", "cifar10", "--image-size", "16",
                    "--epochs", "1", "--batch", "16", "--run", "\(folder)/instance",
                ])
                func arguments(_ run: String, _ fractions: String = "0.25") -> [String] {
                    [
                        "probe", "semi", "--weights", "\(folder)/instance/weights.safetensors", "--train", train,
                        "--test", test, "--fractions", fractions, "--seeds", "2", "--epochs", "3", "--threads", "1",
                        "--run", "\(folder)/\(run)", "--resume", "--json", "\(folder)/\(run).json",
                    ]
                }
                let table = try succeed(arguments("whole"))
                for text in ["25 %", "instance", "random", "2 seeds"] {
                    #expect(table.contains(text), "\(text)")
                }
                // Stopped within the second of four runs.
                let first = "\(folder)/parts/instance-25.00-seed0/result.json"
                let stopped = try CommandLineTests.run(
                    arguments("parts"),
                    shell: "\"$0\" \"$@\" & child=$!; while [ ! -s '\(first)' ]; do sleep 0.02; done; "
                        + "kill -INT $child; wait $child")
                #expect(stopped.exitCode == 130, "\(stopped.errors)")
                _ = try succeed(arguments("parts"))
                let (whole, parts) = (try JSON.read("\(folder)/whole.json"), try JSON.read("\(folder)/parts.json"))
                #expect(whole["curve"]?.arrayValue?.count == 2 && whole["curve"] == parts["curve"])
                #expect(Files.exists("\(folder)/whole/curve.png"))
                // 1 % of a handful of images of a class is none.
                #expect(try fail(arguments("few", "0.01")).contains("leaves no image of the class"))
            }
        }

        @Test func neighboursAreShown() throws {
            try withObjects { folder, train, test in
                let classes = try Files.list(train)
                let own = "\(train)/\(classes[0])/\(try Files.list("\(train)/\(classes[0])")[0])"
                let features = "\(folder)/train.safetensors"
                _ = try succeed(["features", "--data", train, "--out", features] + Self.network)
                let whole = ["retrieve", "--query", own, "--k", "5", "--json", "\(folder)/a.json"]
                _ = try succeed(whole + ["--data", train, "--out", "\(folder)/a.png"] + Self.network)
                // From the file alone: the query is one of its images, its pictures are where it says.
                _ = try succeed([
                    "retrieve", "--query", own, "--k", "5", "--features", features, "--out", "\(folder)/b.png",
                    "--json",
                    "\(folder)/b.json",
                ])
                let (a, b) = (try JSON.read("\(folder)/a.json"), try JSON.read("\(folder)/b.json"))
                func names(_ json: JSON) -> [String?]? {
                    json["queries"]?.arrayValue?[0]["neighbors"]?.arrayValue?.map { $0["name"]?.stringValue }
                }
                #expect(names(a)?.count == 5 && names(a) == names(b))
                #expect(names(a)?.contains { own.hasSuffix($0 ?? "?") } == false)
                #expect(a["queries"]?.arrayValue?[0]["label"] == .string(classes[0]) && a["precision_at_k"] != nil)
                #expect(try Image.read("\(folder)/a.png") == Image.read("\(folder)/b.png"))
                // The same file by way of a link.
                try FileManager.default.createSymbolicLink(atPath: "\(folder)/link.png", withDestinationPath: own)
                _ = try succeed([
                    "retrieve", "--query", "\(folder)/link.png", "--k", "5", "--features", features, "--out",
                    "\(folder)/l.png", "--json", "\(folder)/l.json",
                ])
                #expect(try names(JSON.read("\(folder)/l.json")) == names(a))
                // A folder of other images, some of them, against the file.
                _ = try succeed(
                    [
                        "retrieve", "--query", test, "--max-queries", "3", "--k", "2", "--features", features, "--out",
                        "\(folder)/c.jpg", "--json", "\(folder)/c.json",
                    ] + Self.network)
                #expect(try JSON.read("\(folder)/c.json")["queries"]?.arrayValue?.count == 3)
                let stranger = "\(test)/\(classes[0])/\(try Files.list("\(test)/\(classes[0])")[0])"
                let error = try fail([
                    "retrieve", "--query", stranger, "--features", features, "--out", "\(folder)/d.png",
                ])
                #expect(error.contains("is not among the images of the features"))
                #expect(
                    try fail(whole + ["--data", train, "--out", "\(folder)/e.gif"] + Self.network, 2).contains(".png"))
            }
        }

        @Test func foldersThatDoNotFitAreNamed() throws {
            try withObjects { folder, train, test in
                let names = try Files.list(test)
                try FileManager.default.moveItem(atPath: "\(test)/\(names[1])", toPath: "\(test)/zebra")
                for probe in [["linear"] + Self.network, ["semi", "--weights", "\(folder)/none.safetensors"]] {
                    let error = try fail(
                        ["probe"] + probe + ["--train", train, "--test", test, "--run", "\(folder)/r"])
                    #expect(error.contains("has other classes than") && error.contains(test), "\(error)")
                }
                try FileManager.default.removeItem(atPath: "\(test)/zebra")
                try Files.makeFolder("\(test)/\(names[1])")
                let empty = try fail(
                    ["probe", "linear", "--train", train, "--test", test, "--run", "\(folder)/r"] + Self.network)
                #expect(empty.contains("\(names[1]): is a class folder without images"))
                // Limits cut off whole classes.
                try FileManager.default.removeItem(atPath: "\(test)/\(names[1])")
                let limited = try fail(
                    ["probe", "linear", "--train", train, "--test", train, "--limit", "9", "--run", "\(folder)/r"]
                        + Self.network)
                #expect(limited.contains("has no image of the class"))
            }
        }
    }
}

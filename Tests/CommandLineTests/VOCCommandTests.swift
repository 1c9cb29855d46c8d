import Foundation
import Support
import TestSupport
import Testing

/// The commands around a devkit, on a small drawn one.
@Suite(.tags(.program), .tiered) struct VOCCommandTests {
    private func draw(_ folder: String) throws {
        _ = try succeed(["synthesize", "--out", folder, "--images", "20", "--width", "96", "--height", "96"])
    }

    private func ids(_ folder: String, _ set: String) throws -> [String] {
        try Files.readText("\(folder)/VOC2007/ImageSets/Main/\(set).txt").split(separator: "\n").map(String.init)
    }

    /// comp4 files that hold the ground truth of a set, each object once with score 1.
    private func writePerfectDetections(_ folder: String, set: String, to out: String) throws {
        var files: [String: String] = [:]
        for id in try ids(folder, set) {
            let xml = try Files.readText("\(folder)/VOC2007/Annotations/\(id).xml")
            for object in xml.components(separatedBy: "<object>").dropFirst() {
                func field(_ name: String) -> String {
                    object.components(separatedBy: "<\(name)>")[1].components(separatedBy: "<")[0]
                }
                let corners = ["xmin", "ymin", "xmax", "ymax"].map(field).joined(separator: " ")
                files[field("name"), default: ""] += "\(id) 1 \(corners)\n"
            }
        }
        try Files.makeFolder(out)
        for (name, text) in files { try Files.writeAtomically(text, to: "\(out)/comp4_det_\(set)_\(name).txt") }
    }

    @Test func checkFindsWhatIsWrongAndSaysSoWithItsExitCode() throws {
        try withTemporaryFolder { folder in
            try draw(folder)
            #expect(try succeed(["voc", "check", "--devkit", folder]).contains("20 images"))
            let id = try ids(folder, "trainval")[0]
            let path = "\(folder)/VOC2007/Annotations/\(id).xml"
            let text = try Files.readText(path)
            let start = try #require(text.range(of: "<xmax>"))
            try Files.writeAtomically(text.replacingCharacters(in: start, with: "<xmax>9"), to: path)
            let outcome = try run(["voc", "check", "--devkit", folder, "--json", "\(folder)/check.json"])
            #expect(outcome.exitCode == 1 && outcome.output.contains("box out of the frame"))
            #expect(outcome.output.contains("Annotations/\(id).xml object 1"))
            #expect(try JSON.read("\(folder)/check.json")["serious"]?.intValue == 1)
            #expect(try run(["voc", "check", "--devkit", folder, "--set", "test"]).exitCode == 0)
        }
    }

    @Test func trainingClipsBadBoxesByDefaultAndStopsWhenTold() throws {
        try withTemporaryFolder { folder in
            try draw(folder)
            let training = try ids(folder, "trainval")
            // One box out of the frame, one inverted, one size that is not the image's, one class of its own.
            let damage = [
                ("<xmax>", "<xmax>9"), ("<xmin>", "<xmin>99"), ("<width>", "<width>5"), ("<name>", "<name>odd "),
            ]
            for (id, change) in zip(training, damage) {
                let path = "\(folder)/VOC2007/Annotations/\(id).xml"
                let text = try Files.readText(path)
                let place = try #require(text.range(of: change.0, range: text.startIndex..<text.endIndex))
                try Files.writeAtomically(text.replacingCharacters(in: place, with: change.1), to: path)
            }
            let names = try JSON.read(try check(folder))["classes"]?.members?.map(\.name) ?? []
            try Files.writeAtomically(
                names.filter { !$0.hasPrefix("odd") }.joined(separator: "\n"), to: "\(folder)/classes.txt")
            let arguments = [
                "finetune", "--devkit", folder, "--arch", "resnet18", "--scale", "64", "--iterations", "1", "--rois",
                "4", "--max-proposals", "20", "--test-set", "none", "--classes", "\(folder)/classes.txt", "--run",
            ]
            let stopped = try run(arguments + ["\(folder)/stop", "--on-bad-annotation", "stop"])
            #expect(stopped.exitCode == 1 && stopped.errors.contains("\(training[0]).xml: object 1"))
            let clipped = try run(arguments + ["\(folder)/clip"])
            #expect(clipped.exitCode == 0, "\(clipped.errors)")
            for part in [
                "2 bad boxes and objects in trainval", "box out of the frame, clipped", "box inverted, left out",
                "1 annotations with a size that is not the image's", "Annotations/\(training[2]).xml",
                "1 classes that are not in the list", "\"odd ",
            ] { #expect(clipped.errors.contains(part), "\(part) in \(clipped.errors)") }
        }
    }

    /// The path of what `voc check` says about a devkit.
    private func check(_ folder: String) throws -> String {
        let path = "\(folder)/check.json"
        _ = try run(["voc", "check", "--devkit", folder, "--json", path])
        return path
    }

    @Test func statisticsAreATableAndAPicture() throws {
        try withTemporaryFolder { folder in
            try draw(folder)
            let output = try succeed([
                "voc", "stats", "--devkit", folder, "--picture", "\(folder)/stats.png", "--json",
                "\(folder)/stats.json",
            ])
            let json = try JSON.read("\(folder)/stats.json")
            #expect(json["images"]?.intValue == (try ids(folder, "trainval").count))
            #expect(output.contains("median area") && Files.exists("\(folder)/stats.png"))
        }
    }

    @Test func evaluateTakesSeveralThresholds() throws {
        try withTemporaryFolder { folder in
            try draw(folder)
            try writePerfectDetections(folder, set: "test", to: "\(folder)/found")
            let arguments = ["evaluate", "--devkit", folder, "--detections", "\(folder)/found"]
            let output = try succeed(
                arguments + [
                    "--iou", ".5:.95", "--curves", "\(folder)/curves", "--json", "\(folder)/e.json", "--report",
                    "\(folder)/e.html",
                ])
            let page = try #require(Page(try Files.readText("\(folder)/e.html")))
            #expect(page["h2"].map(\.text) == ["Overlaps", "Sizes", "Kinds of errors"] && page["figure"].count == 1)
            #expect(output.contains("AP % at IoU >") && output.contains("0.95"))
            let json = try JSON.read("\(folder)/e.json")
            #expect(json["metric"]?.stringValue == "07" && json["iou"]?.doubleValue == 0.5)
            for name in ["map", "ap50", "ap75", "ap50_95"] { #expect(json[name]?.doubleValue == 1) }
            #expect(json["thresholds"]?.arrayValue?.count == 10 && json["npos"]?.members?.isEmpty == false)
            #expect(Files.exists("\(folder)/curves/precision_recall.png"))
            for bad in ["1", "-0.1", ".5,.5", ".9:.5", ".5:1", ".512:.9", "x"] {
                #expect(try run(arguments + ["--iou", bad]).exitCode == 2, "\(bad)")
            }
            // Starting is what a small evaluation costs; it needs no tensor.
            #expect(try !librariesLoaded(arguments).contains("libtorch_cpu.so"))
        }
    }

    @Test func importedProposalsKeepTheirBoxes() throws {
        try withTemporaryFolder { folder in
            try draw(folder)
            var text = ""
            for id in try ids(folder, "test") { text += "\(id) 1 1 20 10\n\(id) 5 5 999 999\n" }
            try Files.writeAtomically(text, to: "\(folder)/boxes.txt")
            let arguments = [
                "proposals", "import", "--format", "text", "--in", "\(folder)/boxes.txt", "--devkit", folder, "--set",
                "test", "--out", "\(folder)/test.proposals", "--json", "\(folder)/i.json",
            ]
            #expect(try run(arguments).exitCode == 2)
            let outcome = try run(arguments + ["--order", "y1x1y2x2", "--base", "1"])
            #expect(outcome.exitCode == 0 && outcome.output.contains("another order"), "\(outcome.output)")
            let count = try ids(folder, "test").count
            let json = try JSON.read("\(folder)/i.json")
            #expect(json["boxes"]?.intValue == 2 * count && json["clipped"]?.intValue == count)
            // Never over a file that is there.
            #expect(try run(arguments + ["--order", "y1x1y2x2", "--base", "1"]).exitCode == 1)
        }
    }

    @Test func exportedObjectsAndDetectionsAreCounted() throws {
        try withTemporaryFolder { folder in
            try draw(folder)
            try writePerfectDetections(folder, set: "test", to: "\(folder)/found")
            _ = try succeed([
                "voc", "export-coco", "--devkit", folder, "--out", "\(folder)/truth.json", "--detections",
                "\(folder)/found", "--results", "\(folder)/results.json",
            ])
            let truth = try JSON.read("\(folder)/truth.json")
            let results = try JSON.read("\(folder)/results.json")
            #expect(truth["images"]?.arrayValue?.count == (try ids(folder, "test").count))
            #expect(truth["annotations"]?.arrayValue?.count == results.arrayValue?.count)
            #expect(results.arrayValue?.isEmpty == false)
        }
    }

    /// `$DETECT_PYTHON`, else python3.
    static let python = ProcessInfo.processInfo.environment["DETECT_PYTHON"] ?? "python3"
    static let hasCOCOTools =
        (try? run([], shell: "\(python) -c 'import pycocotools'"))?.exitCode == 0

    @Test(.enabled(if: hasCOCOTools, "needs a Python with pycocotools: set DETECT_PYTHON"))
    func pycocotoolsReadsWhatIsExported() throws {
        let script = Golden.path("check_coco_export.py")
        let outcome = try run([], shell: "exec \(Self.python) '\(script)' \"$0\"")
        #expect(outcome.exitCode == 0 && outcome.output.contains("agree"), "\(outcome.errors)\(outcome.output)")
    }
}

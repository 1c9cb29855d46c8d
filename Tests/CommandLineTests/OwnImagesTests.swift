import Foundation
import Imaging
import Support
import TestSupport
import Testing

extension ProgramRuns {
    /// Images as people have them: cut off, turned by EXIF, lying where the results go.
    @Suite struct OwnImagesTests {
        /// A quarter turn clockwise, as a phone writes it.
        private static let exif =
            Data([0xFF, 0xE1, 0, 34]) + Data("Exif\0\0".utf8)
            + Data([0x4D, 0x4D, 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0])

        private func picture(_ seed: UInt64, width: Int = 60, height: Int = 48) -> Image {
            var random = RandomStream(seed)
            return Image(
                size: ImageSize(width: width, height: height),
                pixels: (0..<width * height * 3).map { _ in UInt8(random.integer(below: 256)) })
        }

        private func annotation(_ width: Int, _ height: Int, _ box: String) -> Data {
            let corners = zip(["xmin", "ymin", "xmax", "ymax"], box.split(separator: " ")).map {
                "<\($0)>\($1)</\($0)>"
            }
            return Data(
                ("<annotation><size><width>\(width)</width><height>\(height)</height><depth>3</depth></size><object>"
                    + "<name>cat</name><difficult>0</difficult><bndbox>\(corners.joined())</bndbox></object></annotation>")
                    .utf8)
        }

        /// Two sound images.
        private func kit(_ folder: TemporaryFolder) throws {
            for id in ["a", "b"] {
                try folder.write(try picture(id == "a" ? 1 : 2).encodedJPEG(), "kit/VOC2007/JPEGImages/\(id).jpg")
                try folder.write(annotation(60, 48, "3 4 40 30"), "kit/VOC2007/Annotations/\(id).xml")
            }
            for set in ["trainval", "test"] {
                try folder.write(Data("a\nb\n".utf8), "kit/VOC2007/ImageSets/Main/\(set).txt")
            }
        }

        private func training(_ folder: TemporaryFolder, run: String, _ more: [String] = []) -> [String] {
            [
                "finetune", "--arch", "resnet20", "--weights", "random", "--scale", "64", "--iterations", "2",
                "--max-proposals", "50", "--rois", "8", "--devkit", "\(folder.path)/kit", "--run",
                "\(folder.path)/\(run)",
            ] + more
        }

        @Test func detectKeepsWhatIsThere() throws {
            let folder = try TemporaryFolder()
            let path = folder.path
            try kit(folder)
            try succeed(training(folder, run: "model", ["--test-set", "none"]))
            let names = ["holiday.png", "sheet.png", "other.jpg", "other.png", "cut.jpg"]
            for (i, name) in names.enumerated() {
                let image = picture(UInt64(10 + i))
                try folder.write(name.hasSuffix("png") ? image.encodedPNG() : image.encodedJPEG(), "photos/\(name)")
            }
            try folder.write(Data("x".utf8), "photos/notes.txt")
            let cut = try Files.read("\(path)/photos/cut.jpg")
            try folder.write(cut.dropLast(200), "photos/cut.jpg")
            let before = try names.map { try Files.read("\(path)/photos/\($0)") }

            // Into the folder that the images lie in, twice: the pictures of the first time are images of the second.
            for _ in 0..<2 {
                let outcome = try run(
                    [
                        "detect", "--model", "\(path)/model", "--out", "\(path)/photos", "--on-bad-image", "use",
                        "\(path)/photos",
                    ], timeLimit: 240)
                #expect(outcome.exitCode == 0, "\(outcome.errors)")
                #expect(outcome.errors.contains("used: what there is of \(path)/photos/cut.jpg: is truncated"))
                #expect(outcome.errors.contains("note: \(path)/photos: passed over "))
                #expect(try names.map { try Files.read("\(path)/photos/\($0)") } == before)
            }
            let all = try JSON.read("\(path)/photos/detections.json")["images"]?.arrayValue ?? []
            // Five, then five with their pictures and the sheet.
            #expect(all.count == 11 && Set(all.compactMap { $0["picture"]?.stringValue }).count == 11)

            // Left out; and without a word about bad images, what was found before one is kept.
            let photos = ["other.jpg", "cut.jpg", "holiday.png"].map { "\(path)/photos/\($0)" }
            func detect(_ out: String, _ more: [String]) throws -> (Int32, String, [String]) {
                let outcome = try run(
                    ["detect", "--model", "\(path)/model", "--out", "\(path)/\(out)"] + more + photos)
                let found = try JSON.read("\(path)/\(out)/detections.json")["images"]?.arrayValue ?? []
                return (outcome.exitCode, outcome.errors, found.compactMap { $0["image"]?.stringValue })
            }
            let (skipCode, skipErrors, skipped) = try detect("skipped", ["--on-bad-image", "skip"])
            #expect(skipCode == 0 && skipped == [photos[0], photos[2]])
            #expect(skipErrors.contains("skipped: \(photos[1]): is truncated"))
            let (stopCode, stopErrors, kept) = try detect("stopped", [])
            #expect(stopCode == 1 && kept == [photos[0]] && stopErrors.contains("error: \(photos[1]): is truncated"))
        }

        /// The training without the bad image, and with what it holds; proposals and test, too.
        @Test func badImagesOfADevkit() throws {
            let folder = try TemporaryFolder()
            let path = folder.path
            try kit(folder)
            let image = "\(path)/kit/VOC2007/JPEGImages/b.jpg"
            let whole = try Files.read(image)
            try Files.writeAtomically(whole.dropLast(300), to: image)
            #expect(
                try run(["voc", "check", "--devkit", "\(path)/kit", "--headers"]).output.contains("is truncated")
                    == false)
            let check = try run(["voc", "check", "--devkit", "\(path)/kit"])
            #expect(check.exitCode == 1 && check.output.contains("JPEGImages/b.jpg: is truncated"))
            #expect(try run(training(folder, run: "stop")).exitCode == 1)
            for (choice, images) in [("skip", 1), ("use", 2)] {
                let more = ["--on-bad-image", choice, "--json", "\(path)/\(choice).json"]
                let outcome = try run(training(folder, run: choice, more), timeLimit: 120)
                #expect(outcome.exitCode == 0, "\(outcome.errors)")
                let json = try JSON.read("\(path)/\(choice).json")
                #expect(json["train_images"]?.intValue == images && json["test_images"]?.intValue == images)
                #expect(outcome.errors.contains("b.jpg: is truncated"))
                try succeed([
                    "proposals", "--devkit", "\(path)/kit", "--set", "test", "--on-bad-image", choice, "--out",
                    "\(path)/\(choice).proposals", "--json", "\(path)/p.json",
                ])
                #expect(try JSON.read("\(path)/p.json")["images"]?.intValue == images)
            }
        }

        /// 60x48 stored, 48x60 shown and annotated: only so is the box inside.
        @Test func aPhotographTurnedByEXIF() throws {
            let folder = try TemporaryFolder()
            let path = folder.path
            try kit(folder)
            var photo = try picture(3).encodedJPEG()
            photo.insert(contentsOf: Self.exif, at: 2)
            for id in ["a", "b"] {
                try folder.write(photo, "kit/VOC2007/JPEGImages/\(id).jpg")
                try folder.write(annotation(48, 60, "5 30 20 58"), "kit/VOC2007/Annotations/\(id).xml")
            }
            let check = try run(["voc", "check", "--devkit", "\(path)/kit"])
            #expect(
                check.exitCode == 0 && check.output.contains("image turned by its EXIF orientation"), "\(check.output)")
            let turned = try run(training(folder, run: "turned"), timeLimit: 120)
            #expect(turned.exitCode == 0 && !turned.errors.contains("bad boxes"), "\(turned.errors)")
            #expect(try JSON.read("\(path)/turned/config.json")["turned_by_exif"]?.intValue == 2)
            let drawn = try ImageHeader.read("\(path)/turned/detections/a.png").size
            #expect(drawn.width < drawn.height)
            let stored = try run(training(folder, run: "stored", ["--exif", "ignore", "--test-set", "none"]))
            #expect(stored.exitCode == 0 && stored.errors.contains("2 bad boxes"), "\(stored.errors)")

            // A single photograph is looked at as it is shown; its size says so.
            for (choice, width) in [("apply", 48), ("ignore", 60)] {
                try succeed([
                    "detect", "--model", "\(path)/turned", "--out", "\(path)/\(choice)", "--exif", choice,
                    "\(path)/kit/VOC2007/JPEGImages/a.jpg",
                ])
                let found = try JSON.read("\(path)/\(choice)/detections.json")["images"]?.arrayValue?.first
                #expect(found?["width"]?.intValue == width)
            }
        }

        /// Refused in one line, nothing trapped; the numbers that work do.
        @Test func sizesAndNumbersAtTheirLimits() throws {
            let folder = try TemporaryFolder()
            let path = folder.path
            for (i, name) in ["a/1.png", "a/2.png", "b/1.png", "b/2.png"].enumerated() {
                try folder.write(try picture(UInt64(i), width: 32, height: 32).encodedPNG(), "images/\(name)")
            }
            let images = "\(path)/images"
            for command in [
                ["probe", "knn", "--train", images, "--k", "1"], ["probe", "svm", "--train", images, "--test", images],
                ["features", "--data", images, "--out", "\(path)/f"],
                ["probe", "linear", "--train", images, "--test", images, "--run", "\(path)/l", "--batch", "2"],
                ["retrieve", "--query", images, "--data", images, "--out", "\(path)/r.png"],
            ] {
                let outcome = try run(command + ["--weights", "random", "--arch", "alexnet", "--image-size", "32"])
                #expect(outcome.exitCode == 1)
                let sentence = "alexnet cannot take images of 32 pixels; give --image-size 64 or more"
                #expect(outcome.errors.contains(sentence), "\(command): \(outcome.errors)")
            }
            let twice = try run([
                "probe", "linear", "--train", images, "--test", images, "--run", "\(path)/t", "--batch", "2",
                "--weights",
                "random", "--arch", "resnet20", "--layers", "layer1,layer1",
            ])
            #expect(twice.exitCode == 1 && twice.errors.contains("name a layer twice"), "\(twice.errors)")
            for (i, more) in [["--milestones", "1e30"], ["--warmup", "1e30"], ["--momentum", "0"]].enumerated() {
                try succeed(
                    [
                        "pretrain", "--data", images, "--arch", "resnet20", "--recipe", "cifar10", "--image-size", "16",
                        "--epochs", "1", "--batch", "2", "--run", "\(path)/p\(i)", "--knn-every", "1",
                    ] + more)
            }
            // Three voters beside the one that is classified.
            let output = try succeed([
                "pretrain", "--data", images, "--arch", "resnet20", "--recipe", "cifar10", "--image-size", "16",
                "--epochs", "1", "--batch", "2", "--run", "\(path)/k", "--knn-every", "1",
            ])
            #expect(output.contains("K = 3,"), "\(output)")
        }

        @Test func noOutputReplacesAnInput() throws {
            let folder = try TemporaryFolder()
            let path = folder.path
            for name in ["a/1.png", "b/2.png"] {
                try folder.write(try picture(1, width: 32, height: 32).encodedPNG(), "images/\(name)")
            }
            let before = try Files.read("\(path)/images/a/1.png")
            for arguments in [
                [
                    "retrieve", "--query", "\(path)/images/a/1.png", "--data", "\(path)/images", "--out",
                    "\(path)/images/a/1.png",
                ],
                ["features", "--data", "\(path)/images", "--out", "\(path)/images/a/1.png"],
                [
                    "features", "--data", "\(path)/images", "--out", "\(path)/f", "--json",
                    "\(path)/images/a/../a/1.png",
                ],
                ["features", "--data", "\(path)/images", "--out", "\(path)/f", "--json", "\(path)/f"],
            ] {
                let outcome = try run(arguments + ["--weights", "random", "--arch", "resnet20", "--image-size", "16"])
                #expect(outcome.exitCode == 2, "\(outcome.errors)")
                #expect(outcome.errors.contains("would overwrite") || outcome.errors.contains("name the same file"))
                #expect(try Files.read("\(path)/images/a/1.png") == before)
            }
        }
    }
}

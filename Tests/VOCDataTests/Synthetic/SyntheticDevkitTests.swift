import Foundation
import Imaging
import Support
import Synchronization
import TestSupport
import Testing
import VOCData

@Suite(.tags(.unit), .tiered) struct SyntheticDevkitTests {
    private static func devkit(images: Int = 24, seed: UInt64 = 4) throws -> SyntheticDevkit {
        try SyntheticDevkit(images: images, seed: seed, imageSize: ImageSize(width: 96, height: 72))
    }

    @Test func bytesAreTheSameForAnyNumberOfThreads() throws {
        try withFolders(3) { folders in
            try Self.devkit().write(to: folders[0], threads: 1)
            let calls = Mutex<[Int]>([])
            try Self.devkit().write(to: folders[1], threads: 3) { done, total in
                calls.withLock { $0.append(done) }
                #expect(total == 24)
            }
            try Self.devkit(seed: 5).write(to: folders[2], threads: 1)
            let first = try contents(folders[0])
            // 24 images, 24 annotations, 4 sets, 4 sets for each of 10 classes, and the marker.
            #expect(first.count == 24 + 24 + 4 + 40 + 1)
            #expect(try contents(folders[1]) == first)
            #expect(try contents(folders[2]) != first)
            #expect(calls.withLock { $0.sorted() } == Array(1...24))
        }
    }

    @Test func imageSetsAreDisjointAndComplete() throws {
        try withFolders(1) { folders in
            let devkit = try Self.devkit()
            try devkit.write(to: folders[0], threads: 2)
            let sets = "\(folders[0])/VOC2007/ImageSets/Main"
            func lines(_ name: String) throws -> [String] {
                try Files.readText("\(sets)/\(name).txt").split(separator: "\n").map(String.init)
            }
            let (train, val, test) = (try lines("train"), try lines("val"), try lines("test"))
            #expect(train.count == 10 && val.count == 5 && test.count == 9)
            #expect(try lines("trainval") == (train + val).sorted())
            #expect((train + val + test).sorted() == (1...24).map { SyntheticDevkit.identifier($0 - 1) })
            #expect(train.first?.count == 6)
            for name in devkit.classes {
                let entries = try lines("\(name)_test")
                #expect(entries.map { String($0.prefix(6)) } == test)
                for entry in entries {
                    let index = try #require(Int(entry.prefix(6))) - 1
                    let objects = devkit.image(index).objects.filter { $0.name == name }
                    let expected =
                        objects.isEmpty ? "-1" : objects.contains { !$0.isDifficult } ? " 1" : " 0"
                    #expect(entry == "\(entry.prefix(6)) \(expected)")
                }
            }
        }
    }

    @Test func readerFindsWhatWasDrawn() throws {
        try withFolders(1) { folders in
            let synthetic = try Self.devkit(images: 6)
            try synthetic.write(to: folders[0], threads: 1)
            let devkit = try Devkit(folders[0])
            let ids = try devkit.imageSet("trainval") + devkit.imageSet("test")
            #expect(ids.count == 6)
            for id in ids {
                let drawing = synthetic.image(try #require(Int(id)) - 1)
                let annotation = try Annotation.read(devkit.annotationPath(id))
                #expect(
                    annotation
                        == Annotation(filename: "\(id).jpg", size: drawing.image.size, objects: drawing.objects))
                let jpeg = try Files.read(devkit.imagePath(id))
                #expect(try jpeg == drawing.image.encodedJPEG(quality: drawing.jpegQuality))
            }
        }
    }

    @Test func repeatsItselfButNeverMixesDataSets() throws {
        try withFolders(1) { folders in
            try Self.devkit(images: 4).write(to: folders[0], threads: 1)
            let first = try contents(folders[0])
            try FileManager.default.removeItem(atPath: "\(folders[0])/VOC2007/JPEGImages/000002.jpg")
            try Self.devkit(images: 4).write(to: folders[0], threads: 1)
            #expect(try contents(folders[0]) == first)
            #expect(throws: InputError.self) { try Self.devkit(images: 5).write(to: folders[0], threads: 1) }
            #expect(try contents(folders[0]) == first)
        }
    }

    @Test func refusesWhatItCannotDraw() {
        #expect(throws: InputError.self) { try SyntheticDevkit(images: 0) }
        #expect(throws: InputError.self) { try SyntheticDevkit(images: 1, classes: ["house", "unicorn"]) }
        #expect(throws: InputError.self) { try SyntheticDevkit(images: 1, classes: []) }
        #expect(throws: InputError.self) { try SyntheticDevkit(images: 1, trainFraction: 0.8, validationFraction: 0.3) }
        #expect(throws: InputError.self) { try SyntheticDevkit(images: 1, trainFraction: .nan) }
        #expect(throws: InputError.self) {
            try SyntheticDevkit(images: 1, imageSize: ImageSize(width: 10, height: 240))
        }
    }

    @Test func writesAnImageFolderForClassification() throws {
        try withFolders(2) { folders in
            let devkit = try SyntheticDevkit(images: 1, seed: 3, classes: ["key", "boat"])
            for (folder, threads) in zip(folders, [1, 3]) {
                try devkit.writeClassification(
                    to: folder, imagesPerClass: 3, validationPerClass: 2, side: 48, threads: threads)
            }
            let first = try contents(folders[0])
            #expect(try contents(folders[1]) == first)
            let names = first.keys.filter { $0.hasSuffix(".jpg") }.sorted()
            let expected =
                ["train/boat/", "train/key/"].flatMap { f in (1...3).map { "\(f)000\($0).jpg" } }
                + ["val/boat/", "val/key/"].flatMap { f in (1...2).map { "\(f)000\($0).jpg" } }
            #expect(names == expected)
            #expect(Set(names.compactMap { first[$0] }).count == 10)
        }
    }

    private func withFolders(_ count: Int, _ body: ([String]) throws -> Void) throws {
        try withTemporaryFolder { root in try body((0..<count).map { "\(root)/\($0)" }) }
    }

    /// All files under a folder by relative path.
    private func contents(_ folder: String) throws -> [String: Data] {
        var files: [String: Data] = [:]
        func add(_ path: String, _ relative: String) throws {
            for name in try Files.list(path) {
                let child = "\(path)/\(name)"
                let key = relative.isEmpty ? name : "\(relative)/\(name)"
                if Files.isFolder(child) { try add(child, key) } else { files[key] = try Files.read(child) }
            }
        }
        try add(folder, "")
        return files
    }
}

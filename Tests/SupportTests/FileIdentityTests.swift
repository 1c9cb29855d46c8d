import Foundation
import Support
import TestSupport
import Testing

@Suite(.tags(.unit), .tiered) struct FileIdentityTests {
    @Test func aFileIsItselfByAnyPath() throws {
        let folder = try TemporaryFolder(["a/x.jpg": "x", "a/y.json": "y"])
        let path = folder.path
        try FileManager.default.createSymbolicLink(atPath: "\(path)/b", withDestinationPath: "a")
        try FileManager.default.linkItem(atPath: "\(path)/a/y.json", toPath: "\(path)/z.json")
        #expect(FileIdentity("\(path)/a/x.jpg") == FileIdentity("\(path)/b/../b/x.jpg"))
        #expect(FileIdentity("\(path)/a/x.jpg") != FileIdentity("\(path)/a/y.json"))
        #expect(FileIdentity("\(path)/none") == nil)
        #expect(Files.wouldReplace("\(path)/a/y.json", writing: "\(path)/z.json"))
        #expect(!Files.wouldReplace("\(path)/a/y.json", writing: "\(path)/a/x.jpg"))
        #expect(Files.areSame("\(path)/a/new", "\(path)/b/new") && !Files.areSame("\(path)/a/new", "\(path)/new"))
    }

    /// What is read from a folder is not replaced; what is new, or of another kind, may be written there.
    @Test func theFilesOfAFolderAreProtected() throws {
        let folder = try TemporaryFolder([
            "data/cat/1.jpg": "", "data/old.json": "", "kit/VOC2007/Annotations/1.xml": "",
            "kit/VOC2007/JPEGImages/1.png": "",
            "kit/stats.png": "", "run/config.json": "", "run/ap.png": "",
        ])
        let path = folder.path
        for (input, output, expected) in [
            ("data", "data/cat/1.jpg", true), ("data", "data/cat/2.jpg", false), ("data", "data/old.json", false),
            ("data/cat", "data/cat/1.jpg", true), ("kit", "kit/VOC2007/Annotations/1.xml", true),
            ("kit", "kit/VOC2007/JPEGImages/1.png", true), ("kit", "kit/stats.png", false),
            ("run", "run/config.json", true), ("run", "run/ap.png", false), ("data", "kit/stats.png", false),
        ] {
            let replaces = Files.wouldReplace("\(path)/\(input)", writing: "\(path)/\(output)")
            #expect(replaces == expected, "\(input), \(output)")
        }
    }

    @Test func whatIsPassedOverIsCountedAndNamed() {
        var passedOver = PassedOver()
        #expect(passedOver.notes(in: "d").isEmpty)
        for name in ["a", "b", "c", "e"] { passedOver.add(.otherFiles, name) }
        passedOver.add(.links, "l")
        #expect(
            passedOver.notes(in: "d") == [
                "d: passed over 4 files that are no .jpg, .jpeg or .png (a, b, c, …)",
                "d: passed over 1 links to nothing among the images (l)",
            ])
    }

    @Test func numbersWithoutEndAreHeldToTheirRange() {
        #expect(Int(nearestTo: 2.5) == 3 && Int(nearestTo: -1e30) == .min && Int(nearestTo: .infinity) == .max)
        #expect(Int(nearestTo: .nan) == 0)
        #expect(Int(argument: "1000000000000") == 1_000_000_000_000 && Int(argument: "1000000000001") == nil)
    }
}

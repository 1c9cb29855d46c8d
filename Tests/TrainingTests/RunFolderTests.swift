import Foundation
import Support
import TestSupport
import Testing
import Training

@Suite(.tags(.unit), .tiered) struct RunFolderTests {
    static let config: JSON = [
        "arch": "resnet18", "lr": 0.03, "epochs": 200, "data": ["path": "a", "images": 500], "workers": 2,
    ]

    private func changed(_ name: String, _ value: JSON) -> JSON {
        .object((Self.config.members ?? []).map { $0.name == name ? .init(name, value) : $0 })
    }

    @Test func aNewFolderIsMadeAndDescribed() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/runs/one"
            let run = try RunFolder(path, resume: false, config: Self.config)
            #expect(!run.isResumed)
            #expect(try RunFolder.readConfig(path) == Self.config)
            #expect(Files.isFolder(run.checkpoints))
            #expect(run.weights == "\(path)/weights.safetensors")
            #expect(run.metrics == "\(path)/metrics.jsonl")
            #expect(run.file("loss.png") == "\(path)/loss.png")
        }
    }

    @Test func aSecondUserIsRefusedWithTheProcess() throws {
        try withTemporaryFolder { folder in
            let run = try RunFolder(folder, resume: false, config: Self.config)
            let error = #expect(throws: InputError.self) {
                try RunFolder(folder, resume: true, config: Self.config)
            }
            #expect(error?.problem == "is in use by process \(ProcessInfo.processInfo.processIdentifier)")
            #expect(error?.subject == run.path)
        }
    }

    @Test func theLockEndsWithTheValue() throws {
        try withTemporaryFolder { folder in
            _ = try RunFolder(folder, resume: false, config: Self.config)
            let run = try RunFolder(folder, resume: true, config: Self.config)
            #expect(run.isResumed)
        }
    }

    @Test func anotherRunIsNotOverwritten() throws {
        try withTemporaryFolder { folder in
            _ = try RunFolder(folder, resume: false, config: Self.config)
            let error = #expect(throws: InputError.self) {
                try RunFolder(folder, resume: false, config: Self.config)
            }
            #expect(error?.problem == "already holds a run")
            #expect(error?.remedy.contains("resume it") == true)
        }
    }

    @Test(arguments: [false, true])
    func aFolderWithOtherThingsIsRefused(resume: Bool) throws {
        try withTemporaryFolder { folder in
            try Files.writeAtomically("mine", to: "\(folder)/thesis.txt")
            let error = #expect(throws: InputError.self) {
                try RunFolder(folder, resume: resume, config: Self.config)
            }
            #expect(error?.problem.contains("thesis.txt") == true)
            #expect(try Files.list(folder) == ["thesis.txt"])
        }
    }

    @Test func resumingAnEmptyFolderBeginsARun() throws {
        try withTemporaryFolder { folder in
            let run = try RunFolder(folder, resume: true, config: Self.config)
            #expect(!run.isResumed)
        }
    }

    @Test func aDifferentConfigurationIsNamed() throws {
        try withTemporaryFolder { folder in
            _ = try RunFolder(folder, resume: false, config: Self.config)
            let rate = #expect(throws: InputError.self) {
                try RunFolder(folder, resume: true, config: changed("lr", 0.01))
            }
            #expect(rate?.problem == "was started with lr = 0.03, not 0.01")
            let nested = #expect(throws: InputError.self) {
                try RunFolder(folder, resume: true, config: changed("data", ["path": "a", "images": 499]))
            }
            #expect(nested?.problem == "was started with data.images = 500, not 499")
            let absent = #expect(throws: InputError.self) {
                try RunFolder(folder, resume: true, config: changed("data", ["path": "a"]))
            }
            #expect(absent?.problem == "was started with data.images = 500, not nothing")
            #expect(try RunFolder.readConfig(folder) == Self.config)
        }
    }

    @Test func somethingMayDiffer() throws {
        try withTemporaryFolder { folder in
            _ = try RunFolder(folder, resume: false, config: Self.config)
            let moved = changed("data", ["path": "b", "images": 500])
            _ = try RunFolder(folder, resume: true, config: moved, mayDiffer: ["data.path"])
            #expect(try RunFolder.readConfig(folder) == moved)
            let other = changed("data", ["path": "c", "images": 1])
            _ = try RunFolder(folder, resume: true, config: other, mayDiffer: ["data"])
        }
    }

    @Test func orderAndFormOfNumbersDoNotMatter() throws {
        try withTemporaryFolder { folder in
            _ = try RunFolder(folder, resume: false, config: ["a": 1, "b": 2.0])
            let run = try RunFolder(folder, resume: true, config: ["b": 2, "a": 1.0])
            #expect(run.isResumed)
        }
    }

    @Test func readingNeedsARun() throws {
        try withTemporaryFolder { folder in
            let error = #expect(throws: InputError.self) { try RunFolder.readConfig(folder) }
            #expect(error?.problem == "holds no run (config.json is missing)")
        }
    }
}

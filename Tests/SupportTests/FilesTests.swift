import Foundation
import Glibc
import Support
import TestSupport
import Testing

@Suite(.tags(.unit), .tiered) struct FilesTests {
    private struct Stop: Error {}

    @Test func writesAndReplaces() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/file.txt"
            try Files.writeAtomically("first", to: path)
            try Files.writeAtomically("second", to: path)
            #expect(try Files.readText(path) == "second")
            try Files.writeAtomically(Data(), to: path)
            #expect(try Files.read(path).isEmpty)
            #expect(try Files.list(folder) == ["file.txt"])
        }
    }

    @Test func writesInPieces() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/pieces"
            let piece = [UInt8](repeating: 7, count: 100_000)
            try Files.writeAtomically(to: path) { write in
                for _ in 0..<3 { try piece.withUnsafeBytes { try write($0) } }
            }
            #expect(try Files.read(path) == Data(repeating: 7, count: 300_000))
        }
    }

    @Test func failureHalfWayKeepsThePreviousFileAndLeavesNothing() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/file.txt"
            try Files.writeAtomically("previous", to: path)
            #expect(throws: Stop.self) {
                try Files.writeAtomically(to: path) { write in
                    try [UInt8](repeating: 1, count: 10).withUnsafeBytes { try write($0) }
                    throw Stop()
                }
            }
            #expect(try Files.readText(path) == "previous")
            #expect(try Files.list(folder) == ["file.txt"])
        }
    }

    @Test func failureToRenameLeavesNothing() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/taken"
            try Files.makeFolder("\(path)/inside")
            let error = #expect(throws: InputError.self) { try Files.writeAtomically("text", to: path) }
            #expect(error?.subject == path)
            #expect(try Files.list(folder) == ["taken"])
        }
    }

    @Test func missingThingsAreNamedWithARemedy() {
        let path = "/nonexistent-folder/file"
        #expect(throws: InputError(path, "cannot be read (No such file or directory)", remedy: "check the path")) {
            try Files.read(path)
        }
        #expect(throws: InputError(path, "cannot be written (No such file or directory)", remedy: "check the path")) {
            try Files.writeAtomically("text", to: path)
        }
        #expect(throws: InputError.self) { try Files.list(path) }
    }

    @Test func aPipeIsNotWaitedFor() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/pipe"
            #expect(mkfifo(path, 0o600) == 0)
            let readers: [(String) throws -> Data] = [{ try Files.read($0) }, { try Files.mapped($0) }]
            for read in readers {
                let error = #expect(throws: InputError.self) { try read(path) }
                #expect(error?.problem == "is not a regular file")
            }
            #expect(FileKind(path: path) == nil && !Files.isFile(path))
            let folderError = #expect(throws: InputError.self) { try Files.mapped(folder) }
            #expect(folderError?.problem == "is a folder")
        }
    }

    @Test func aMappedFileIsTheFile() throws {
        try withTemporaryFolder { folder in
            for bytes in [Data(), Data(0...255)] {
                try Files.writeAtomically(bytes, to: "\(folder)/file")
                #expect(try Files.mapped("\(folder)/file") == bytes)
            }
        }
    }

    @Test func aFolderIsNoFile() throws {
        try withTemporaryFolder { folder in
            let error = #expect(throws: InputError.self) { try Files.read(folder) }
            #expect(error?.problem == "is not a regular file")
            #expect(Files.isFolder(folder) && Files.exists(folder))
            #expect(!Files.isFolder("\(folder)/none") && !Files.exists("\(folder)/none"))
        }
    }

    @Test func foldersAreMadeWithTheirParents() throws {
        try withTemporaryFolder { folder in
            try Files.makeFolder("\(folder)/a/b/c")
            try Files.makeFolder("\(folder)/a/b/c")
            #expect(Files.isFolder("\(folder)/a/b/c"))
            try Files.writeAtomically("", to: "\(folder)/file")
            for path in ["\(folder)/file", "\(folder)/file/below"] {
                let error = #expect(throws: InputError.self) { try Files.makeFolder(path) }
                #expect(error?.subject == path)
                #expect(error?.problem.contains("File exists") == true || error?.problem.contains("Not a dir") == true)
            }
        }
    }

    @Test func textMustBeUTF8() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/latin1"
            try Files.writeAtomically(Data([0x63, 0xe9]), to: path)
            let error = #expect(throws: InputError.self) { try Files.readText(path) }
            #expect(error?.subject == "\(path):1" && error?.problem == "is not UTF-8 text (c\\xe9)")
        }
    }

    @Test func listSortsByBytesAndLeavesOutHiddenNames() throws {
        try withTemporaryFolder { folder in
            for name in ["b", "a10", "a9", "B", "\u{e9}", ".hidden"] {
                try Files.writeAtomically("", to: "\(folder)/\(name)")
            }
            #expect(try Files.list(folder) == ["B", "a10", "a9", "b", "\u{e9}"])
        }
    }

    @Test func errorsAreOneLine() {
        #expect(InputError("a\nb", "is bad", remedy: "go\r\nhome").description == "a b: is bad; go home")
        #expect(InputError("f", "is bad").description == "f: is bad")
    }

    @Test func whatCannotBeWrittenIsKnownBeforehand() throws {
        try withTemporaryFolder { folder in
            try Files.writeAtomically("x", to: "\(folder)/file")
            try Files.requireWritable("\(folder)/new")
            try Files.requireWritable("\(folder)/a/b/new")
            try Files.requireWritable("new")
            try Files.requireWritable("\(folder)/file")
            #expect(!Files.exists("\(folder)/a"))
            for (path, part) in [
                (folder, "is a folder"), ("\(folder)/file/new", "is no folder"),
            ] {
                let error = #expect(throws: InputError.self) { try Files.requireWritable(path) }
                #expect(error?.description.contains(part) == true, "\(error?.description ?? "")")
            }
        }
    }

    @Test func aFullDiskIsKnownBeforehand() throws {
        try withTemporaryFolder { folder in
            try Files.requireSpace(1, in: folder, for: "a byte")
            let error = #expect(throws: InputError.self) {
                try Files.requireSpace(1 << 60, in: folder, for: "its checkpoints")
            }
            #expect(error?.description.contains("its checkpoints takes 1152921504.61 GB; free some space") == true)
        }
    }

    @Test func resolvedPathsHaveNoLinks() throws {
        try withTemporaryFolder { folder in
            let folder = Files.resolved(folder)
            try Files.makeFolder("\(folder)/real")
            #expect(symlink("\(folder)/real", "\(folder)/link") == 0)
            #expect(Files.resolved("\(folder)/link/../link/new/deep") == "\(folder)/real/new/deep")
            #expect(Files.resolved("/") == "/" && Files.resolved("/nothing-here") == "/nothing-here")
        }
    }
}

/// What stands at a path before it is written to.
@Suite(.tags(.unit), .tiered) struct OutputPlaceTests {
    @Test func aLinkKeepsLeadingToItsFile() throws {
        try withTemporaryFolder { folder in
            try Files.writeAtomically("old", to: "\(folder)/file")
            try FileManager.default.createSymbolicLink(atPath: "\(folder)/link", withDestinationPath: "file")
            try Files.writeAtomically("new", to: "\(folder)/link")
            #expect(try Files.readText("\(folder)/file") == "new")
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/link") == "file")
            #expect(try Files.list(folder).sorted() == ["file", "link"])
        }
    }

    @Test func aPipeIsWrittenTo() async throws {
        let folder = try TemporaryFolder()
        let pipe = "\(folder.path)/pipe"
        try #require(mkfifo(pipe, 0o600) == 0)
        let reader = Task.detached { try FileHandle(forReadingFrom: URL(fileURLWithPath: pipe)).readToEnd() }
        try Files.requireWritable(pipe)
        try Files.writeAtomically("through", to: pipe)
        #expect(try await reader.value == Data("through".utf8))
        var status = stat()
        #expect(stat(pipe, &status) == 0 && status.st_mode & S_IFMT == S_IFIFO)
        #expect(try Files.list(folder.path) == ["pipe"])
    }

    @Test func whatIsNoFileCanBeWrittenToWhereItsFolderCannot() throws {
        // Whoever runs this: nothing is written.
        try Files.requireWritable("/dev/null")
        try Files.requireWritable("/dev/stdout")
    }
}

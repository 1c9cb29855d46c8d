import Foundation
import Support
import TestSupport
import Testing

/// What people have under the name of weights, called what it is.
@Suite(.tags(.unit), .tiered) struct FileKindTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let bytes: [UInt8]
        let name: String
        var remedy = ""
        var testDescription: String { name }

        init(_ bytes: [UInt8], _ name: String, remedy: String = "") {
            self.bytes = bytes
            self.name = name
            self.remedy = remedy
        }

        init(_ text: String, _ name: String, remedy: String = "") {
            self.init(Array(text.utf8), name, remedy: remedy)
        }
    }

    private static func zip(_ entry: String) -> [UInt8] {
        [0x50, 0x4B, 3, 4] + [UInt8](repeating: 0, count: 22) + [UInt8(entry.utf8.count), 0, 0, 0] + Array(entry.utf8)
            + [1, 2, 3]
    }

    private static func tar(_ entry: String) -> [UInt8] {
        Array(entry.utf8) + [UInt8](repeating: 0, count: 257 - entry.utf8.count) + Array("ustar".utf8)
            + [UInt8](repeating: 0, count: 250)
    }

    static let cases = [
        Case([], "an empty file"),
        Case(
            "<!DOCTYPE html><html><body>Sign in</body></html>", "a web page (it begins with <!DOCTYPE html><html>",
            remedy: "sign-in"),
        Case("\u{FEFF}\r\n <HTML lang=\"en\">", "a web page"),
        Case("<!doctype html>\n<title>Größe</title>", "a web page"),
        Case(
            "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", "a Git LFS pointer",
            remedy: "git lfs pull"),
        Case("404: Not Found", "a text (it begins with 404: Not Found)"),
        Case("{\"error\": \"gated\"}", "a text (it begins with {\"error\": \"gated\"})"),
        Case([0x1F, 0x8B, 8, 0], "compressed with gzip", remedy: "gunzip"),
        Case([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0, 0], "compressed with xz", remedy: "unxz"),
        Case([0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A, 0], "an HDF5 file", remedy: ".pth"),
        Case([0x93] + Array("NUMPY".utf8) + [1, 0], "a NumPy array"), Case(zip("conv1.npy"), "a NumPy archive (.npz)"),
        Case(zip("resnet.pth"), "a zip archive"), Case(zip("archive/data.pkl"), "a PyTorch file"),
        Case(zip("archive/.format_version"), "a PyTorch file"),
        Case(
            [0x80, 2, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E], "a PyTorch file"),
        Case([0x80, 2, 0x7D, 0x2E], "a plain pickle", remedy: "torch.save"),
        Case(tar("sys_info"), "a tar archive of PyTorch before 0.1.10", remedy: "torch.save"),
        Case(tar("resnet18/weights.pth"), "a tar archive", remedy: "tar -xf"),
        Case([0x08, 0x06, 0x12, 0x07] + Array("pytorch".utf8) + [0x1A, 3], "an ONNX network"),
        Case([0x0A, 0x07] + Array("AlexNet".utf8) + [0xA2, 0x06, 0x10, 0], "a network of Caffe"),
        Case([0x0A, 0x09, 0x0A, 0x05] + Array("input".utf8) + [0x12, 0], "a graph of TensorFlow"),
        Case([0x1C, 0, 0, 0] + Array("TFL3".utf8) + [0], "a network of TensorFlow Lite"),
        Case([0xFF, 0xD8, 0xFF, 0xE0], "a JPEG image"),
    ]

    @Test(arguments: cases)
    func filesAreCalledWhatTheyAre(_ sample: Case) throws {
        let kind = try #require(FileKind(Data(sample.bytes)))
        #expect(kind.name.hasPrefix(sample.name), "\(kind.name)")
        #expect(sample.remedy.isEmpty || kind.remedy.contains(sample.remedy))
        #expect((kind.role == .torch) == (sample.name == "a PyTorch file"))
        #expect((kind.role == .archive) == (sample.name == "a zip archive"))
        let isOld = sample.name.contains("before 0.1.10")
        #expect(kind.problem("no image") == "is \(kind.name), " + (isOld ? "which is too old to be read" : "no image"))
        // A slice has other indices.
        #expect(FileKind((Data([7]) + Data(sample.bytes)).dropFirst()) == kind)
    }

    @Test func namesCannotMoveTheCursor() throws {
        // No text of people's has such characters.
        #expect(FileKind(Data("\u{1B}[2Jhello".utf8)) == nil)
        let kind = try #require(FileKind(Data("<html>\u{202E}abc".utf8)))
        #expect(!kind.name.contains("\u{202E}"))
    }

    @Test func safetensorsAndUnknownBytesHaveNoName() {
        #expect(FileKind(Data([2, 0, 0, 0, 0, 0, 0, 0] + Array("{}".utf8))) == nil)
        // A header of a length whose bytes are letters.
        #expect(FileKind(Data(Array("aa".utf8) + [0, 0, 0, 0, 0, 0] + Array("{\"a\"".utf8))) == nil)
        #expect(FileKind(Data([0, 1, 2, 3, 0xFE, 0xFF])) == nil)
        #expect(FileKind.bytes(Data([0, 1, 0xFE])) == "00 01 FE")
    }

    @Test func theCommandThatImportsIsNamed() {
        #expect(
            FileKind.importCommand("a/moco.pth.tar")
                == "detect-cli weights import a/moco.pth.tar --out moco.safetensors")
        #expect(FileKind.importCommand("x y.pt") == "detect-cli weights import \"x y.pt\" --out \"x y.safetensors\"")
    }

    @Test func filesAreReadFromTheDisk() throws {
        try withTemporaryFolder { folder in
            try Files.writeAtomically("<html>", to: "\(folder)/w.pth")
            #expect(FileKind(path: "\(folder)/w.pth")?.name.hasPrefix("a web page") == true)
            #expect(FileKind(path: "\(folder)/none.pth") == nil)
            try Files.writeAtomically(Data(), to: "\(folder)/empty")
            #expect(FileKind(path: "\(folder)/empty")?.name == "an empty file")
        }
    }
}

import Backbone
import Foundation
import Support
import TestSupport
import Testing
import Torch

@Suite(.tags(.unit), .tiered) struct WeightManifestTests {
    static let entry = WeightManifest.Entry(
        name: "resnet18-instance-cifar10", file: "resnet18-instance-cifar10.safetensors", architecture: .resnet18,
        objective: "instance", data: "CIFAR-10 training images", recipe: "cifar10, 200 epochs", size: 44_700_000,
        sha256: String(repeating: "0a", count: 32), metrics: [.init("knn_top1", 80.8), .init("svm_top1", 75.4)])

    @Test func roundTripKeepsEverything() throws {
        try withTemporaryFolder { folder in
            let manifest = WeightManifest([Self.entry])
            try manifest.write(folder: folder)
            #expect(try WeightManifest(folder: folder) == manifest)
        }
    }

    /// The manifest of this package is valid, and every file that it lists exists with that size and SHA-256.
    @Test func ownManifestIsValid() throws {
        let folder = Repository.path("weights")
        for entry in try WeightManifest(folder: folder).entries { try entry.verify(in: folder) }
    }

    struct Malformed: Sendable, CustomTestStringConvertible {
        let field: String
        let value: JSON?
        var testDescription: String { "\(field) = \(value?.line.prefix(60) ?? "absent")" }
    }

    @Test(arguments: [
        Malformed(field: "name", value: nil), Malformed(field: "name", value: ""),
        Malformed(field: "name", value: "a\u{1B}[2Jb"), Malformed(field: "name", value: "two\nlines"),
        Malformed(field: "name", value: .string(String(repeating: "x", count: 1001))),
        Malformed(field: "file", value: nil), Malformed(field: "file", value: "../secret.safetensors"),
        Malformed(field: "file", value: "/etc/x.safetensors"), Malformed(field: "file", value: "a/../b.safetensors"),
        Malformed(field: "file", value: "sub/x.safetensors"), Malformed(field: "file", value: "..safetensors"),
        Malformed(field: "file", value: "x.pth"), Malformed(field: "file", value: "a\u{0}.safetensors"),
        Malformed(field: "file", value: "a\\b.safetensors"), Malformed(field: "architecture", value: "resnet152"),
        Malformed(field: "architecture", value: nil), Malformed(field: "objective", value: 3),
        Malformed(field: "data", value: nil), Malformed(field: "recipe", value: []),
        Malformed(field: "size", value: nil), Malformed(field: "size", value: 0), Malformed(field: "size", value: -1),
        Malformed(field: "size", value: 1e300), Malformed(field: "size", value: "12"),
        Malformed(field: "sha256", value: nil), Malformed(field: "sha256", value: "abc"),
        Malformed(field: "sha256", value: .string(String(repeating: "G", count: 64))),
        Malformed(field: "sha256", value: .string(String(repeating: "A", count: 64))),
        Malformed(field: "metrics", value: nil), Malformed(field: "metrics", value: [1]),
        Malformed(field: "metrics", value: ["knn": "good"]), Malformed(field: "metrics", value: ["a\u{7}": 1]),
    ])
    func malformedEntriesNameTheField(_ malformed: Malformed) throws {
        let good = try #require(WeightManifest([Self.entry]).json["weights"]?.arrayValue?.first?.members)
        var members = good.filter { $0.name != malformed.field }
        if let value = malformed.value { members.append(JSON.Member(malformed.field, value)) }
        let json: JSON = ["format": 1, "weights": [.object(good), .object(members)]]
        let error = #expect(throws: InputError.self) { try WeightManifest(json: json, path: "manifest.json") }
        #expect(error?.subject == "manifest.json")
        #expect(error?.problem == "weights[1] has no valid \"\(malformed.field)\"")
    }

    @Test func malformedManifestsAreRefused() throws {
        let texts = [
            "", "[]", "{}", #"{"format": 2, "weights": []}"#, #"{"format": 1}"#, #"{"format": 1, "weights": {}}"#,
        ]
        for text in texts {
            try withTemporaryFolder { folder in
                let path = "\(folder)/manifest.json"
                try Files.writeAtomically(text, to: path)
                let error = #expect(throws: InputError.self) { try WeightManifest(folder: folder) }
                #expect(error?.subject == path)
            }
        }
        try withTemporaryFolder { folder in
            #expect(throws: InputError.self) { try WeightManifest(folder: folder) }
            try Files.writeAtomically(String(repeating: " ", count: 5 << 20), to: "\(folder)/manifest.json")
            let error = #expect(throws: InputError.self) { try WeightManifest(folder: folder) }
            #expect(error?.problem.contains("at most") == true)
        }
    }

    @Test func namesAndFilesAreUnique() {
        var sameName = Self.entry
        sameName.file = "other.safetensors"
        var sameFile = Self.entry
        sameFile.name = "other"
        for other in [sameName, sameFile] {
            let json = WeightManifest([Self.entry, other]).json
            #expect(throws: InputError.self) { try WeightManifest(json: json, path: "manifest.json") }
        }
    }

    @Test func verifyingFindsEveryDifference() throws {
        try withTemporaryFolder { folder in
            var entry = Self.entry
            let path = "\(folder)/\(entry.file)"
            // SHA-256 of "abc": FIPS 180-4, example 1.
            entry.size = 3
            entry.sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
            func problem() -> String? {
                do {
                    try entry.verify(in: folder)
                    return nil
                } catch {
                    return "\(error)"
                }
            }
            #expect(problem()?.hasPrefix("\(path): cannot be read") == true)
            try Files.writeAtomically("abc", to: path)
            #expect(problem() == nil)
            try Files.writeAtomically("abd", to: path)
            #expect(problem()?.contains("SHA-256") == true)
            try Files.writeAtomically("abcd", to: path)
            #expect(problem()?.contains("has 4 bytes, the manifest says 3") == true)
            try FileManager.default.removeItem(atPath: path)
            try Files.makeFolder(path)
            #expect(problem()?.contains("not a regular file") == true)
        }
    }

    @Test func entriesDescribeFiles() throws {
        try withTemporaryFolder { folder in
            let shapes = Recognition.tensors(of: .resnet50, stem: .imagenet, classes: nil)
            try write(shapes, to: "\(folder)/net.safetensors")
            let entry = try WeightManifest.Entry(
                describing: "net.safetensors", in: folder, name: "net", data: "none", recipe: "none")
            #expect(entry.architecture == .resnet50)
            #expect(entry.objective == "unknown")
            try entry.verify(in: folder)
        }
    }

    @Test func summariesLeaveOutWhatIsNotFinite() {
        let summary = TensorSummary(Tensor([1 as Float, .nan, 3, -.infinity, 8]))
        #expect(summary.count == 5 && summary.nonFiniteCount == 2)
        #expect(summary.mean == 4 && summary.minimum == 1 && summary.maximum == 8)
        #expect((summary.standardDeviation - (26.0 / 3).squareRoot()).magnitude < 1e-12)
        // A mean that is large beside the deviation.
        let far = TensorSummary(Tensor([1e9 + 1, 1e9 - 1] as [Double]))
        #expect(far.standardDeviation == 1)
        #expect(TensorSummary(Tensor.zeros([0, 3])) == TensorSummary(Tensor.zeros([0])))
        let integers = TensorSummary(Tensor([2, 4]).to(dtype: .int32))
        #expect(integers.mean == 3 && integers.standardDeviation == 1)
        #expect(TensorSummary(Tensor([Float.nan])).mean == 0)
    }
}

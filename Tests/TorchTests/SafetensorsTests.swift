import Foundation
import Support
import TestSupport
import Testing
import Torch

@Suite(.tags(.unit), .tiered) struct SafetensorsTests {
    @Test func roundTripKeepsEverything() throws {
        let folder = try TemporaryFolder()
        defer { withExtendedLifetime(folder) {} }
        let path = "\(folder.path)/w.safetensors"
        let weight = Tensor.randn([2, 3, 4], generator: Generator(seed: 1))
        let half = weight.to(dtype: .bfloat16)
        try SafetensorsFile.write(
            [
                ("layer.weight", weight.transpose(0, 2)), ("half", half), ("labels", Tensor([1, -2, 3])),
                ("empty", Tensor.zeros([0, 4])), ("scalar", Tensor.full([], 2.5, dtype: .float64)),
            ], metadata: ["objective": "instance \"quoted\"\n"], to: path)
        let file = try SafetensorsFile(path: path)
        #expect(file.metadata == ["objective": "instance \"quoted\"\n"])
        #expect(file.entries.map(\.name) == ["layer.weight", "half", "labels", "empty", "scalar"])
        #expect(file.tensor("layer.weight")?.shape == [4, 3, 2])
        #expect(file.tensor("layer.weight")?.floats == weight.transpose(0, 2).floats)
        #expect(file.tensor("half")?.dtype == .bfloat16)
        #expect(file.tensor("half")?.floats == half.floats)
        #expect(file.tensor("labels")?.ints == [1, -2, 3])
        #expect(file.tensor("scalar")?.item == 2.5)
        #expect(file.tensor("absent") == nil)
    }

    struct Malformed: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let header: String
        var length: UInt64?
        var body = 8
        let problem: String
    }

    @Test(arguments: [
        Malformed(testDescription: "header longer than the file", header: "{}", length: 5000, problem: "ends inside"),
        Malformed(testDescription: "huge header", header: "{}", length: .max, problem: "header claims"),
        Malformed(testDescription: "no JSON", header: "hello", problem: "not JSON"),
        Malformed(testDescription: "array", header: "[]", problem: "not an object"),
        Malformed(
            testDescription: "bytes too few for the shape",
            header: #"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#, problem: "its shape needs 12"),
        Malformed(
            testDescription: "overlap",
            header:
                #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#,
            problem: "overlaps"),
        Malformed(
            testDescription: "gap", header: #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#, problem: "gap"),
        Malformed(
            testDescription: "truncated body",
            header: #"{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}"#, problem: "need 16 bytes, but 8"),
        Malformed(
            testDescription: "bytes left over", header: #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
            problem: "need 4 bytes, but 8"),
        Malformed(
            testDescription: "shape overflow without elements",
            header: #"{"a":{"dtype":"F32","shape":[0,4611686018427387904,16],"data_offsets":[0,0]}}"#,
            problem: "overflows"),
        Malformed(
            testDescription: "shape overflow",
            header: #"{"a":{"dtype":"F32","shape":[4611686018427387904,16],"data_offsets":[0,8]}}"#,
            problem: "overflows"),
        Malformed(
            testDescription: "negative size", header: #"{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}"#,
            problem: "bad shape"),
        Malformed(
            testDescription: "inverted offsets", header: #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#,
            problem: "bad data_offsets"),
        Malformed(
            testDescription: "unknown dtype", header: #"{"a":{"dtype":"Q4","shape":[2],"data_offsets":[0,8]}}"#,
            problem: "unsupported dtype Q4"),
        Malformed(
            testDescription: "duplicate name",
            header:
                #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
            problem: "duplicate"),
    ])
    func malformedFilesAreRefused(_ malformed: Malformed) throws {
        let folder = try TemporaryFolder()
        defer { withExtendedLifetime(folder) {} }
        let path = "\(folder.path)/w.safetensors"
        let header = Data(malformed.header.utf8)
        var data = withUnsafeBytes(of: (malformed.length ?? UInt64(header.count)).littleEndian) { Data($0) }
        data.append(header)
        data.append(Data(count: malformed.body))
        try folder.write(data, "w.safetensors")
        let error = #expect(throws: InputError.self) { try SafetensorsFile(path: path) }
        #expect(error?.subject == path)
        #expect(error?.problem.contains(malformed.problem) == true, "\(String(describing: error))")
    }

    @Test func shortAndMissingFilesAreRefused() throws {
        let folder = try TemporaryFolder()
        defer { withExtendedLifetime(folder) {} }
        let path = "\(folder.path)/w.safetensors"
        #expect(throws: InputError.self) { try SafetensorsFile(path: path) }
        try folder.write(Data([1, 2, 3]), "w.safetensors")
        #expect(throws: InputError.self) { try SafetensorsFile(path: path) }
    }

    @Test func loadingReportsWhatDoesNotFit() throws {
        let scope = Scope(seed: 0)
        _ = Linear(scope / "fc", in: 2, out: 3)
        let report = try scope.parameters.load(
            ["fc.weight": Tensor.ones([3, 2]), "fc.bias": Tensor.ones([2]), "x": Tensor.ones([1])],
            from: "w.safetensors")
        #expect(report.loaded == ["fc.weight"] && report.missing == [] && report.unexpected == ["x"])
        #expect(report.mismatched.count == 1)
        #expect(scope.parameters["fc.weight"]?.floats == [1, 1, 1, 1, 1, 1])
        #expect(throws: InputError.self) {
            try scope.parameters.loadExactly(["fc.weight": Tensor.ones([3, 2])], from: "w.safetensors")
        }
    }
}

import Foundation
import Probes
import Support
import TestSupport
import Testing
import Torch

@Suite(.tags(.unit), .tiered) struct FeatureTableTests {
    /// Written as a file of others and filled in, with values that are easily lost.
    private func sample(_ path: String) throws -> FeatureTable {
        try SafetensorsFile.write(
            [
                ("features", Tensor([Float(1), -0.0, 0.1, 4, .leastNonzeroMagnitude, .pi], shape: [3, 2])),
                ("labels", Tensor([1, -1, 0])),
            ],
            to: path)
        var table = try FeatureTable(path: path)
        table.names = ["b/1.jpg", "ä ö.png", "x"]
        table.classes = ["a", "b\n\"c\""]
        table.protocolJSON = ["layer": "avgpool", "image_size": 16]
        return table
    }

    @Test func roundTrip() throws {
        try withTemporaryFile { path in
            let table = try sample(path)
            try table.write(to: path)
            let read = try FeatureTable(path: path)
            #expect(read.features.map(\.bitPattern) == table.features.map(\.bitPattern))
            #expect(read.dimension == 2 && read.count == 3 && read.labels == table.labels)
            #expect(read.names == table.names && read.classes == table.classes)
            #expect(read.protocolJSON == table.protocolJSON)
        }
    }

    @Test func filesOfOthersAreRead() throws {
        try withTemporaryFile { path in
            // 1.5 and -.25 are themselves in bfloat16; .1 becomes .10009765625.
            let features = Tensor([Float(1.5), -0.25, 0.1, 2], shape: [2, 2]).to(dtype: .bfloat16)
            try SafetensorsFile.write(
                [("features", features), ("labels", Tensor([7, 3])), ("other", Tensor([1]))], to: path)
            let read = try FeatureTable(path: path)
            #expect(read.features == [1.5, -0.25, 0.10009765625, 2] && read.dimension == 2)
            #expect(read.labels == [7, 3] && read.names == ["0", "1"] && read.classes == [])
            #expect(read.protocolJSON == [:])
            try SafetensorsFile.write([("features", Tensor.ones([3, 4], dtype: .float64))], to: path)
            #expect(try FeatureTable(path: path).labels == [-1, -1, -1])
        }
    }

    struct Damage: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var problem: String
        var tensors: @Sendable () -> [(name: String, tensor: Tensor)]
    }

    private static let damages: [Damage] = [
        Damage(testDescription: "no features", problem: "\"features\"") { [("labels", Tensor([1]))] },
        Damage(testDescription: "a vector", problem: "\"features\"") { [("features", Tensor.ones([4]))] },
        Damage(testDescription: "integers", problem: "\"features\"") {
            [("features", Tensor([1, 2], shape: [1, 2]))]
        },
        Damage(testDescription: "no columns", problem: "\"features\"") { [("features", Tensor.ones([3, 0]))] },
        Damage(testDescription: "fewer labels", problem: "labels are not [2] I64") {
            [("features", Tensor.ones([2, 2])), ("labels", Tensor([1]))]
        },
        Damage(testDescription: "labels of another type", problem: "labels are not [2] I64") {
            [("features", Tensor.ones([2, 2])), ("labels", Tensor.ones([2]))]
        },
        Damage(testDescription: "labels of another shape", problem: "labels are not [2] I64") {
            [("features", Tensor.ones([2, 2])), ("labels", Tensor([1, 2], shape: [2, 1]))]
        },
    ]

    @Test(arguments: damages) func damagedFilesAreNamed(_ damage: Damage) throws {
        try withTemporaryFile { path in
            try SafetensorsFile.write(damage.tensors(), to: path)
            let error = #expect(throws: InputError.self) { try FeatureTable(path: path) }
            #expect(error?.subject == path && error?.problem.contains(damage.problem) == true)
        }
    }

    @Test func aTruncatedFileIsNamed() throws {
        try withTemporaryFile { path in
            let table = try sample(path)
            try table.write(to: path)
            let bytes = try Files.read(path)
            for length in [0, 4, 60, bytes.count - 1] {
                try Files.writeAtomically(bytes.prefix(length), to: path)
                let error = #expect(throws: InputError.self) { try FeatureTable(path: path) }
                #expect(error?.subject == path)
            }
        }
    }
}

import Foundation
import Probes
import Support
import TestSupport
import Testing
import Torch

@Suite(.tags(.unit), .tiered) struct FeatureMatrixTests {
    // 1 + 2⁻⁸ lies half way between the bfloat16 1 and 1 + 2⁻⁷: to the even one, 1. A little more goes up.
    @Test func roundingToBFloat16() throws {
        let matrix = try FeatureMatrix(
            [1, 1 + 0x1p-8, 1 + 0x1p-8 + 0x1p-20, -0.1, .greatestFiniteMagnitude, -0.0, 1 + 3 * 0x1p-8, 0x1p-130],
            dimension: 4, source: "m")
        let rounded = matrix.roundedToBFloat16()
        #expect(rounded.isBFloat16 && !matrix.isBFloat16 && rounded.count == 2)
        // The largest float would round to infinity: it stays finite.
        let largest = Float(bitPattern: 0x7f7f_0000)
        let expected: [Float] = [1, 1, 1.0078125, -0.10009765625, largest, 0, 1.015625, 0x1p-130]
        #expect(rounded.floats == expected)
    }

    @Test func libtorchRoundsAlike() throws {
        var random = RandomStream(2)
        let values = (0..<4000).map { _ in Float(random.uniform(-2, 2)) }
        let ours = try FeatureMatrix(values, dimension: 8, source: "m").roundedToBFloat16().floats
        #expect(ours == Tensor(values).to(dtype: .bfloat16).floats)
    }

    @Test func rowsOfBothKindsGetUnitLength() throws {
        var float = try FeatureMatrix([3, 4, 0, 0, -8, 6], dimension: 2, source: "m")
        var half = float.roundedToBFloat16()
        float.normalize()
        half.normalize()
        #expect(float.floats == [0.6, 0.8, 0, 0, -0.8, 0.6])
        // 3, 4, 6 and 8 are themselves in bfloat16, so the scaled rows differ by rounding alone.
        #expect(zip(float.floats, half.floats).allSatisfy { abs($0 - $1) < 1e-7 })
        let expanded = half.expanded()
        #expect(!expanded.isBFloat16 && expanded.floats == half.floats)
    }

    @Test(arguments: [UInt16(0x7f80), 0xff80, 0x7fc0]) func bfloat16ThatIsNotFiniteIsNamed(bits: UInt16) {
        let error = #expect(throws: InputError.self) {
            try FeatureMatrix(bfloat16: [0x3f80, 0, 0x3f80, bits], dimension: 2, source: "bank.safetensors")
        }
        #expect(error?.description.hasPrefix("bank.safetensors: row 1 of the features is not finite") == true)
    }

    @Test func searchInABFloat16BankIsThatInItsValues() throws {
        var random = RandomStream(3)
        let queries = try FeatureMatrix(
            (0..<70 * 24).map { _ in Float(random.uniform(-1, 1)) }, dimension: 24, source: "q")
        var bank = try FeatureMatrix(
            (0..<1700 * 24).map { _ in Float(random.uniform(-1, 1)) }, dimension: 24, source: "b")
        let exact = try NearestNeighbors.search(queries: queries, bank: bank, k: 30)
        bank = bank.roundedToBFloat16()
        let rounded = try NearestNeighbors.search(queries: queries, bank: bank, k: 30)
        let expanded = try FeatureMatrix(bank.floats, dimension: 24, source: "b")
        #expect(try rounded == NearestNeighbors.search(queries: queries, bank: expanded, k: 30))
        // Rounding costs few neighbours, but some.
        let kept = (0..<70).reduce(0) { $0 + Set(exact.indices($1)).intersection(rounded.indices($1)).count }
        #expect(kept > 70 * 30 * 95 / 100 && kept < 70 * 30)
    }

    private func write(_ tensors: [(String, Tensor)], _ path: String) throws {
        try SafetensorsFile.write(tensors.map { (name: $0.0, tensor: $0.1) }, to: path)
    }

    @Test func filesAreReadAsTheyAre() throws {
        try withTemporaryFile { path in
            let values = Tensor([Float(1.5), -0.25, 0.5, 2], shape: [2, 2])
            for dtype in [DType.float32, .bfloat16, .float64] {
                try write([("features", values.to(dtype: dtype)), ("labels", Tensor([7, 3]))], path)
                let file = try FeatureFile(path: path)
                #expect(file.features.features == [1.5, -0.25, 0.5, 2] && file.features.labels == [7, 3])
                #expect(file.features.matrix.isBFloat16 == (dtype == .bfloat16) && file.features.source == path)
            }
            var table = try FeatureTable(path: path)
            table.classes = ["a", "b"]
            table.protocolJSON = ["layer": "avgpool"]
            try table.write(to: path)
            let file = try FeatureFile(path: path)
            #expect(file.classes == ["a", "b"] && file.protocolJSON["layer"] == "avgpool")
        }
    }

    @Test func filesThatAreNoUseAreNamed() throws {
        let ones = Tensor.ones([2, 2])
        let cases: [(part: String, tensors: [(String, Tensor)])] = [
            ("has features but no labels", [("features", ones)]),
            ("has features but no labels", [("features", ones), ("labels", Tensor([-1, -1]))]),
            ("row 1 has the negative label -1", [("features", ones), ("labels", Tensor([0, -1]))]),
            ("labels are not [2] I64", [("features", ones), ("labels", Tensor([0]))]),
            ("no tensor \"features\"", [("labels", Tensor([0, 1]))]),
            (
                "row 1 of the features is not finite",
                [
                    ("features", Tensor([Float(1), 1, .nan, 1], shape: [2, 2])), ("labels", Tensor([0, 1])),
                ]
            ),
            ("holds no features", [("features", Tensor.ones([0, 2])), ("labels", Tensor([Int]()))]),
        ]
        for (part, tensors) in cases {
            try withTemporaryFile { path in
                try write(tensors, path)
                let error = #expect(throws: InputError.self) { try FeatureFile(path: path) }
                #expect(error?.subject == path && error?.problem.contains(part) == true, "\(part): \(error as Any)")
            }
        }
    }
}

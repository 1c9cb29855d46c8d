import Foundation
import Support
import TestSupport
import Testing
import Torch

/// An operator of Golden/golden.json: tensors by formula and summaries of what PyTorch makes of them.
struct Golden {
    private let values: JSON

    init(_ name: String) throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Golden/golden.json")
        values = try #require(try JSON.read(file.path)[name])
    }

    func tensor(_ name: String, _ ordinal: Int) throws -> Tensor {
        let shape = try #require(values["shapes"]?[name]?.arrayValue).compactMap(\.intValue)
        return Formula.tensor(shape, ordinal: ordinal)
    }

    func check(_ tensors: [(name: String, tensor: Tensor)]) throws {
        for (name, tensor) in tensors {
            let difference = GoldenSummary.difference(tensor.contiguous(), try #require(values[name]))
            #expect(difference == nil, "\(name): \(difference ?? "")")
        }
    }
}

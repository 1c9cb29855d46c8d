import Support
import TestSupport
import Testing
import Torch

/// An operator of Golden/golden.json: tensors by formula and summaries of what PyTorch makes of them.
struct GoldenOperator {
    private let values: JSON

    init(_ name: String) throws {
        values = try #require(try Golden.read("golden.json")[name])
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

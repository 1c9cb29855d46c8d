import Support
import TestSupport
import Testing
import Torch

/// Weights that a diverged training left behind are refused wherever they are loaded.
@Suite(.tags(.unit), .tiered) struct WeightCheckTests {
    private func problem(_ tensors: [(String, Tensor)]) -> String? {
        var check = WeightCheck()
        for (name, tensor) in tensors { check.examine(name, tensor) }
        do throws(InputError) {
            try check.require(in: "w.pth")
            return nil
        } catch {
            #expect(error.subject == "w.pth" && !error.remedy.isEmpty)
            return error.problem
        }
    }

    @Test func soundWeightsPass() {
        let largest = Float.greatestFiniteMagnitude
        #expect(
            problem([
                ("a", Tensor([-largest, largest, 0] as [Float])), ("b.running_var", Tensor([0, 1] as [Float])),
                ("c", Tensor([Int.min, Int.max])), ("empty", Tensor.zeros([0, 3])), ("one", Tensor([-1] as [Float])),
                ("half", Tensor([65504] as [Float]).to(dtype: .float16)), ("b.running_mean", Tensor([-2] as [Float])),
            ]) == nil)
    }

    @Test(arguments: [DType.float32, .float64, .float16, .bfloat16])
    func valuesThatAreNotFiniteAreCounted(_ dtype: DType) {
        // In the middle of many, where a loop over vectors could lose it.
        var values = [Float](repeating: 1, count: 1001)
        values[500] = .nan
        let found = problem([("conv1.weight", Tensor(values).to(dtype: dtype)), ("b", Tensor([1] as [Float]))])
        #expect(found == "conv1.weight holds values that are not finite (1 of 1001: NaN)")
        values[1000] = -.infinity
        #expect(
            problem([("w", Tensor(values).to(dtype: dtype))])
                == "w holds values that are not finite (2 of 1001: NaN, infinite)")
        values[500] = 2
        #expect(
            problem([("w", Tensor(values).to(dtype: dtype))])
                == "w holds values that are not finite (1 of 1001: infinite)")
    }

    @Test func theFirstTensorIsNamedAndTheOthersAreCounted() {
        let bad = Tensor([.nan, .nan] as [Float])
        #expect(
            problem([("a", Tensor([1] as [Float])), ("b", bad), ("c", bad), ("n", Tensor([1]))])
                == "b holds values that are not finite (2 of 2: NaN); 2 of 3 tensors are like this")
    }

    @Test func doublesThatFloat32CannotHoldAreRefused() {
        #expect(problem([("w", Tensor([1e300, 1]))]) == "w holds values that are not finite (1 of 2: beyond float32)")
    }

    @Test func variancesAreNotNegative() {
        #expect(
            problem([("layer1.0.bn1.running_var", Tensor([1, -0.5] as [Float]))])
                == "layer1.0.bn1.running_var holds a negative variance (-0.5)")
    }

    @Test func whatIsNotSoundIsNotLoaded() throws {
        let scope = Scope(seed: 0)
        _ = Linear(scope / "fc", in: 2, out: 1)
        let before = scope.parameters["fc.weight"]?.floats
        let tensors = [
            "fc.weight": Tensor([1, 2] as [Float], shape: [1, 2]), "fc.bias": Tensor([.infinity] as [Float]),
        ]
        let error = #expect(throws: InputError.self) {
            try scope.parameters.loadExactly(tensors, from: "w.safetensors")
        }
        #expect(error?.subject == "w.safetensors" && error?.problem.hasPrefix("fc.bias holds values") == true)
        #expect(scope.parameters["fc.weight"]?.floats == before)
        // What the model has no place for harms nobody.
        #expect(throws: Never.self) {
            try scope.parameters.load(["other": Tensor([.nan] as [Float])], from: "w.safetensors")
        }
    }
}

import Testing
import Torch

@Suite struct DeviceGraphTests {
    /// Recording does nothing; each replay works on what the inputs hold by then.
    @Test func aReplayReadsAndWritesTheSameMemory() throws {
        let graph = try DeviceGraph(on: .cpu)
        let (input, sum) = (Tensor.full([3], 2), Tensor.zeros([3]))
        var square: Tensor?
        try graph.record {
            square = input.square()
            sum.add_(square!)
        }
        #expect(square == nil && sum.floats == [0, 0, 0])
        try graph.replay()
        input.fill_(3)
        try graph.replay()
        #expect(square?.floats == [9, 9, 9] && sum.floats == [13, 13, 13])
    }

    @Test func aMachineWithoutAGPUSaysSo() throws {
        try #require(throws: TorchError.self) { try Device.cuda().activate() }
        let error = #expect(throws: TorchError.self) { try DeviceGraph(on: .cuda()) }
        #expect(error?.message.contains("CUDA part is not loaded") == true)
    }
}

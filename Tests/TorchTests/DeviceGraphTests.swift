import TestSupport
import Testing
import Torch

@Suite(.tags(.unit), .tiered) struct DeviceGraphTests {
    /// Capturing does nothing; each replay works on what the inputs hold by then.
    @Test func aReplayReadsAndWritesWhatWasCaptured() throws {
        let graph = try DeviceGraph(on: .cpu)
        let (input, sum) = (Tensor.full([3], 2), Tensor.zeros([3]))
        try graph.capture { sum.add_(input.square()) }
        #expect(sum.floats == [0, 0, 0])
        try graph.replay()
        #expect(sum.floats == [4, 4, 4])
        input.fill_(3)
        try graph.replay()
        #expect(sum.floats == [13, 13, 13])
    }

    @Test func whatAReplayWouldNotDoAgainTraps() async {
        await #expect(processExitsWith: .failure) { try captured { _ = $0.item } }
        await #expect(processExitsWith: .failure) { try captured { _ = $0.floats } }
        await #expect(processExitsWith: .failure) { try captured { _ = $0.add_(Tensor([1.0])) } }
        await #expect(processExitsWith: .failure) { try captured { _ = $0.normal_(std: 1, Generator(seed: 1)) } }
        await #expect(processExitsWith: .success) { try captured { _ = $0.add_(Tensor.ones([1])) } }
    }

    @Test(.enabled(if: (try? Device.cuda().activate()) == nil)) func aMachineWithoutAGPUSaysSo() throws {
        let error = #expect(throws: TorchError.self) { try DeviceGraph(on: .cuda()) }
        #expect(error?.message.contains("no GPU whose work could be captured") == true)
    }
}

/// Captures and replays what `work` does with a tensor of one value.
private func captured(_ work: @escaping (Tensor) -> Void) throws {
    let tensor = Tensor.zeros([1])
    let graph = try DeviceGraph(on: .cpu)
    try graph.capture { work(tensor) }
    try graph.replay()
}

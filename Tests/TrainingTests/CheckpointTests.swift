import Foundation
import Support
import TestSupport
import Testing
import Torch
import Training

@Suite(.tags(.unit), .tiered) struct CheckpointTests {
    private func sample() -> Checkpoint {
        var checkpoint = Checkpoint(state: ["step": 7, "z": 0.1, "nothing": .null, "text": "ä\n\"x\""])
        checkpoint.add(
            "model", [("a.weight", Tensor([1.5, -0.0, .pi])), ("b", Tensor([1, 2, 3, 4], shape: [2, 2]))])
        checkpoint.add("modelling", [("a", Tensor([Float(0.1)]))])
        checkpoint.add("task", [("generator", Generator(seed: 3).state), ("empty", Tensor.zeros([0, 5]))])
        return checkpoint
    }

    @Test func roundTrip() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/c.safetensors"
            let written = sample()
            try written.write(to: path)
            let read = try Checkpoint.read(path)
            #expect(read.state == written.state)
            #expect(read.tensors.count == 5)
            for (name, tensor) in written.tensors {
                let back = try #require(read.tensors.first { $0.name == name }?.tensor)
                #expect(back.shape == tensor.shape && back.dtype == tensor.dtype)
                #expect(back.withBytes { Data($0) } == tensor.withBytes { Data($0) })
            }
        }
    }

    @Test func prefixesAreWholeNames() {
        #expect(sample().tensors("model").keys.sorted() == ["a.weight", "b"])
        #expect(sample().tensors("modelling").keys.sorted() == ["a"])
        #expect(sample().tensors("mod").isEmpty)
    }

    @Test func whatIsNoCheckpointIsRefused() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/c.safetensors"
            func problem() -> String? {
                let error = #expect(throws: InputError.self) { try Checkpoint.read(path) }
                #expect(error?.subject == path)
                return error?.problem
            }
            #expect(problem() == "does not exist")
            try SafetensorsFile.write([("a", Tensor.zeros([2]))], to: path)
            #expect(problem() == "is not a checkpoint")
            try SafetensorsFile.write([("a", Tensor.zeros([2]))], metadata: ["checkpoint": "{\"step\":"], to: path)
            #expect(problem() == "is not a checkpoint")
            try sample().write(to: path)
            let bytes = try Files.read(path)
            for length in [0, 7, 100, bytes.count - 1] {
                try Files.writeAtomically(bytes.prefix(length), to: path)
                #expect(problem() != nil)
            }
        }
    }

    @Test func aFailedWriteKeepsThePreviousOne() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/c.safetensors"
            try sample().write(to: path)
            // A folder in the place of the temporary file stands for a disk that takes nothing.
            try Files.makeFolder("\(path).partial-\(ProcessInfo.processInfo.processIdentifier)")
            #expect(throws: InputError.self) { try Checkpoint(state: ["step": 8]).write(to: path) }
            #expect(try Checkpoint.read(path).state["step"] == 7)
        }
    }
}

import Foundation
import Pretrain
import TestSupport
import Testing
import Torch

@Suite(.tags(.unit), .tiered) struct MemoryBankTests {
    @Test func rowsAreUnitVectorsInAllDirections() {
        let bank = MemoryBank(count: 1000, dimension: 16, generator: Generator(seed: 0))
        #expect(bank.count == 1000 && bank.dimension == 16)
        #expect(bank.rows.norm([1]).doubles.allSatisfy { abs($0 - 1) < 1e-6 })
        // The mean of n random directions has a length of about 1/√n.
        #expect(bank.rows.mean([0]).norm().item < 3 / 1000.0.squareRoot())
    }

    // m = .5 between (1, 0) and (0, 1) gives (.5, .5), of unit length (.7071, .7071);
    // between (0, 1) and (.6, .8) it gives (.3, .9) / .948683 = (.316228, .948683).
    @Test func momentumMixesAndNormalizes() {
        let bank = InstanceLossTests.bank([1, 0, 0, 1, -1, 0], dimension: 2)
        bank.update(Tensor([0, 1]), with: Tensor([Float(0), 1, 0.6, 0.8], shape: [2, 2]), momentum: 0.5)
        #expect(isClose(bank.rows.doubles, [0.707107, 0.707107, 0.316228, 0.948683, -1, 0], 1e-6))
    }

    @Test func withoutMomentumRowsAreReplaced() {
        let bank = InstanceLossTests.bank([1, 0, 0, 1, -1, 0], dimension: 2)
        bank.update(Tensor([2, 0]), with: Tensor([Float(0), 1, 0.6, 0.8], shape: [2, 2]), momentum: 0)
        #expect(isClose(bank.rows.doubles, [0.6, 0.8, 0, 1, 0, 1], 1e-7))
    }

    @Test func otherRowsKeepTheirBits() {
        let bank = MemoryBank(count: 50, dimension: 8, generator: Generator(seed: 3))
        let before = bank.rows.floats
        let features = Tensor.randn([2, 8], generator: Generator(seed: 4)).l2Normalized()
        bank.update(Tensor([7, 31]), with: features, momentum: 0.5)
        let after = bank.rows.floats
        for row in 0..<50 {
            let isSame = before[row * 8..<row * 8 + 8] == after[row * 8..<row * 8 + 8]
            #expect(isSame == (row != 7 && row != 31))
        }
    }

    @Test func updatesLeaveNoGraphBehind() {
        let bank = MemoryBank(count: 4, dimension: 3, generator: Generator(seed: 3))
        let features = Tensor.randn([1, 3], generator: Generator(seed: 4))
        features.requiresGradient = true
        bank.update(Tensor([1]), with: features.l2Normalized(), momentum: 0.5)
        #expect(!bank.rows.requiresGradient)
    }

    // A bfloat16 has 8 significant bits: rounding moves a component by at most 2^-8 of its size.
    @Test func halfTheMemoryKeepsTheDirections() {
        let exact = MemoryBank(count: 300, dimension: 16, generator: Generator(seed: 3))
        let half = MemoryBank(count: 300, dimension: 16, generator: Generator(seed: 3), storage: .bfloat16)
        #expect(half.rows.dtype == .bfloat16)
        #expect(zip(exact.rows.doubles, half.rows.doubles).allSatisfy { abs($0 - $1) <= abs($0) / 256 })
        let features = Tensor.randn([2, 16], generator: Generator(seed: 4)).l2Normalized()
        for bank in [exact, half] { bank.update(Tensor([7, 31]), with: features, momentum: 0.5) }
        #expect(isClose(half.select(Tensor([7, 31])).doubles, exact.select(Tensor([7, 31])).doubles, 0.01))
    }

    /// Most memory this process has used so far, in bytes.
    private static func peakMemory() -> Int {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") } ?? ""
        return (Int(line.filter(\.isNumber)) ?? 0) * 1024
    }

    // 600,000 rows are 307 MB, so that the blocks a step works on (some 16 MB) do not decide.
    @Test(arguments: [false, true]) func aLargeBankCostsItsBytes(half: Bool) async {
        await #expect(processExitsWith: .success) { [half] in
            let generator = Generator(seed: 1)
            let few = MemoryBank(count: 20_000, dimension: 128, generator: generator)
            _ = NonParametricSoftmax(temperature: 0.07)(few.block(0..<2), Tensor([0, 1]), few)
            let before = Self.peakMemory()
            let count = half ? 1_200_000 : 600_000
            let bank = MemoryBank(
                count: count, dimension: 128, generator: generator, storage: half ? .bfloat16 : .float32)
            let features = Tensor.randn([128, 128], generator: generator).l2Normalized()
            let indices = Tensor.arange(128, step: 3000)
            _ = NonParametricSoftmax(temperature: 0.07)(features, indices, bank)
            bank.update(indices, with: features, momentum: 0.5)
            let cost = Self.peakMemory() - before
            let bytes = 600_000 * 128 * 4
            print("\(count) rows: \(cost) bytes for \(bytes)")
            exit(cost > 0 && Double(cost) < 1.1 * Double(bytes) ? 0 : 1)
        }
    }
}

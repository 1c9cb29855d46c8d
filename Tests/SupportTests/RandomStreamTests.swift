import Support
import TestSupport
import Testing

@Suite(.tags(.unit), .tiered) struct RandomStreamTests {
    /// Values of an independent SplitMix64 (integer arithmetic in Python after Steele, Lea, Flood 2014).
    @Test(
        arguments: [
            (UInt64(0), [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4, 0x06c4_5d18_8009_454f, 0xf88b_b8a8_724c_81ec]),
            (1_234_567, [0x599e_d017_fb08_fc85, 0x2c73_f084_5854_0fa5, 0x883e_bce5_a3f2_7c77, 0x3fbe_f740_e917_7b3f]),
        ] as [(UInt64, [UInt64])])
    func splitMix64(seed: UInt64, expected: [UInt64]) {
        var stream = RandomStream(state: seed)
        #expect(expected.indices.map { _ in stream.next() } == expected)
    }

    @Test func keysDecideTheStream() {
        var stream = RandomStream(1, 2, 3)
        #expect(stream.state == 0x18ba_faac_b227_cf87)
        #expect(stream.next() == 0x05ee_39d0_743d_b777)
        let states = [RandomStream(1, 2, 3), RandomStream(1, 3, 2), RandomStream(1, 2), RandomStream(3, 2, 1)]
        #expect(Set(states.map(\.state)).count == 4)
    }

    @Test func restoredStateContinues() {
        var stream = RandomStream(9)
        _ = stream.next()
        var restored = RandomStream(state: stream.state)
        #expect(stream.next() == restored.next())
    }

    @Test func integersMatchTheReference() {
        var stream = RandomStream(state: 7)
        #expect((0..<12).map { _ in stream.integer(below: 6) } == [2, 0, 5, 3, 2, 1, 2, 1, 0, 2, 0, 5])
        // A bound of 3·2⁶¹ rejects a quarter of the raw numbers, so the rejection branch is part of this.
        var large = RandomStream(state: 5)
        #expect(
            (0..<4).map { _ in large.integer(below: 3 << 61) } == [
                2_675_479_185_057_884_481, 1_609_772_408_571_979_898, 687_183_261_440_550_265,
                1_300_219_597_915_456_297,
            ])
    }

    @Test(arguments: [1, 2, 3, 7, 1000])
    func integersStayInBoundsAndReachThem(bound: Int) {
        var stream = RandomStream(4, UInt64(bound))
        let values = (0..<(20 * bound)).map { _ in stream.integer(below: bound) }
        #expect(values.allSatisfy { (0..<bound).contains($0) })
        #expect(values.contains(0) && values.contains(bound - 1))
    }

    @Test func uniformHas53BitsInTheUnitInterval() {
        var stream = RandomStream(state: 0)
        #expect(stream.uniform() == 0.8833108082136426)
        let values = (0..<10_000).map { _ in stream.uniform(-1, 3) }
        #expect(values.allSatisfy { (-1..<3).contains($0) })
        // The mean of 10,000 has a standard deviation of 0.012: five of them.
        #expect(abs(values.reduce(0, +) / 10_000 - 1) < 0.06)
    }

    @Test func chanceOfZeroAndOne() {
        var stream = RandomStream(8)
        #expect((0..<1000).allSatisfy { _ in !stream.chance(0) })
        #expect((0..<1000).allSatisfy { _ in stream.chance(1) })
    }

    @Test func permutations() {
        var stream = RandomStream(state: 42)
        #expect(stream.permutation(10) == [8, 3, 6, 5, 4, 0, 9, 2, 1, 7])
        #expect(stream.permutation(0) == [])
        #expect(stream.permutation(1) == [0])
        #expect(stream.permutation(500).sorted() == Array(0..<500))
    }
}

import Pretrain
import TestSupport
import Testing

@Suite(.tags(.unit), .tiered) struct PermutationSetTests {
    /// The least distance of two orders, and the mean.
    private func distances(_ orders: [[Int]]) -> (least: Int, mean: Double) {
        var (least, sum, pairs) = (9, 0, 0)
        for i in orders.indices {
            for j in 0..<i {
                let distance = PermutationSet.distance(orders[i], orders[j])
                (least, sum, pairs) = (min(least, distance), sum + distance, pairs + 1)
            }
        }
        return (least, Double(sum) / Double(pairs))
    }

    private func expectOrders(_ set: PermutationSet, _ count: Int) {
        #expect(set.orders.count == count && Set(set.orders).count == count)
        #expect(set.orders.allSatisfy { $0.sorted() == Array(0..<9) })
    }

    @Test func linesOverTheFieldOfNine() {
        let set = PermutationSet(.group, count: 72)
        expectOrders(set, 72)
        #expect(distances(set.orders).least == 8)
        let rows = [0: "012345678", 1: "120453786", 9: "021687354", 10: "102768435", 18: "036258147", 27: "048561723"]
        for (row, text) in rows { #expect(set.texts[row] == text) }
        #expect(set.texts[71] == "840327165" && set.name == "AGL(1,9)")

        let usual = PermutationSet(.group, count: 64)
        expectOrders(usual, 64)
        #expect(usual.orders == Array(set.orders.prefix(64)))
        let (least, mean) = distances(usual.orders)
        #expect(least == 8 && mean == 8.125)
        // Each tile stands at each place seven or eight times.
        for place in 0..<9 {
            for tile in 0..<9 { #expect([7, 8].contains(usual.orders.count { $0[place] == tile })) }
        }
    }

    @Test func mapsOfTheProjectiveLine() {
        let all = PermutationSet.projective
        #expect(all.count == 504 && Set(all).count == 504 && all.allSatisfy { $0.sorted() == Array(0..<9) })
        let (least, mean) = distances(all)
        #expect(least == 7 && abs(mean - 8.016) < 5e-4)
        let hundred = PermutationSet(.group, count: 100)
        expectOrders(hundred, 100)
        #expect(distances(hundred.orders).least >= 7 && hundred.name == "PGL(2,8)")
        let thousand = PermutationSet(.group, count: 1000)
        expectOrders(thousand, 1000)
        #expect(distances(thousand.orders).least == 6 && thousand.name == "PGammaL(2,8)")
    }

    @Test func theGreedyRule() {
        let set = PermutationSet(.greedy, count: 100)
        expectOrders(set, 100)
        #expect(
            Array(set.texts.prefix(6)) == [
                "012345678", "103254786", "230167845", "321078564", "456780123", "547806231",
            ])
        let hundred = distances(set.orders)
        #expect(hundred.least == 6 && abs(hundred.mean - 8.080) < 5e-4)
        let sixtyFour = distances(Array(set.orders.prefix(64)))
        #expect(sixtyFour.least == 7 && abs(sixtyFour.mean - 8.123) < 5e-4)
        #expect(distances(Array(set.orders.prefix(9))).least == 9)
        #expect(
            distances(Array(set.orders.prefix(17))).least == 8 && distances(Array(set.orders.prefix(18))).least == 7)
    }
}

import Probes
import Support
import TestSupport
import Testing

@Suite(.tags(.unit), .tiered) struct KNNNearestNeighborsTests {
    private func random(_ count: Int, _ key: UInt64) -> [Float] {
        var stream = RandomStream(key)
        return (0..<count).map { _ in Float(stream.uniform(-1, 1)) }
    }

    /// All inner products in Double, sorted.
    private func slowSearch(_ queries: [Float], _ bank: [Float], _ dimension: Int, _ k: Int, excludeSelf: Bool)
        -> [[Int]]
    {
        (0..<queries.count / dimension).map { query in
            var scored: [(score: Double, row: Int)] = []
            for row in 0..<bank.count / dimension where !(excludeSelf && row == query) {
                var score = 0.0
                for d in 0..<dimension {
                    score += Double(queries[query * dimension + d]) * Double(bank[row * dimension + d])
                }
                scored.append((score, row))
            }
            return scored.sorted { $0.score == $1.score ? $0.row < $1.row : $0.score > $1.score }.prefix(k).map(\.row)
        }
    }

    private struct Shape: Sendable {
        var queries, bank, dimension, k: Int
    }

    // Sizes on both sides of the tile borders (128 queries, 512 rows, groups of 512 queries), and k up to all rows.
    @Test(arguments: [
        Shape(queries: 1, bank: 1, dimension: 1, k: 1), Shape(queries: 3, bank: 700, dimension: 5, k: 200),
        Shape(queries: 130, bank: 513, dimension: 16, k: 7), Shape(queries: 600, bank: 1100, dimension: 8, k: 1),
        Shape(queries: 5, bank: 1025, dimension: 3, k: 1025),
    ])
    private func agreesWithBruteForce(shape: Shape) throws {
        let queries = random(shape.queries * shape.dimension, 1)
        let bank = random(shape.bank * shape.dimension, 2)
        let table = try NearestNeighbors.search(queries: queries, bank: bank, dimension: shape.dimension, k: shape.k)
        let expected = slowSearch(queries, bank, shape.dimension, shape.k, excludeSelf: false)
        #expect(table.queryCount == shape.queries && table.k == shape.k)
        for query in 0..<shape.queries {
            let found = table.indices(query).map { Int($0) }
            let scores = Array(table.scores(query))
            #expect(zip(scores, scores.dropFirst()).allSatisfy { $0 >= $1 })
            for (rank, row) in found.enumerated() where row != expected[query][rank] {
                // In single precision two neighbours whose products differ in the last bits may change places.
                var exact = 0.0
                for d in 0..<shape.dimension {
                    exact +=
                        Double(queries[query * shape.dimension + d])
                        * Double(bank[expected[query][rank] * shape.dimension + d])
                }
                #expect(abs(exact - Double(scores[rank])) < 1e-5)
            }
            #expect(Set(found).count == shape.k)
        }
    }

    // Small integers: every product is exact, and most scores tie.
    @Test(arguments: [1, 2, 3, 8], [false, true])
    func tiesGoToTheLowerRowWhateverTheThreads(threads: Int, excludeSelf: Bool) throws {
        var stream = RandomStream(9)
        let features = (0..<1300 * 3).map { _ in Float(stream.integer(below: 3) - 1) }
        let table = try NearestNeighbors.search(
            queries: features, bank: features, dimension: 3, k: 40, excludeSelf: excludeSelf, threads: threads)
        let expected = slowSearch(features, features, 3, 40, excludeSelf: excludeSelf)
        for query in 0..<1300 where table.indices(query).map({ Int($0) }) != expected[query] {
            Issue.record("query \(query) differs")
        }
    }

    // Ascending scores replace the best entries all the time; negative ones order against their bit patterns.
    @Test func ascendingAndNegativeScores() throws {
        let bank = (0..<2000).map { Float($0) - 1500 }
        let table = try NearestNeighbors.search(queries: [1, -1], bank: bank, dimension: 1, k: 3)
        #expect(table.indices == [1999, 1998, 1997, 0, 1, 2])
        #expect(table.scores == [499, 498, 497, 1500, 1499, 1498])
        let lowest = try NearestNeighbors.search(queries: [1], bank: [-3, -1, -2, -0.0, 0], dimension: 1, k: 5)
        #expect(lowest.indices == [3, 4, 1, 2, 0])
    }

    @Test func scoresDoNotDependOnTheThreads() throws {
        let queries = random(200 * 32, 5)
        let bank = random(5000 * 32, 6)
        let one = try NearestNeighbors.search(queries: queries, bank: bank, dimension: 32, k: 50, threads: 1)
        for threads in [2, 5] {
            #expect(
                try NearestNeighbors.search(queries: queries, bank: bank, dimension: 32, k: 50, threads: threads) == one
            )
        }
    }

    @Test func tooManyNeighboursAreRefused() {
        for (excludeSelf, available) in [(false, 4), (true, 3)] {
            let error = #expect(throws: InputError.self) {
                try NearestNeighbors.search(
                    queries: [1, 2, 3, 4], bank: [1, 2, 3, 4], dimension: 1, k: 5, excludeSelf: excludeSelf)
            }
            #expect(error?.description.contains("than the \(available) there are") == true)
        }
    }

    @Test(arguments: [Float.nan, .infinity, -.infinity])
    func rowsThatAreNotFiniteAreNamed(value: Float) {
        var bank = random(40 * 4, 3)
        bank[4 * 17 + 2] = value
        let error = #expect(throws: InputError.self) {
            try NearestNeighbors.search(queries: [1, 1, 1, 1], bank: bank, dimension: 4, k: 1)
        }
        #expect(error?.description.contains("bank: row 17") == true)
    }

    @Test func productsThatOverflowAreRefused() {
        #expect(throws: InputError.self) {
            try NearestNeighbors.search(queries: [-1e30, 1e30], bank: [1e30, 1e30, 1, 1], dimension: 2, k: 2)
        }
    }
}

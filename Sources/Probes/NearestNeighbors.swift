internal import COpenBLAS
internal import Support
internal import Synchronization

/// The `k` bank rows of highest inner product with each query.
public struct NeighborTable: Hashable, Sendable {
    public let k: Int
    /// [n_queries, k], row-major: bank rows, best first; equal scores in ascending order of the row.
    public let indices: [Int32]
    /// [n_queries, k]: their inner products.
    public let scores: [Float]

    public var queryCount: Int { k == 0 ? 0 : indices.count / k }
    public func indices(_ query: Int) -> ArraySlice<Int32> { indices[query * k..<(query + 1) * k] }
    public func scores(_ query: Int) -> ArraySlice<Float> { scores[query * k..<(query + 1) * k] }
}

/// Exact inner-product search by blocked matrix multiplication.
///
/// The n_bank × n_queries score matrix never exists: tiles of it, small enough for the second-level cache, are
/// multiplied out and at once reduced to the best k a query. Tiles are cut at the same places whatever the number of
/// threads, so that results do not depend on it.
public enum NearestNeighbors {
    /// - Parameters:
    ///   - queries: [n_queries, dimension], row-major.
    ///   - bank: [n_bank, dimension], row-major; rows of length 1 make the scores cosines.
    ///   - excludeSelf: query i never finds bank row i (leave-one-out over one set of features).
    /// - Throws: `InputError` when `k` exceeds what the bank can give, and naming the first row that is not finite.
    public static func search(
        queries: [Float], bank: [Float], dimension: Int, k: Int, excludeSelf: Bool = false, threads: Int = 2
    ) throws -> NeighborTable {
        try search(
            queries: FeatureMatrix(queries, dimension: dimension, source: "queries"),
            bank: FeatureMatrix(bank, dimension: dimension, source: "bank"), k: k, excludeSelf: excludeSelf,
            threads: threads)
    }

    /// The same for matrices, the bank in float32 or bfloat16: the latter is expanded tile by tile.
    public static func search(
        queries: FeatureMatrix, bank: FeatureMatrix, k: Int, excludeSelf: Bool = false, threads: Int = 2
    ) throws -> NeighborTable {
        precondition(queries.dimension == bank.dimension, "rows of different dimensions")
        precondition(k > 0, "k must be positive, got \(k)")
        let queryCount = queries.count
        let bankCount = bank.count
        let available = excludeSelf && queryCount > 0 ? bankCount - 1 : bankCount
        guard k <= available else {
            throw InputError(
                "k = \(k)", "asks for more neighbours than the \(max(0, available)) there are",
                remedy: "use a smaller k or more images")
        }
        guard bankCount <= Int(Int32.max) else { throw InputError("bank", "has more than 2³¹ - 1 rows") }
        let queryValues = queries.floats

        let plan = Plan(queryCount: queryCount, bankCount: bankCount, threads: threads)
        let streams = StreamPool(groupCount: plan.groupCount)
        try SingleThreadedBLAS.scope {
            try parallelFor(plan.groupCount * plan.shardCount, threads: threads) { unit in
                let (group, shard) = unit.quotientAndRemainder(dividingBy: plan.shardCount)
                let range = plan.queries(ofGroup: group)
                var best =
                    streams.take(group: group, before: shard) ?? [TopK](repeating: TopK(k: k), count: range.count)
                searchUnit(
                    queries: queryValues, queryRange: range, bank: bank, bankRange: plan.rows(ofShard: shard),
                    excludeSelf: excludeSelf, best: &best)
                streams.put(best, group: group, after: shard)
            }
        }
        let parts = streams.all

        let groups = try parallelMap(plan.groupCount, threads: threads) { group in
            var indices: [Int32] = []
            var scores: [Float] = []
            for (local, query) in plan.queries(ofGroup: group).enumerated() {
                var best = TopK(k: k)
                for part in parts[group] { best.merge(part[local]) }
                let sorted = best.sorted()
                guard sorted.count == k else {
                    throw InputError(
                        "queries", "row \(query): inner products overflow", remedy: "normalise the features")
                }
                indices.append(contentsOf: sorted.lazy.map(\.index))
                scores.append(contentsOf: sorted.lazy.map(\.score))
            }
            return NeighborTable(k: k, indices: indices, scores: scores)
        }
        return NeighborTable(k: k, indices: groups.flatMap(\.indices), scores: groups.flatMap(\.scores))
    }

    /// Queries a unit of work handles together, so that each bank tile is read once from memory for all of them.
    static let groupSize = 512
    /// 512 × 256 scores of 4 bytes fill 512 kB, and the bank tile another 128 kB at 128 dimensions: together they fit
    /// the second-level cache of a current core. All queries of a group at once, so that a bank tile is brought into
    /// the order of the matrix product once.
    static let tileQueries = 512
    static let tileRows = 256

    /// How the work is cut: groups of queries, and shards of the bank when the groups alone cannot feed the threads.
    private struct Plan: Sendable {
        var queryCount: Int
        var bankCount: Int
        var groupCount: Int
        var shardCount: Int
        var tilesPerShard: Int

        init(queryCount: Int, bankCount: Int, threads: Int) {
            self.queryCount = queryCount
            self.bankCount = bankCount
            groupCount = (queryCount + groupSize - 1) / groupSize
            let tiles = (bankCount + tileRows - 1) / tileRows
            // Four units a thread even out their speeds; each shard costs a merge of k entries a query.
            let wanted = threads <= 1 ? 1 : (4 * threads + max(1, groupCount) - 1) / max(1, groupCount)
            tilesPerShard = max(1, (tiles + wanted - 1) / wanted)
            shardCount = (tiles + tilesPerShard - 1) / tilesPerShard
        }

        func queries(ofGroup group: Int) -> Range<Int> {
            group * groupSize..<min(queryCount, (group + 1) * groupSize)
        }
        func rows(ofShard shard: Int) -> Range<Int> {
            let rows = tilesPerShard * tileRows
            return shard * rows..<min(bankCount, (shard + 1) * rows)
        }
    }

    /// Streams of best scores between units of work. A stream goes on from shard to shard, so that its threshold is
    /// high from its second shard on; and only upwards, as equal scores are told apart by the order they come in.
    private final class StreamPool: Sendable {
        private let parts: Mutex<[[(last: Int, best: [TopK])]]>

        init(groupCount: Int) { parts = Mutex(Array(repeating: [], count: groupCount)) }

        func take(group: Int, before shard: Int) -> [TopK]? {
            parts.withLock { parts in
                guard let position = parts[group].firstIndex(where: { $0.last < shard }) else { return nil }
                return parts[group].remove(at: position).best
            }
        }

        func put(_ best: [TopK], group: Int, after shard: Int) {
            parts.withLock { $0[group].append((shard, best)) }
        }

        var all: [[[TopK]]] { parts.withLock { $0.map { $0.map(\.best) } } }
    }

    private static func searchUnit(
        queries: [Float], queryRange: Range<Int>, bank: FeatureMatrix, bankRange: Range<Int>, excludeSelf: Bool,
        best: inout [TopK]
    ) {
        let d = bank.dimension
        queries.withUnsafeBufferPointer { queries in
            withUnsafeTemporaryAllocation(of: Float.self, capacity: tileQueries * tileRows + tileRows * d) { memory in
                guard let queryRows = queries.baseAddress, let scores = memory.baseAddress else { return }
                let scratch = scores + tileQueries * tileRows
                for row in stride(from: bankRange.lowerBound, to: bankRange.upperBound, by: tileRows) {
                    let rows = min(tileRows, bankRange.upperBound - row)
                    bank.withRows(row..<row + rows, scratch: scratch) { bankRows in
                        for query in stride(from: queryRange.lowerBound, to: queryRange.upperBound, by: tileQueries) {
                            let count = min(tileQueries, queryRange.upperBound - query)
                            multiply(queryRows + query * d, count, bankRows, rows, d, into: scores)
                            for local in 0..<count {
                                best[query - queryRange.lowerBound + local].offer(
                                    UnsafeBufferPointer(start: scores + local * rows, count: rows), firstIndex: row,
                                    skipping: excludeSelf ? query + local : -1)
                            }
                        }
                    }
                }
            }
        }
    }

    /// Scores [count, rows] of some queries and bank rows.
    private static func multiply(
        _ queries: UnsafePointer<Float>, _ count: Int, _ bank: UnsafePointer<Float>, _ rows: Int, _ d: Int,
        into scores: UnsafeMutablePointer<Float>
    ) {
        if count <= fewQueries {
            // A matrix product would first copy the bank rows into its own order, and OpenBLAS's product of a matrix
            // with a vector reaches less than half of the speed at which single rows can be read.
            for row in 0..<rows {
                for query in 0..<count {
                    scores[query * rows + row] = openBLAS.sdot(blasint(d), bank + row * d, 1, queries + query * d, 1)
                }
            }
        } else {
            openBLAS.sgemm(
                CblasRowMajor, CblasNoTrans, CblasTrans, blasint(count), blasint(rows), blasint(d), 1, queries,
                blasint(d), bank, blasint(d), 0, scores, blasint(rows))
        }
    }

    /// Up to this many queries, single inner products are faster than a matrix product.
    private static let fewQueries = 4
}

/// Throws `InputError` naming the first row that holds a NaN or an infinity.
func requireFinite(_ features: [Float], dimension: Int, name: String) throws {
    let bad = features.withUnsafeBufferPointer { values -> Int? in
        for start in stride(from: 0, to: values.count, by: dimension) {
            var count: Int32 = 0
            for index in start..<start + dimension {
                count &+= values[index].bitPattern & 0x7f80_0000 == 0x7f80_0000 ? 1 : 0
            }
            if count > 0 { return start / dimension }
        }
        return nil
    }
    if let bad {
        throw notFinite(row: bad, name: name)
    }
}

func notFinite(row: Int, name: String) -> InputError {
    InputError(name, "row \(row) of the features is not finite", remedy: "check the weights that made the features")
}

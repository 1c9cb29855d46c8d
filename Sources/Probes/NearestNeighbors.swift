internal import COpenBLAS
internal import Support

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
        precondition(dimension > 0 && queries.count % dimension == 0 && bank.count % dimension == 0, "ragged rows")
        precondition(k > 0, "k must be positive, got \(k)")
        let queryCount = queries.count / dimension
        let bankCount = bank.count / dimension
        let available = excludeSelf && queryCount > 0 ? bankCount - 1 : bankCount
        guard k <= available else {
            throw InputError(
                "k = \(k)", "asks for more neighbours than the \(max(0, available)) there are",
                remedy: "use a smaller k or more images")
        }
        guard bankCount <= Int(Int32.max) else { throw InputError("bank", "has more than 2³¹ - 1 rows") }
        try requireFinite(bank, dimension: dimension, name: "bank")
        try requireFinite(queries, dimension: dimension, name: "queries")

        let plan = Plan(queryCount: queryCount, bankCount: bankCount, threads: threads)
        let parts = try SingleThreadedBLAS.scope {
            try parallelMap(plan.groupCount * plan.shardCount, threads: threads) { unit in
                let (group, shard) = unit.quotientAndRemainder(dividingBy: plan.shardCount)
                return searchUnit(
                    queries: queries, queryRange: plan.queries(ofGroup: group), bank: bank,
                    bankRange: plan.rows(ofShard: shard), dimension: dimension, k: k, excludeSelf: excludeSelf)
            }
        }

        let groups = try parallelMap(plan.groupCount, threads: threads) { group in
            let shards = parts[group * plan.shardCount..<(group + 1) * plan.shardCount]
            var indices: [Int32] = []
            var scores: [Float] = []
            for (local, query) in plan.queries(ofGroup: group).enumerated() {
                var best = TopK(k: k)
                for shard in shards { best.merge(shard[local]) }
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
    /// 128 × 512 scores of 4 bytes fill 256 kB, and the bank tile another 256 kB at 128 dimensions: together they
    /// fit the second-level cache of a current core.
    static let tileQueries = 128
    static let tileRows = 512

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

    private static func searchUnit(
        queries: [Float], queryRange: Range<Int>, bank: [Float], bankRange: Range<Int>, dimension: Int, k: Int,
        excludeSelf: Bool
    ) -> [TopK] {
        var best = [TopK](repeating: TopK(k: k), count: queryRange.count)
        queries.withUnsafeBufferPointer { queries in
            bank.withUnsafeBufferPointer { bank in
                withUnsafeTemporaryAllocation(of: Float.self, capacity: tileQueries * tileRows) { tile in
                    guard let queryRows = queries.baseAddress, let bankRows = bank.baseAddress,
                        let scores = tile.baseAddress
                    else { return }
                    for row in stride(from: bankRange.lowerBound, to: bankRange.upperBound, by: tileRows) {
                        let rows = min(tileRows, bankRange.upperBound - row)
                        for query in stride(from: queryRange.lowerBound, to: queryRange.upperBound, by: tileQueries) {
                            let count = min(tileQueries, queryRange.upperBound - query)
                            cblas_sgemm(
                                CblasRowMajor, CblasNoTrans, CblasTrans, blasint(count), blasint(rows),
                                blasint(dimension), 1, queryRows + query * dimension, blasint(dimension),
                                bankRows + row * dimension, blasint(dimension), 0, scores, blasint(rows))
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
        return best
    }
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
        throw InputError(
            name, "row \(bad) of the features is not finite", remedy: "check the weights that made the features")
    }
}

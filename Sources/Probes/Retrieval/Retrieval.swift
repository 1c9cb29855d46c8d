public import Graphics
public import Reporting
public import Support

/// The nearest neighbours of some images in a bank of others.
public struct Retrieval: Sendable {
    /// An image whose neighbours are looked for.
    public struct Query: Hashable, Sendable {
        public var name: String
        /// The name of its class; nil where it is unknown.
        public var label: String?
        /// Its own row in the bank, which is not its neighbour.
        public var row: Int?

        public init(name: String, label: String? = nil, row: Int? = nil) {
            self.name = name
            self.label = label
            self.row = row
        }
    }

    public struct Neighbor: Hashable, Sendable {
        public var row: Int
        public var name: String
        public var label: String?
        /// Cosine of the angle between the two feature vectors.
        public var similarity: Float
    }

    public var queries: [Query]
    /// k of each query, the nearest first.
    public var neighbors: [[Neighbor]]
    public var k: Int
    public var bankCount: Int
    public var searchSeconds: Double
    /// How the bank's features were made.
    public var bankProtocol: JSON

    /// Searches the whole bank.
    ///
    /// - Parameters:
    ///   - features: [queries, bank.dimension], row by row.
    ///   - source: What the queries come from, for errors.
    /// - Throws: `InputError` when dimensions differ, the bank is smaller than `k` asks for, or a row is not finite.
    public init(
        _ queries: [Query], features: [Float], dimension: Int, source: String, in bank: FeatureTable, k: Int,
        threads: Int
    ) throws {
        let bankSource = bank.protocolJSON["data"]?.stringValue ?? "the bank"
        guard dimension == bank.dimension else {
            throw InputError(
                source, "has features of \(dimension) dimensions, but \(bankSource) of \(bank.dimension)",
                remedy: "use the weights and the layer that made the bank")
        }
        precondition(features.count == queries.count * dimension, "\(queries.count) queries, \(features.count) values")
        let others = queries.contains { $0.row != nil } ? bank.count - 1 : bank.count
        guard k <= others else {
            throw InputError(
                bankSource, "has only \(max(0, others).counted("other image")) for \(k.counted("neighbour"))",
                remedy: "ask for fewer")
        }
        var (rows, queryRows) = (bank.features, features)
        normalizeRows(&rows, dimension: dimension)
        normalizeRows(&queryRows, dimension: dimension)
        let watch = Stopwatch()
        // One more, in case a query meets itself.
        let table = try NearestNeighbors.search(
            queries: queryRows, bank: rows, dimension: dimension, k: min(k + 1, bank.count), threads: threads)
        searchSeconds = watch.seconds
        neighbors = queries.enumerated().map { index, query in
            zip(table.indices(index), table.scores(index)).filter { Int($0.0) != query.row }.prefix(k).map {
                Neighbor(row: Int($0), name: bank.names[Int($0)], label: bank.className(Int($0)), similarity: $1)
            }
        }
        self.queries = queries
        self.k = k
        bankCount = bank.count
        bankProtocol = bank.protocolJSON
    }

    /// Share of neighbours in the query's class, over the queries whose class is known; nil without any.
    public var precision: Double? {
        let pairs = zip(queries, neighbors).flatMap { query, neighbors in
            query.label.map { label in neighbors.compactMap { $0.label.map { $0 == label } } } ?? []
        }
        return pairs.isEmpty ? nil : Double(pairs.count { $0 }) / Double(pairs.count)
    }

    public var protocolText: String {
        "\(k) nearest of \(bankCount.counted("image")) by exact cosine search, a query of the data set itself left out; "
            + (bankProtocol.members ?? []).map { "\($0.name) \($0.value.stringValue ?? $0.value.line)" }
            .joined(separator: ", ")
    }

    /// What was looked for, the picture of it, and every neighbour.
    ///
    /// - Parameter picture: Of `RetrievalPicture`.
    public func report(_ picture: Drawing) -> Report {
        let share = precision.map { "\((100 * $0).fixed(1)) % of the neighbours are of the query's class" }
        let table = Table(
            [
                .text("query"), .text("class"), .number("rank"), .text("neighbour"), .text("its class"),
                .number("similarity", decimals: 3),
            ],
            zip(queries, neighbors).flatMap { query, neighbors in
                neighbors.enumerated().map { rank, neighbor -> [Table.Cell] in
                    [
                        .text(query.name), query.label.map { .text($0) } ?? .missing, .integer(rank + 1),
                        .text(neighbor.name), neighbor.label.map { .text($0) } ?? .missing,
                        .number(Double(neighbor.similarity)),
                    ]
                }
            })
        let lines = [
            "\(queries.count) queries, \(k.counted("neighbour")) of \(bankCount)", share, "protocol: \(protocolText)",
        ]
        return Report(
            "Nearest neighbours",
            [
                .paragraph(lines.compactMap { $0 }.joined(separator: "\n")),
                .figure(.images(ImageSheet([.init(picture.image())], columns: 1, gap: 0))), .table(table),
            ])
    }

    /// `{"protocol", "k", "n_bank", "precision_at_k", "search_seconds", "queries": [{"query", "label", "neighbors":
    /// [{"name", "label", "similarity"}]}]}`.
    public var json: JSON {
        [
            "protocol": .string(protocolText), "k": .integer(k), "n_bank": .integer(bankCount),
            "precision_at_k": JSON(precision), "search_seconds": .number(searchSeconds),
            "features": bankProtocol,
            "queries": .array(
                zip(queries, neighbors).map { query, neighbors in
                    [
                        "query": .string(query.name), "label": JSON(query.label),
                        "neighbors": .array(
                            neighbors.map {
                                [
                                    "name": .string($0.name), "label": JSON($0.label),
                                    "similarity": .number(Double($0.similarity)),
                                ]
                            }),
                    ]
                }),
        ]
    }
}

extension FeatureTable {
    /// The name of a row's class; the number where the file names no classes, nil without a label.
    public func className(_ row: Int) -> String? {
        let label = labels[row]
        guard label >= 0 else { return nil }
        return label < classes.count ? classes[label] : String(label)
    }
}

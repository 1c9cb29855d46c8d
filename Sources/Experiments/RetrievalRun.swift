public import Graphics
public import Datasets
internal import Foundation
internal import Imaging
public import Probes
internal import Support

/// Finds the neighbours of one image or of a folder's and draws them.
public struct RetrievalRun {
    /// An image, or a folder of images.
    public var query: String
    /// Of a folder, so many images evenly spread.
    public var maximumQueries = 10
    /// Neighbours of each query.
    public var k = 10
    public var threads = 2
    public var onBadImage = BadImagePolicy.stop

    public init(_ query: String) { self.query = query }

    /// - Parameters:
    ///   - images: What the bank was made of; nil when that is unknown, which leaves out pictures.
    ///   - extractor: Makes features of queries that are not in the bank; nil when only those can be asked for.
    public func callAsFunction(
        bank: FeatureTable, images: (any ImageCollection)?, extractor: FeatureExtractor?
    ) throws -> (Retrieval, Drawing) {
        let all: any ImageCollection = Files.isFolder(query) ? try ImageFolder(path: query) : SingleImage(path: query)
        let shown = min(maximumQueries, all.count)
        Notes.write(all.notes)
        let wanted = all.subset((0..<shown).map { $0 * all.count / shown })
        let readable = try wanted.readable(onBadImage, threads: threads)
        guard !readable.isEmpty else {
            throw InputError(query, "has no image that can be read", remedy: "fetch them again")
        }
        let collection = DecodedImages(wanted.subset(readable), usesDamaged: onBadImage.usesDamaged)
        let positions = images.map { images in
            Dictionary((0..<images.count).map { (images.name($0), $0) }, uniquingKeysWith: { first, _ in first })
        }
        let source = images?.source ?? bank.protocolJSON["data"]?.stringValue
        let finder = RowFinder(bank.names) { row in
            images.flatMap { images in positions?[bank.names[row]].map(images.path) }
                ?? source.map { "\($0)/\(bank.names[row])" }
        }
        let queries = (0..<collection.count).map { i in
            let row = finder.row(of: collection.path(i))
            return Retrieval.Query(
                name: collection.path(i),
                label: collection.label(i).map { collection.classes[$0] } ?? row.flatMap { bank.className($0) },
                row: row)
        }
        let features = try features(queries, collection, bank, extractor)
        let retrieval = try Retrieval(
            queries, features: features.values, dimension: features.dimension, source: query, in: bank, k: k,
            threads: threads)
        let picture = try RetrievalPicture.render(retrieval) { i in
            try thumbnail(collection, i)
        } neighbor: { row in
            guard let images, let position = positions?[bank.names[row]] else { return nil }
            return try thumbnail(images, position)
        }
        return (retrieval, picture)
    }

    /// Features of the queries: of the bank for those in it when there is no network, else computed.
    private func features(
        _ queries: [Retrieval.Query], _ collection: any ImageCollection, _ bank: FeatureTable,
        _ extractor: FeatureExtractor?
    ) throws -> (values: [Float], dimension: Int) {
        if let extractor {
            let table = try FeatureRun.extract(collection, extractor, title: "queries")
            return (table.features, table.dimension)
        }
        let values = try queries.flatMap { query in
            guard let row = query.row else {
                throw InputError(
                    query.name, "is not among the images of the features", remedy: "give the weights that made them")
            }
            return bank.features[row * bank.dimension..<(row + 1) * bank.dimension]
        }
        return (values, bank.dimension)
    }

    /// nil for an image that is left out: it has no picture.
    private func thumbnail(_ images: any ImageCollection, _ i: Int) throws -> Image? {
        try onBadImage.read(images.decoding(i)) { decoding in
            try images.pixels(i) ?? Image.decode(images.data(i), name: images.path(i), decoding: decoding)
        }.value.map(RetrievalPicture.thumbnail)
    }
}

/// Finds the row of a bank that was made of a file, by whatever path that is reached.
private struct RowFinder {
    /// Rows by the last part of their name.
    private let rows: [String: [Int]]
    private let path: (Int) -> String?

    /// - Parameter path: Where a row's image is; nil where that is unknown.
    init(_ names: [String], path: @escaping (Int) -> String?) {
        rows = Dictionary(grouping: names.indices) { names[$0].fileName }
        self.path = path
    }

    func row(of file: String) -> Int? {
        let real = Self.canonical(file)
        // Links are resolved for the few files of the same name only, not for a million.
        let candidates = [file, real].flatMap { rows[$0.fileName] ?? [] }
        return candidates.first { path($0).map(Self.canonical) == real }
    }

    private static func canonical(_ path: String) -> String {
        URL(fileURLWithPath: path).resolvingSymlinksInPath().path
    }
}

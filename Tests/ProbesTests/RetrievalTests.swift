import Foundation
import Graphics
import Imaging
import Probes
import Support
import TestSupport
import Testing

@Suite(.tags(.unit), .tiered) struct RetrievalTests {
    /// Directions at 0°, 10°, 50°, 90° and 180°, of several lengths.
    private let bank = FeatureTable(
        features: [(0.0, 1.0), (10, 2), (50, 3), (90, 4), (180, 5)].flatMap { direction($0.0, $0.1) },
        dimension: 2, labels: [0, 0, 1, 1, -1], names: ["a/0.jpg", "a/10.jpg", "b/50.jpg", "b/90.jpg", "180.jpg"],
        classes: ["a", "b"], protocolJSON: ["layer": "avgpool"])

    private static func direction(_ degrees: Double, _ length: Double) -> [Float] {
        let angle = degrees * .pi / 180
        return [Float(length * cos(angle)), Float(length * sin(angle))]
    }

    private func find(_ queries: [Retrieval.Query], _ features: [Float], k: Int) throws -> Retrieval {
        try Retrieval(queries, features: features, dimension: 2, source: "q", in: bank, k: k, threads: 2)
    }

    @Test func byHand() throws {
        // At 20°, ten times as long as any: lengths do not count.
        let found = try find([.init(name: "x.jpg", label: "a")], Self.direction(20, 10), k: 4)
        #expect(found.neighbors[0].map(\.name) == ["a/10.jpg", "a/0.jpg", "b/50.jpg", "b/90.jpg"])
        #expect(found.neighbors[0].map(\.label) == ["a", "a", "b", "b"])
        for (neighbor, degrees) in zip(found.neighbors[0], [10.0, 20, 30, 70]) {
            // Products of float32 unit vectors.
            #expect(abs(Double(neighbor.similarity) - cos(degrees * .pi / 180)) < 1e-6)
        }
        #expect(found.precision == 0.5 && found.json["precision_at_k"] == 0.5)
        let first = found.json["queries"]?.arrayValue?[0]
        #expect(first?["query"] == "x.jpg" && first?["neighbors"]?.arrayValue?[2]["label"] == "b")
        #expect(found.protocolText.contains("4 nearest of 5 images") && found.protocolText.contains("layer avgpool"))
    }

    @Test func aQueryIsNotItsOwnNeighbour() throws {
        // Row 1 twice: once as itself, once as a picture from elsewhere that happens to look alike.
        let row = Array(bank.features[2..<4])
        let found = try find([.init(name: "own", label: "a", row: 1), .init(name: "copy")], row + row, k: 2)
        #expect(found.neighbors[0].map(\.row) == [0, 2])
        #expect(found.neighbors[1].map(\.row) == [1, 0])
        #expect(found.precision == 0.5, "queries without a class do not count")
        #expect(try find([.init(name: "all", row: 0)], Array(bank.features[0..<2]), k: 4).neighbors[0].count == 4)
    }

    @Test func mistakesAreNamed() throws {
        let many = #expect(throws: InputError.self) { try find([.init(name: "x", row: 0)], [1, 0], k: 5) }
        #expect(many?.problem.contains("only 4 other images for 5 neighbours") == true)
        #expect(try find([.init(name: "x")], [1, 0], k: 5).neighbors[0].count == 5)
        let wide = #expect(throws: InputError.self) {
            try Retrieval(
                [.init(name: "x")], features: [1, 2, 3], dimension: 3, source: "x.jpg", in: bank, k: 1, threads: 1)
        }
        #expect(wide?.description.hasPrefix("x.jpg: has features of 3 dimensions") == true)
        #expect(throws: InputError.self) { try find([.init(name: "x")], [.nan, 0], k: 1) }
    }

    @Test func withoutClassesThereIsNoPrecision() throws {
        #expect(try find([.init(name: "x")], [1, 0], k: 2).precision == nil)
        #expect(bank.className(4) == nil && bank.className(3) == "b")
        var numbers = bank
        numbers.classes = []
        #expect(numbers.className(3) == "1")
    }

    // MARK: Picture

    private func pixels(_ image: Image, _ color: Color) -> Int {
        (0..<image.size.pixelCount).count { image[$0 % image.width, $0 / image.width] == color }
    }

    @Test func framesSayWhoIsRight() throws {
        let side = RetrievalPicture.thumbnailSize
        let thumbnail = Image(size: ImageSize(width: side, height: side), color: Color(red: 1, green: 2, blue: 3))
        func picture(_ queries: [Retrieval.Query], k: Int) throws -> Image {
            RetrievalPicture.render(
                try find(queries, queries.flatMap { _ in [Float(1), 0.1] }, k: k), query: { _ in thumbnail },
                neighbor: { $0 == 2 ? nil : thumbnail }
            ).image()
        }
        let (green, red) = (Color(red: 34, green: 152, blue: 72), Color(red: 206, green: 52, blue: 60))
        let frame = (side + 10) * (side + 10) - side * side
        // a, a, b, b of a's neighbours; row 2 has no picture, but a frame like the others.
        let known = try picture([.init(name: "x", label: "a")], k: 4)
        #expect(pixels(known, green) == 2 * frame && pixels(known, red) == 2 * frame)
        // The query and three neighbours have pictures.
        #expect(pixels(known, Color(red: 1, green: 2, blue: 3)) == 4 * side * side)
        #expect(known[0, 0] == .white && known[known.width - 1, known.height - 1] == .white)
        let unknown = try picture([.init(name: "x")], k: 4)
        #expect(pixels(unknown, green) == 0 && pixels(unknown, red) == 0)
        // A row more for each query.
        let (one, two) = (
            try picture([.init(name: "x")], k: 2), try picture([.init(name: "x"), .init(name: "y")], k: 2)
        )
        #expect(one.width == two.width && two.height - one.height > side)
        #expect(unknown.width - one.width == 2 * (side + 10 + 14))
    }

    @Test(arguments: [
        ImageSize(width: 300, height: 100), ImageSize(width: 7, height: 90), ImageSize(width: 1, height: 1),
    ])
    func thumbnailsAreSquare(size: ImageSize) {
        let thumbnail = RetrievalPicture.thumbnail(Image(size: size, color: .white))
        #expect(thumbnail.width == RetrievalPicture.thumbnailSize && thumbnail.height == thumbnail.width)
        // The middle of the image itself, without black borders.
        #expect(pixels(thumbnail, .white) == thumbnail.size.pixelCount)
    }
}

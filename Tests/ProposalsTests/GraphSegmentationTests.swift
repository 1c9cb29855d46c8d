import Proposals
import Imaging
import Support
import TestSupport
import Testing

@Suite(.tags(.unit), .tiered) struct GraphSegmentationTests {
    // 5×5, red channel: . = 0, a = 60, b = 100. Between neighbours: .a 60, .b 100, ab 40 (one diagonal).
    //   . . . . .
    //   . a a . .
    //   . a a . .
    //   . . . b b
    //   . . . b b
    private static let drawing = redImage([
        [0, 0, 0, 0, 0],
        [0, 60, 60, 0, 0],
        [0, 60, 60, 0, 0],
        [0, 0, 0, 100, 100],
        [0, 0, 0, 100, 100],
    ])

    private static let apart: [Int32] = [
        0, 0, 0, 0, 0,
        0, 1, 1, 0, 0,
        0, 1, 1, 0, 0,
        0, 0, 0, 2, 2,
        0, 0, 0, 2, 2,
    ]
    private static let togetherAB = apart.map { min($0, 1) }

    struct Case: Sendable {
        var scale: Double
        var minimumSize: Int
        var labels: [Int32]
    }

    @Test(arguments: [
        // Thresholds after the edges of weight 0: 30/17 for the ground, 30/4 for a and b. Nothing else joins.
        Case(scale: 30, minimumSize: 1, labels: apart),
        // 1000/17 = 58.8 and 1000/4 = 250: ab (40) joins, the ground (60 > 58.8) stays apart.
        Case(scale: 1000, minimumSize: 1, labels: togetherAB),
        // 1100/17 = 64.7: the ground joins too.
        Case(scale: 1100, minimumSize: 1, labels: [Int32](repeating: 0, count: 25)),
        // a and b have 4 pixels; the nearest component is the other one.
        Case(scale: 30, minimumSize: 4, labels: apart),
        Case(scale: 30, minimumSize: 5, labels: togetherAB),
        Case(scale: 30, minimumSize: 9, labels: [Int32](repeating: 0, count: 25)),
    ])
    func drawnByHand(_ expected: Case) {
        let segmentation = GraphSegmentation(
            Self.drawing, scale: expected.scale, minimumSize: expected.minimumSize, sigma: 0)
        #expect(segmentation.labels == expected.labels)
        #expect(segmentation.count == Int(expected.labels.max() ?? 0) + 1)
    }

    @Test(arguments: 0..<12)
    func agreesWithASlowReference(_ number: Int) {
        var random = RandomStream(7, UInt64(number))
        let (width, height) = (3 + random.integer(below: 14), 3 + random.integer(below: 14))
        // Few levels, so that many edges have equal weights.
        let levels = number % 2 == 0 ? 4 : 256
        var image = Image(size: ImageSize(width: width, height: height))
        for i in image.pixels.indices { image.pixels[i] = UInt8(random.integer(below: levels)) }
        for (scale, minimumSize) in [(5.0, 1), (40.0, 1), (300.0, 1), (40.0, 6)] {
            let segmentation = GraphSegmentation(image, scale: scale, minimumSize: minimumSize, sigma: 0)
            #expect(segmentation.labels == slowSegmentation(image, Float(scale), minimumSize))
        }
    }

    // Spots of one pixel, 52 from the ground whose threshold is 2000/1564 = 1.3; smoothing leaves steps under 1.
    @Test func smoothingRemovesSinglePixels() {
        var image = Image(size: ImageSize(width: 40, height: 40))
        for y in stride(from: 2, to: 40, by: 7) {
            for x in stride(from: 3, to: 40, by: 7) { image[x, y] = Color(red: 30, green: 30, blue: 30) }
        }
        #expect(GraphSegmentation(image, scale: 2000, minimumSize: 1, sigma: 0).count == 37)
        #expect(GraphSegmentation(image, scale: 2000, minimumSize: 1, sigma: 2).count == 1)
    }

    @Test(arguments: ProposalColorSpace.allCases)
    func everyColorSpaceTellsRedFromBrightBlue(_ space: ProposalColorSpace) {
        var image = Image(size: ImageSize(width: 8, height: 8), color: Color(red: 200, green: 20, blue: 20))
        for y in 0..<8 {
            for x in 4..<8 { image[x, y] = Color(red: 20, green: 20, blue: 250) }
        }
        let segmentation = GraphSegmentation(image, colorSpace: space, scale: 50, minimumSize: 2, sigma: 0)
        #expect(segmentation.labels == (0..<64).map { $0 % 8 < 4 ? 0 : 1 })
    }
}

private func redImage(_ rows: [[UInt8]]) -> Image {
    Image(
        size: ImageSize(width: rows[0].count, height: rows.count), pixels: rows.flatMap { $0.flatMap { [$0, 0, 0] } })
}

/// Algorithm 1 of Felzenszwalb and Huttenlocher word by word: components are labels that are rewritten on each join.
private func slowSegmentation(_ image: Image, _ scale: Float, _ minimumSize: Int) -> [Int32] {
    var edges: [(first: Int, second: Int, weight: Float)] = []
    for y in 0..<image.height {
        for x in 0..<image.width {
            for (dx, dy) in [(1, 0), (0, 1), (1, 1), (1, -1)] {
                guard x + dx < image.width, (0..<image.height).contains(y + dy) else { continue }
                let (p, q) = (image[x, y], image[x + dx, y + dy])
                let red = Float(p.red) - Float(q.red)
                let green = Float(p.green) - Float(q.green)
                let blue = Float(p.blue) - Float(q.blue)
                let weight = (red * red + green * green + blue * blue).squareRoot()
                edges.append((y * image.width + x, (y + dy) * image.width + x + dx, weight))
            }
        }
    }
    let order = edges.indices.sorted { (edges[$0].weight, $0) < (edges[$1].weight, $1) }
    var component = Array(0..<image.size.pixelCount)
    var difference = [Float](repeating: 0, count: component.count)
    func size(_ label: Int) -> Int { component.filter { $0 == label }.count }
    func join(_ a: Int, _ b: Int) { for i in component.indices where component[i] == b { component[i] = a } }
    for edge in order.map({ edges[$0] }) {
        let (a, b) = (component[edge.first], component[edge.second])
        guard a != b else { continue }
        let limit = min(difference[a] + scale / Float(size(a)), difference[b] + scale / Float(size(b)))
        if edge.weight <= limit {
            join(a, b)
            difference[a] = edge.weight
        }
    }
    for edge in order.map({ edges[$0] }) {
        let (a, b) = (component[edge.first], component[edge.second])
        if a != b, min(size(a), size(b)) < minimumSize { join(a, b) }
    }
    var names: [Int: Int32] = [:]
    return component.map { label in
        if names[label] == nil { names[label] = Int32(names.count) }
        return names[label] ?? -1
    }
}

import Boxes
import Detection
import Support
import TestSupport
import Testing
import Torch

@Suite(.tags(.unit), .tiered) struct RegionPoolingTests {
    //   x  0  1  2  3  4     The region covers columns 1 to 3 and all rows, in 2 × 2 bins:
    // y 0  1  2  3  4  5     columns [0, 1.5) and [1.5, 3) grow to 1-2 and 2-3,
    //   1  6 40  8  9 10     rows [0, 2.5) and [2.5, 5) to 0-2 and 2-4; neighbours share a line.
    //   2 11 12 13 33 15     Maxima: 40 33
    //   3 16 17 18 19 20             50 50
    //   4 99 22 50 24 25     so the gradient of their sum is 2 at the 50, 1 at 40 and 33.
    @Test func fiveByFive() throws {
        let map = Tensor(
            [Float(1), 2, 3, 4, 5, 6, 40, 8, 9, 10, 11, 12, 13, 33, 15, 16, 17, 18, 19, 20, 99, 22, 50, 24, 25],
            shape: [1, 1, 5, 5])
        let region = Region(image: 0, box: Box(minX: 1, minY: 0, maxX: 4, maxY: 5))
        let pooling = RegionPooling(size: 2, scale: 1)
        #expect(pooling(map, [region]).floats == [40, 33, 50, 50])
        map.requiresGradient = true
        #expect(withoutGradients { pooling(map, [region]).floats } == [40, 33, 50, 50])
        let pooled = pooling(map, [region])
        #expect(pooled.floats == [40, 33, 50, 50])
        pooled.sum().backward()
        var expected = [Float](repeating: 0, count: 25)
        (expected[6], expected[13], expected[22]) = (1, 1, 2)
        #expect(try #require(map.gradient).floats == expected)
    }

    // At scale 1/16 pixels 8 to 39 are cells round(.5) = 1 to round(2.4375) = 2; half of the 3 × 3 region at the
    // corner (cells 4 to 6 of 5) is outside: its last bins are empty.
    @Test func cornersAreRoundedAndClipped() {
        let map = Tensor((0..<25).map { Float($0 + 1) }, shape: [1, 1, 5, 5])
        let inner = Region(image: 0, box: Box(minX: 8, minY: 8, maxX: 40, maxY: 40))
        #expect(RegionPooling(size: 1, scale: 1.0 / 16)(map, [inner]).floats == [13])
        let corner = Region(image: 0, box: Box(minX: 4, minY: 4, maxX: 7, maxY: 7))
        #expect(RegionPooling(size: 3, scale: 1)(map, [corner]).floats == [25, 0, 0, 0, 0, 0, 0, 0, 0])
    }

    /// What runs on a GPU: the same values and gradients, also at ties, of empty bins and of bins of all sizes.
    @Test(arguments: [(1, 7), (2, 3), (1, 14)]) func operatorsPoolTheSame(images: Int, size: Int) throws {
        let generator = Scope(seed: 3).generator
        var random = RandomStream(5)
        // Few different values: many ties.
        let map = (Tensor.randn([images, 5, 19, 23], generator: generator) * 2).to(dtype: .int64).to(dtype: .float32)
        let regions = (0..<40).map { _ in
            let (x, y) = (random.uniform(-20, 360), random.uniform(-20, 300))
            return Region(
                image: random.integer(below: images),
                box: Box(minX: x, minY: y, maxX: x + random.uniform(1, 250), maxY: y + random.uniform(1, 200)))
        }
        let pooling = RegionPooling(size: size, scale: 1.0 / 16)
        #expect(pooling.byOperators(map, regions).doubles == pooling(map, regions).doubles)
        #expect(pooling.byOperators(map, []).shape == [0, 5, size, size])
        let weights = Tensor.randn([40, 5, size, size], generator: generator)
        let gradients = try [pooling.byOperators, pooling.callAsFunction].map { pool in
            let leaf = map.clone()
            leaf.requiresGradient = true
            (pool(leaf, regions) * weights).sum().backward()
            return try #require(leaf.gradient).doubles
        }
        for (a, b) in zip(gradients[0], gradients[1]) { #expect(abs(a - b) < 1e-4) }
    }

    @Test func noRegionsGiveAnEmptyTensor() {
        let map = Tensor.ones([1, 3, 4, 4])
        #expect(RegionPooling(size: 2, scale: 1)(map, []).shape == [0, 3, 2, 2])
        map.requiresGradient = true
        #expect(RegionPooling(size: 2, scale: 1)(map, []).shape == [0, 3, 2, 2])
    }

    /// One value by the definition, looking at every cell of the map.
    private func reference(
        _ map: [Float], _ shape: [Int], _ region: Region, channel: Int, row: Int, column: Int, size: Int, scale: Double
    ) -> Float? {
        func isInside(_ cell: Int, _ low: Double, _ high: Double, bin: Int) -> Bool {
            let (start, end) = ((low * scale).rounded(), ((high - 1) * scale).rounded())
            // float32, as the released layer computes it.
            let side = Float(max(end - start + 1, 1)) / Float(size)
            let offset = Float(Double(cell) - start)
            return offset >= (Float(bin) * side).rounded(.down) && offset < (Float(bin + 1) * side).rounded(.up)
        }
        var best: Float?
        for y in 0..<shape[2] where isInside(y, region.box.minY, region.box.maxY, bin: row) {
            for x in 0..<shape[3] where isInside(x, region.box.minX, region.box.maxX, bin: column) {
                let value = map[((region.image * shape[1] + channel) * shape[2] + y) * shape[3] + x]
                best = max(best ?? value, value)
            }
        }
        return best
    }

    private func randomRegions(_ count: Int, images: Int, _ random: inout RandomStream) -> [Region] {
        (0..<count).map { i in
            let (x, y) = (random.uniform(-60, 160), random.uniform(-60, 140))
            // Every third region is tiny.
            let (width, height) =
                i % 3 == 0
                ? (random.uniform(0.1, 2), random.uniform(0.1, 2)) : (random.uniform(1, 150), random.uniform(1, 150))
            return Region(
                image: random.integer(below: images), box: Box(minX: x, minY: y, maxX: x + width, maxY: y + height))
        }
    }

    @Test(arguments: [1, 2, 3, 6, 7], [0.0625, 0.05, 0.25])
    func anyRegionIsPooledByTheDefinition(size: Int, scale: Double) {
        var random = RandomStream(UInt64(size), 3)
        let shape = [3, 4, 7, 9]
        let values = (0..<shape.reduce(1, *)).map { _ in Float(random.uniform(-1, 1)) }
        let regions = randomRegions(60, images: 3, &random)
        let map = Tensor(values, shape: shape)
        let pooled = RegionPooling(size: size, scale: scale)(map, regions)
        #expect(pooled.shape == [60, 4, size, size])
        var expected: [Float] = []
        var emptyBins = 0
        for region in regions {
            for channel in 0..<4 {
                for row in 0..<size {
                    for column in 0..<size {
                        let value = reference(
                            values, shape, region, channel: channel, row: row, column: column, size: size, scale: scale)
                        if value == nil { emptyBins += 1 }
                        expected.append(value ?? 0)
                    }
                }
            }
        }
        #expect(emptyBins > 0)
        #expect(pooled.floats == expected)
        // The path that records a gradient gathers the same values, from channels-last memory, too.
        map.requiresGradient = true
        #expect(RegionPooling(size: size, scale: scale)(map, regions).floats == expected)
        #expect(RegionPooling(size: size, scale: scale)(map.contiguous(.channelsLast), regions).floats == expected)
    }

    // A function of maxima is linear as long as they do not switch. Values are whole numbers apart by at least 1,
    // the step is 1/4, and all products and sums are multiples of 1/32 under 2^19: exact in float32.
    @Test func gradientIsThatOfFiniteDifferences() throws {
        var random = RandomStream(8)
        let shape = [2, 2, 5, 6]
        let count = shape.reduce(1, *)
        let values = random.permutation(count).map { Float($0) }
        let regions = randomRegions(12, images: 2, &random)
        let pooling = RegionPooling(size: 3, scale: 1.0 / 16)
        let weight = Tensor(
            (0..<12 * 2 * 9).map { _ in Float(random.integer(below: 17) - 8) / 8 }, shape: [12, 2, 3, 3])
        let map = Tensor(values, shape: shape)
        map.requiresGradient = true
        (pooling(map, regions) * weight).sum().backward()
        func value(_ index: Int, _ step: Float) -> Double {
            var moved = values
            moved[index] += step
            return (pooling(Tensor(moved, shape: shape), regions) * weight).sum().item
        }
        let differences = (0..<count).map { (value($0, 0.25) - value($0, -0.25)) / 0.5 }
        #expect(differences.contains { $0 != 0 })
        #expect(try #require(map.gradient).doubles == differences)
    }

    // Maxima are copies; only the sums of the gradient are rounded, to 1e-6 of the largest.
    @Test func valuesAndGradientAreTorchs() throws {
        let golden = try Golden.read("regions.json")
        let map = Tensor(golden["map"]?.floats ?? [], shape: golden["shape"]?.ints ?? [])
        let regions = (golden["rois"]?.arrayValue ?? []).map(\.doubles).map {
            Region(image: Int($0[0]), box: Box(minX: $0[1], minY: $0[2], maxX: $0[3] + 1, maxY: $0[4] + 1))
        }
        let pooling = RegionPooling(size: golden["size"]?.intValue ?? 0, scale: golden["scale"]?.doubleValue ?? 0)
        let expected = try #require(golden["pooled"]).floats
        #expect(pooling(map, regions).floats == expected)
        map.requiresGradient = true
        let pooled = pooling(map, regions)
        #expect(pooled.floats == expected)
        (pooled * Tensor(golden["weight"]?.floats ?? [], shape: pooled.shape)).sum().backward()
        #expect(isClose(try #require(map.gradient).doubles, golden["gradient"]?.doubles ?? [], 1e-6))
    }
}

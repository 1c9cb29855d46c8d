import Boxes
import Detection
import Foundation
import Support
import TestSupport
import Testing
import Torch

@Suite(.tags(.unit), .tiered) struct RegionAlignTests {
    // A 3×3 map of 1 … 9 with cells of one pixel. The region is the middle cell and half of each neighbour: from .5 to
    // 2.5. Two bins a side of one cell each; their samples lie at .75, 1.25 | 1.75, 2.25, that is .25, .75, 1.25, 1.75
    // cells from the first centre. The map is x + 3y + 1 there, so a bin is its value in the middle: x, y ∈ {.5, 1.5}.
    @Test func threeByThree() {
        let map = Tensor((1...9).map { Float($0) }, shape: [1, 1, 3, 3])
        let pooled = RegionAlign(size: 2, scale: 1)(
            map, [Region(image: 0, box: Box(minX: 0.5, minY: 0.5, maxX: 2.5, maxY: 2.5))])
        #expect(pooled.shape == [1, 1, 2, 2])
        #expect(isClose(pooled.doubles, [3, 4, 6, 7], 1e-6))
    }

    /// The definition, sample by sample.
    private func reference(_ map: [Float], _ shape: [Int], _ region: Region, size: Int, scale: Double, samples: Int)
        -> [Double]
    {
        let (channels, height, width) = (shape[1], shape[2], shape[3])
        func value(_ c: Int, _ x: Double, _ y: Double) -> Double {
            if x < -1 || y < -1 || x > Double(width) || y > Double(height) { return 0 }
            let (x, y) = (min(max(x, 0), Double(width - 1)), min(max(y, 0), Double(height - 1)))
            var sum = 0.0
            for row in 0..<height {
                for column in 0..<width {
                    // A bilinear kernel is a tent around each cell.
                    let weight = max(0, 1 - abs(x - Double(column))) * max(0, 1 - abs(y - Double(row)))
                    sum += weight * Double(map[((region.image * channels + c) * height + row) * width + column])
                }
            }
            return sum
        }
        let box = region.box
        return (0..<channels).flatMap { c in
            (0..<size * size).map { bin in
                var sum = 0.0
                for sample in 0..<samples * samples {
                    let fx = (Double(bin % size) + (Double(sample % samples) + 0.5) / Double(samples)) / Double(size)
                    let fy = (Double(bin / size) + (Double(sample / samples) + 0.5) / Double(samples)) / Double(size)
                    sum += value(
                        c, (box.minX + fx * box.width) * scale - 0.5, (box.minY + fy * box.height) * scale - 0.5)
                }
                return sum / Double(samples * samples)
            }
        }
    }

    @Test(arguments: [1, 2, 7], [1, 2, 3]) func anyRegionIsPooledByTheDefinition(size: Int, samples: Int) {
        var random = RandomStream(5, UInt64(size), UInt64(samples))
        let shape = [2, 3, 5, 8]
        let values = (0..<shape.reduce(1, *)).map { _ in Float(random.uniform(-1, 1)) }
        let regions = (0..<20).map { _ in
            let (x, y) = (random.uniform(-40, 120), random.uniform(-40, 70))
            return Region(
                image: random.integer(below: 2),
                box: Box(minX: x, minY: y, maxX: x + random.uniform(0, 90), maxY: y + random.uniform(0, 60)))
        }
        let pooled = RegionAlign(size: size, scale: 1.0 / 16, samplesPerSide: samples)(
            Tensor(values, shape: shape), regions)
        let expected = regions.flatMap {
            reference(values, shape, $0, size: size, scale: 1.0 / 16, samples: samples)
        }
        #expect(zip(pooled.doubles, expected).allSatisfy { ($0 - $1).magnitude < 1e-5 })
    }

    // The pooled values are linear in the map: differences of any step are exact but for rounding.
    @Test func gradientIsThatOfFiniteDifferences() throws {
        var random = RandomStream(9)
        let shape = [1, 2, 4, 5]
        let values = (0..<40).map { _ in Float(random.integer(below: 64)) / 8 }
        let regions = (0..<6).map { _ in
            let (x, y) = (random.uniform(-10, 60), random.uniform(-10, 50))
            return Region(image: 0, box: Box(minX: x, minY: y, maxX: x + 30, maxY: y + 24))
        }
        let align = RegionAlign(size: 3, scale: 1.0 / 16)
        let weight = Tensor((0..<6 * 2 * 9).map { _ in Float(random.integer(below: 9) - 4) }, shape: [6, 2, 3, 3])
        let map = Tensor(values, shape: shape)
        map.requiresGradient = true
        (align(map, regions) * weight).sum().backward()
        let differences = values.indices.map { index -> Double in
            func value(_ step: Float) -> Double {
                var moved = values
                moved[index] += step
                return (align(Tensor(moved, shape: shape), regions) * weight).sum().item
            }
            return (value(1) - value(-1)) / 2
        }
        #expect(differences.contains { $0.magnitude > 0.1 })
        #expect(isClose(try #require(map.gradient).doubles, differences, 1e-4))
    }

    @Test func valuesAndGradientAreTorchs() throws {
        let golden = try Golden.read("align.json")
        let map = Tensor(golden["map"]?.floats ?? [], shape: golden["shape"]?.ints ?? [])
        let regions = (golden["rois"]?.arrayValue ?? []).map(\.doubles).map {
            Region(image: Int($0[0]), box: Box(minX: $0[1], minY: $0[2], maxX: $0[3], maxY: $0[4]))
        }
        map.requiresGradient = true
        let align = RegionAlign(size: golden["size"]?.intValue ?? 0, scale: golden["scale"]?.doubleValue ?? 0)
        let pooled = align(map, regions)
        #expect(isClose(pooled.doubles, golden["pooled"]?.doubles ?? [], 1e-5))
        (pooled * Tensor(golden["weight"]?.floats ?? [], shape: pooled.shape)).sum().backward()
        #expect(isClose(try #require(map.gradient).doubles, golden["gradient"]?.doubles ?? [], 1e-5))
    }

    @Test func noRegionsGiveAnEmptyTensor() {
        #expect(RegionAlign(size: 7, scale: 1)(Tensor.zeros([1, 4, 3, 3]), []).shape == [0, 4, 7, 7])
    }
}

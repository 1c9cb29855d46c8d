import Imaging
import Support
import TestSupport
import Testing

/// Patches cut from one picture, and the changes that keep colours from telling where a patch was.
@Suite(.tags(.unit), .tiered) struct PatchCutTests {
    /// Its pixel at (x, y) is (x, y, 7).
    private func coordinates(_ side: Int) -> Image {
        var image = Image(size: ImageSize(width: side, height: side))
        for y in 0..<side { for x in 0..<side { image[x, y] = Color(red: UInt8(x), green: UInt8(y), blue: 7) } }
        return image
    }

    private func corner(_ patch: Image) -> (x: Int, y: Int) { (Int(patch[0, 0].red), Int(patch[0, 0].green)) }

    /// Cells of 10 pixels, tiles of 6 that move by 3: from 0 or 1 in front of the cell's middle on.
    @Test func tilesStayInTheirCells() {
        let picture = coordinates(31)
        let cut = PatchCut.tiles(grid: 3, side: 6, jitter: 3, choices: 5)
        var random = RandomStream(1)
        var places: [Set<Int>] = [[], []]
        var choices: Set<Int> = []
        for _ in 0..<60 {
            let (tiles, choice) = cut.apply(picture, random: &random)
            choices.insert(choice)
            #expect(tiles.count == 9 && tiles.allSatisfy { $0.width == 6 && $0.height == 6 })
            for (cell, tile) in tiles.enumerated() {
                let (x, y) = corner(tile)
                places[0].insert(x - cell % 3 * 10)
                places[1].insert(y - cell / 3 * 10)
                #expect(tile[5, 5] == Color(red: UInt8(x + 5), green: UInt8(y + 5), blue: 7))
            }
        }
        #expect(places[0] == [0, 1, 2, 3] && places[1] == places[0])
        #expect(choices == [0, 1, 2, 3, 4])
    }

    @Test(arguments: [0, 2]) func pairsLieInTheirDirection(jitter: Int) {
        let picture = coordinates(30)
        let cut = PatchCut.pair(side: 8, gap: 4, jitter: jitter)
        var random = RandomStream(2)
        var seen: Set<Int> = []
        for _ in 0..<200 {
            let (patches, choice) = cut.apply(picture, random: &random)
            seen.insert(choice)
            let (first, second, direction) = (corner(patches[0]), corner(patches[1]), PatchCut.directions[choice])
            #expect(abs(second.x - first.x - direction.0 * 12) <= 2 * jitter)
            #expect(abs(second.y - first.y - direction.1 * 12) <= 2 * jitter)
        }
        #expect(seen == Set(0..<8))
    }

    /// Opposite directions sum to 7; of a mirrored image each direction is another.
    @Test func directionsAndTheirMirrorImages() {
        let directions = PatchCut.directions
        for (index, direction) in directions.enumerated() {
            #expect(directions[7 - index] == (-direction.0, -direction.1))
        }
        let mirrored = directions.map { direction in directions.firstIndex { $0 == (-direction.0, direction.1) } }
        #expect(mirrored == [2, 1, 0, 4, 3, 7, 6, 5])
    }

    // B = I − aᵀa/(a·a), a = (−1, 2, −1): rows (5, 2, −1)/6, (2, 2, 2)/6, (−1, 2, 5)/6.
    @Test(
        arguments: [
            ([90, 90, 90], [90, 90, 90]), ([0, 255, 0], [85, 85, 85]), ([255, 0, 255], [170, 170, 170]),
            ([255, 0, 0], [213, 85, 0]), ([100, 50, 160], [73, 103, 133]),
        ] as [([UInt8], [UInt8])])
    func greenAgainstMagentaIsTakenOut(color: [UInt8], expected: [UInt8]) {
        let image = Image(size: ImageSize(width: 1, height: 1), pixels: color)
        let once = image.withoutGreenMagenta()
        #expect(once.pixels == expected)
        // What lies in the plane stays there.
        let twice = once.withoutGreenMagenta().pixels
        if expected[2] > 0 { #expect(zip(twice, expected).allSatisfy { abs(Int($0) - Int($1)) <= 1 }) }
    }

    @Test func oneChannelIsKept() {
        let image = Image(size: ImageSize(width: 1, height: 1), pixels: [1, 2, 3])
        #expect((0..<3).map { image.keeping(channel: $0).pixels } == [[1, 128, 128], [128, 2, 128], [128, 128, 3]])
    }

    // 90 degrees of [[1, 2], [3, 4]] are [[2, 4], [1, 3]].
    @Test func turnsByRightAngles() {
        let image = Image(size: ImageSize(width: 2, height: 2), pixels: [1, 2, 3, 4].flatMap { [$0, $0, $0] })
        #expect(image.turned(quarters: 1).pixels == [2, 4, 1, 3].flatMap { [$0, $0, $0] })
        let wide = coordinates(9).cropped(x: 0, y: 0, size: ImageSize(width: 9, height: 4))
        #expect(wide.turned(quarters: 1).size == ImageSize(width: 4, height: 9))
        for quarters in 0..<4 { #expect(wide.turned(quarters: quarters).turned(quarters: 4 - quarters) == wide) }
        let square = coordinates(9)
        for quarters in 0..<4 {
            #expect(square.rotated(degrees: 90 * Double(quarters)) == square.turned(quarters: quarters))
        }
    }

    @Test func beyondTheEdgesImagesAreMirrored() {
        let image = Image(size: ImageSize(width: 12, height: 12), color: Color(red: 9, green: 8, blue: 7))
        #expect(image.rotated(degrees: 33) == image)
        #expect(coordinates(12).rotated(degrees: 5) != coordinates(12))
    }

    @Test func framesOfATraining() {
        var augmentation = Augmentation(cropScale: 0.3)
        let size = ImageSize(width: 32, height: 32)
        augmentation.framing = .padded(4)
        #expect(
            augmentation.pipeline(imageSize: 32).steps == [
                .resize(size), .randomCrop(size: size, padding: 4), .randomHorizontalFlip(probability: 0.5),
            ])
        augmentation.framing = .shortSide(1.25)
        augmentation.rotation = 20
        augmentation.projection = 0.5
        augmentation.channelDrop = 0.25
        #expect(
            augmentation.pipeline(imageSize: 32).steps == [
                .resizeShortSide(40), .randomCrop(size: size, padding: 0), .randomRotation(degrees: 20),
                .randomProjection(probability: 0.5), .randomChannel(probability: 0.25),
                .randomHorizontalFlip(probability: 0.5),
            ])
    }
}

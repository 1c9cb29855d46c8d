import Datasets
import Foundation
import Imaging
import Pretrain
import Support
import TestSupport
import Testing
import Torch

/// Batches of images of one size, and what both ways of changing them make of it.
@Suite(.tags(.unit), .tiered) struct DeviceAugmentationTests {
    private static let size = ImageSize(width: 29, height: 23)

    /// Noise of all colours; grey and nearly grey noise, black, white, and the corners of the colour cube.
    private static func images(_ count: Int) -> [Image] {
        (0..<count).map { number in
            var random = RandomStream(7, UInt64(number))
            var image = Image(size: size)
            for y in 0..<size.height {
                for x in 0..<size.width {
                    let (a, b, c) = (
                        random.integer(below: 256), random.integer(below: 256), random.integer(below: 256)
                    )
                    image[x, y] =
                        switch number % 6 {
                        case 0: Color(red: UInt8(a), green: UInt8(b), blue: UInt8(c))
                        case 1: Color(red: UInt8(a), green: UInt8(a), blue: UInt8(a))
                        case 2: Color(red: UInt8(a), green: UInt8(a), blue: UInt8(min(255, a + b % 2)))
                        case 3: .black
                        case 4: .white
                        default:
                            Color(red: UInt8(a % 2 * 255), green: UInt8(b % 2 * 255), blue: UInt8(c % 2 * 255))
                        }
                }
            }
            return image
        }
    }

    private static func batch(_ images: [Image]) -> Tensor {
        Tensor(images.flatMap(\.pixels), shape: [images.count, size.height, size.width, 3])
    }

    private func expectSame(_ images: [Image], _ changes: [[ImageChange]], _ name: String = "") {
        let changed = DeviceAugmentation.apply(changes, to: Self.batch(images))
        #expect(changed.dtype == .uint8 && changed.shape == [images.count, Self.size.height, Self.size.width, 3])
        let expected = zip(images, changes).map { image, list in list.reduce(image) { $0.applying($1) } }
        let (got, wanted) = (changed.ints, expected.flatMap(\.pixels).map(Int.init))
        #expect(got == wanted, "\(name): \(zip(got, wanted).filter { $0 != $1 }.count) of \(wanted.count) differ")
    }

    /// By hand: mirroring, luma, and half of the brightness of two pixels.
    @Test func changesByHand() {
        let pixels = Tensor([UInt8](arrayLiteral: 10, 20, 30, 200, 100, 50), shape: [1, 1, 2, 3])
        #expect(DeviceAugmentation.apply([[.horizontalFlip(true)]], to: pixels).ints == [200, 100, 50, 10, 20, 30])
        // .299 · 10 + .587 · 20 + .114 · 30 = 18.15; 59.8 + 58.7 + 5.7 = 124.2
        #expect(DeviceAugmentation.apply([[.grayscale(true)]], to: pixels).ints == [18, 18, 18, 124, 124, 124])
        #expect(
            DeviceAugmentation.apply([[.colors([.brightness(0.5)])]], to: pixels).ints == [5, 10, 15, 100, 50, 25])
        // The mean of 18 and 124 is 71.
        #expect(DeviceAugmentation.apply([[.colors([.contrast(0)])]], to: pixels).ints == [71, 71, 71, 71, 71, 71])
        #expect(
            DeviceAugmentation.apply([[.horizontalFlip(false), .colors([])]], to: pixels).ints == [
                10, 20, 30, 200, 100, 50,
            ])
        #expect(DeviceAugmentation.apply([[]], to: pixels).ints == pixels.ints)
    }

    @Test(arguments: [0.6, 0.93, 1.0, 1.4, 2.0])
    func eachAdjustmentIsTheHosts(factor: Double) {
        let images = Self.images(12)
        for adjustment in [ColorAdjustment.brightness(factor), .contrast(factor), .saturation(factor)] {
            expectSame(images, images.map { _ in [.colors([adjustment])] }, "\(adjustment)")
        }
    }

    @Test(arguments: [-0.5, -0.31, -0.002, 0, 0.004, 0.17, 0.4, 0.5])
    func turningTheHueIsTheHosts(shift: Double) {
        let images = Self.images(12)
        expectSame(images, images.map { _ in [.colors([.hue(shift)])] })
    }

    /// All the pipeline draws, of which each image has another order of adjustments.
    @Test func aWholePipelineIsTheHosts() {
        let images = Self.images(60)
        let pipeline = InstanceDiscrimination.recipe(.imagenet).augmentation.pipeline(imageSize: 24)
        let changes = images.indices.map { number in
            var random = RandomStream(11, UInt64(number))
            return pipeline.drawChanges(&random)
        }
        #expect(Set(changes.map { $0.count }) == [3])
        #expect(changes.contains { $0[0] == .grayscale(true) } && changes.contains { $0[2] == .horizontalFlip(true) })
        expectSame(images, changes)
    }

    /// Images that are adjusted beside images that are not.
    @Test func imagesMayDiffer() {
        let images = Self.images(4)
        expectSame(
            images,
            [
                [.colors([.hue(0.3), .contrast(0.7)])], [.colors([])], [.colors([.saturation(1.3)])],
                [.colors([.brightness(1.2), .hue(-0.2)])],
            ])
    }
}

extension TrainingSuites {
    @Suite struct AugmentingPretrainingTests {
        /// Steps are the same to the last bit wherever the colours change.
        @Test(arguments: [MethodName.instance, .supervised])
        func stepsAreTheSame(objective: MethodName) throws {
            let folder = try TemporaryFolder()
            let data = try makeSampleImages(24, in: folder.path)
            let states = try [false, true].map { onDevice in
                var options = smallOptions(objective)
                options.augmentsOnDevice = onDevice
                let task = try Pretraining(options, data: data)
                for step in 0..<4 { _ = try makeStep(task, step) }
                return RunState(task)
            }
            #expect(states[0].differences(states[1]) == [])
        }
    }
}

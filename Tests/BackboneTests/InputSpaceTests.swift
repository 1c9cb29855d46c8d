import Backbone
import Support
import TestSupport
import Testing
import Torch

/// Colours as networks take them.
@Suite(.tags(.unit), .tiered) struct InputSpaceTests {
    /// Float32 is good to 6e-5 over the whole of sRGB.
    private static let tolerance = 1e-4

    private func agree(_ values: [Double], _ expected: [Double], _ tolerance: Double) -> Bool {
        values.count == expected.count && zip(values, expected).allSatisfy { abs($0 - $1) <= tolerance }
    }

    @Test func labIsScikitImages() throws {
        let golden = try Golden.read("lab.json")
        let bytes = try #require(golden["pixels"]).ints.map { UInt8($0) }
        let (lab, anyLab) = (try #require(golden["lab"]).doubles, try #require(golden["any_lab"]).floats)
        let count = bytes.count / 3
        #expect(agree(Lab.fromRGB(Tensor(bytes, shape: [count, 3])).doubles, lab, Self.tolerance))
        let rgb = Lab.toRGB(Tensor(anyLab, shape: [anyLab.count / 3, 3])).doubles
        #expect(agree(rgb, try #require(golden["rgb"]).doubles, Self.tolerance))
        for (index, expected) in lab.chunks(of: 3).enumerated() {
            let color = bytes[(3 * index)..<(3 * index + 3)].map { Double($0) / 255 }
            let own = Lab.ofColor(color[color.startIndex], color[color.startIndex + 1], color[color.startIndex + 2])
            #expect(agree([own.l, own.a, own.b], expected, 1e-6))
        }
    }

    @Test(
        arguments: [
            ([255, 0, 0], [53.2406, 80.0923, 67.2028]), ([0, 255, 0], [87.7351, -86.1830, 83.1797]),
            ([0, 0, 255], [32.2957, 79.1856, -107.8573]), ([255, 255, 0], [97.1395, -21.5547, 94.4781]),
            ([0, 255, 255], [91.1133, -48.0906, -14.1263]), ([255, 0, 255], [60.3235, 98.2331, -60.8210]),
            ([255, 255, 255], [100, -0.0025, 0.0047]),
        ] as [([UInt8], [Double])])
    func knownColors(color: [UInt8], expected: [Double]) {
        #expect(agree(Lab.fromRGB(Tensor(color, shape: [1, 3])).doubles, expected, 1e-3))
    }

    @Test func lightnessOfGreys() {
        let levels: [UInt8] = [0, 1, 64, 118, 119, 128]
        let lab = Lab.fromRGB(Tensor(levels.flatMap { [$0, $0, $0] }, shape: [6, 3])).select(-1, 0).doubles
        #expect(agree(lab, [0, 0.2742, 27.0934, 49.637, 50.034, 53.585], 1e-3))
    }

    /// Every ninth level of each sample, forth and back: a level is 1/255.
    @Test func thereAndBack() {
        let levels = stride(from: 0, through: 255, by: 15).map { UInt8($0) }
        let bytes = levels.flatMap { r in levels.flatMap { g in levels.flatMap { b in [r, g, b] } } }
        let pixels = Tensor(bytes, shape: [bytes.count / 3, 3])
        let back = Lab.toRGB(Lab.fromRGB(pixels)).doubles
        #expect(agree(back, bytes.map { Double($0) / 255 }, 2e-5))
    }

    @Test func labIsScaledAndUndone() {
        let bytes = (0..<48).map { UInt8($0 * 5) }
        let pixels = Tensor(bytes, shape: [2, 4, 2, 3])
        let x = Normalization.lab(pixels)
        #expect(x.shape == [2, 3, 4, 2])
        let lab = Lab.fromRGB(pixels)
        let a = (lab.select(-1, 1).doubles[5] - 6.025) / 92.208
        #expect(abs(x.select(1, 1).doubles[5] - a) < 1e-6)
        #expect(agree(Normalization.lab.undone(x).permute(0, 2, 3, 1).doubles, lab.doubles, 1e-4))
        let rgb = Normalization.imagenet.undone(Normalization.imagenet(pixels)).permute(0, 2, 3, 1)
        #expect(agree(rgb.doubles, bytes.map { Double($0) / 255 }, 1e-6))
    }

    /// Files of before say nothing of a space; those of Lab are no RGB to a program of before.
    @Test func spacesAreSaved() throws {
        let plain: JSON = ["mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]]
        #expect(Normalization.imagenet.json == plain && Normalization(json: plain) == .imagenet)
        let lab = Normalization.lab.json
        #expect(lab["mean"] == nil && Normalization(json: lab) == .lab)
        #expect(Normalization(json: ["lab": ["mean": [0, 0, 0], "std": [1, 1, 0]]]) == nil)
    }
}

extension NetworkTests {
    /// One network made of two that see different channels.
    @Suite struct NetworkPartsTests {
        private func parts(_ config: NetworkConfig, _ kinds: [NetworkPart]) -> (NetworkParts, Parameters) {
            let scope = Scope(seed: 3)
            let parts = NetworkParts(scope, config, kinds.enumerated().map { ("part\($0.offset)", $0.element) })
            Formula.fill(scope.parameters, gain: 2)
            return (parts, scope.parameters)
        }

        /// To rounding: the whole adds zeros to the parts' sums, in another order.
        private static let tolerance = 1e-5

        private func difference(_ a: Tensor, _ b: Tensor) -> Double {
            a.shape == b.shape ? ((a - b).norm() / b.norm()).item : .infinity
        }

        /// Every layer of the whole is those of the halves side by side; the halves see nothing of each other.
        @Test(arguments: [
            (NetworkConfig(.alexnet), 64), (NetworkConfig(.vgg16), 32), (NetworkConfig(.resnet18), 64),
            (NetworkConfig(.resnet50, stem: .cifar), 16), (NetworkConfig(.resnet20, stem: .cifar), 16),
        ])
        func halvesSideBySide(config: NetworkConfig, side: Int) throws {
            let (parts, _) = parts(config, NetworkPart.halves)
            let (whole, parameters) = parts.joined()
            // Torchvision's names and shapes.
            #expect(WeightFile.recognize { parameters[$0]?.shape } == config)
            let x = Formula.tensor([2, 3, side, side], ordinal: Formula.imageOrdinal)
            withoutGradients {
                let views = parts.inputs(x)
                for name in whole.layerNames {
                    let own = zip(parts.networks, views).map { $0.layer(name, $1)! }
                    let error = difference(whole.layer(name, x)!, Tensor.cat(own, 1))
                    #expect(error < Self.tolerance, "\(config) \(name): \(error)")
                }
                let maps = zip(parts.networks, views).map { $0.denseMap($1, mode: .evaluate) }
                let map = whole.denseMap(x, mode: .evaluate)
                #expect(difference(map, Tensor.cat(maps, 1)) < Self.tolerance)
                #expect(map.size(1) == whole.mapChannels && maps[0].size(1) == parts.networks[0].mapChannels)
                let other = Tensor.cat([views[0], views[1] * 2], 1)
                let first = whole.denseMap(other, mode: .evaluate).narrow(1, 0, whole.mapChannels / 2)
                #expect(difference(first, maps[0]) < Self.tolerance)
            }
        }

        @Test func lightnessAlone() {
            let (parts, parameters) = parts(NetworkConfig(.resnet20, stem: .cifar), [.lightness])
            #expect(parameters["part0.conv1.weight"]?.shape == [16, 1, 3, 3])
            let whole = parts.joined().network
            let x = Formula.tensor([2, 3, 16, 16], ordinal: Formula.imageOrdinal)
            withoutGradients {
                let own = parts.networks[0].features(parts.inputs(x)[0], mode: .evaluate)
                #expect(difference(whole.features(x, mode: .evaluate), own) < Self.tolerance)
                let recolored = Tensor.cat([x.narrow(1, 0, 1), x.narrow(1, 1, 2) * -3], 1)
                #expect(difference(whole.features(recolored, mode: .evaluate), own) < Self.tolerance)
            }
        }

        @Test func aWholeIsSplitAgain() throws {
            let config = NetworkConfig(.resnet20, stem: .cifar)
            let (parts, parameters) = parts(config, NetworkPart.halves)
            let whole = Dictionary(
                uniqueKeysWithValues: parts.joined().parameters.entries.map { ($0.name, $0.tensor) })
            let split = try parts.split(whole, from: "w")
            #expect(split.count == parameters.entries.count)
            for entry in parameters.entries { #expect(split[entry.name]?.doubles == entry.tensor.doubles) }
            // A dense network cannot be halves.
            let scope = Scope(seed: 1)
            withExtendedLifetime(config.makeNetwork(scope)) {}
            let dense = Dictionary(uniqueKeysWithValues: scope.parameters.entries.map { ($0.name, $0.tensor) })
            let error = #expect(throws: InputError.self) { try parts.split(dense, from: "w") }
            #expect(error?.description.contains("outside the parts") == true)
        }
    }
}

extension [Double] {
    fileprivate func chunks(of length: Int) -> [[Double]] {
        stride(from: 0, to: count, by: length).map { Array(self[$0..<($0 + length)]) }
    }
}

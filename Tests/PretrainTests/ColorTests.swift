import Backbone
import Datasets
import Foundation
import Imaging
import Pretrain
import Support
import TestSupport
import Testing
import Torch
import Training

/// Bins of colours, their codes and weights.
@Suite(.tags(.unit), .tiered) struct ColorBinsTests {
    private typealias Center = ColorBins.Center

    /// The table of the paper's authors, as ranges of b for each a.
    @Test func theBinsAreTheAuthors() {
        let ranges = [
            50...90, 20...90, 0...90, -20...90, -30...100, -40...100, -50...100, -50...100, -60...100, -70...100,
            -80...90,
            -80...90, -90...90, -100...90, -100...80, -110...80, -110...80, -110...70, -110...70, -90...0,
        ]
        let expected = ranges.enumerated().flatMap { index, range in
            stride(from: range.lowerBound, through: range.upperBound, by: 10).map {
                ColorBins.Center(a: Double(10 * index - 90), b: Double($0))
            }
        }
        let bins = ColorBins.standard
        #expect(bins.centers == expected && bins.count == 313)
        #expect(bins.centers[0] == .init(a: -90, b: 50) && bins.centers[120] == .init(a: 0, b: 0))
        #expect(bins.centers[312] == .init(a: 100, b: 0))
        #expect(bins.centers.reduce(0) { $0 + $1.a } == 4910 && bins.centers.reduce(0) { $0 + $1.b } == 2090)
    }

    @Test(arguments: [(5, 1083), (15, 159), (20, 101)]) func otherSteps(step: Int, count: Int) {
        #expect(ColorBins(step: step).count == count)
    }

    private func encode(_ a: Float, _ b: Float, _ count: Int) -> [(a: Double, b: Double, share: Double)] {
        let code = ColorCode()
        let (bins, shares) = code.encode(Tensor([a, b], shape: [1, 2]), neighbors: count)
        return zip(bins.ints, shares.doubles).map {
            (code.bins.centers[$0].a, code.bins.centers[$0].b, $1)
        }
    }

    @Test func sharesOfTheNearestBins() {
        let middle = encode(0, 0, 5)
        #expect(middle[0].a == 0 && middle[0].b == 0)
        #expect(isClose(middle.map(\.share), [0.64879] + [Double](repeating: 0.08780, count: 4), 1e-4))
        let ten = encode(0, 0, 10).map(\.share)
        let expected =
            [0.61922] + [Double](repeating: 0.08380, count: 4) + [Double](repeating: 0.01134, count: 4) + [0.00021]
        #expect(zip(ten, expected).allSatisfy { abs($0 - $1) < 1e-5 })
        // Of the four bins at a distance of 20 the first one.
        #expect(encode(0, 0, 10)[9].a == -20 && encode(0, 0, 10)[9].b == 0)
        let between = encode(3, 4, 5)
        #expect(between.map(\.a) == [0, 0, 10, 10, -10] && between.map(\.b) == [0, 10, 0, 10, 0])
        for (share, expected) in zip(between.map(\.share), [0.40624, 0.27231, 0.18253, 0.12236, 0.01656]) {
            #expect(abs(share - expected) < 1e-5)
        }
        let red = encode(80.0923, 67.2028, 5)
        #expect(red.map(\.a) == [80, 80, 90, 70, 90] && red.map(\.b) == [70, 60, 70, 70, 60])
        for (share, expected) in zip(red.map(\.share), [0.57361, 0.23766, 0.08055, 0.07482, 0.03337]) {
            #expect(abs(share - expected) < 1e-5)
        }
    }

    /// No colour of sRGB is farther from its bin than from the middle of a square to its corners, √50.
    @Test func everyColorHasABinNearby() {
        let levels = stride(from: 0, through: 255, by: 15).map { UInt8($0) }
        let bytes = levels.flatMap { r in levels.flatMap { g in levels.flatMap { b in [r, g, b] } } }
        let lab = Lab.fromRGB(Tensor(bytes, shape: [bytes.count / 3, 3]))
        let farthest = ColorCode().nearest(lab.narrow(1, 1, 2), 1).squares.max().item.squareRoot()
        #expect(abs(farthest - 6.9812) < 1e-3)
    }

    @Test func rareColorsCountMore() {
        #expect(isClose(ColorBins.weights([0.7, 0.2, 0.1], uniform: 0.5), [0.7542, 1.4612, 1.7984], 1e-4))
        let uniform = [Double](repeating: 1.0 / 313, count: 313)
        #expect(ColorBins.weights(uniform, uniform: 0.5).allSatisfy { abs($0 - 1) < 1e-12 })
        #expect(ColorBins.weights([0.9, 0.1, 0], uniform: 1).allSatisfy { abs($0 - 1) < 1e-12 })
        let weights = ColorBins.weights([0.9, 0.1, 0], uniform: 0.5)
        #expect(abs(0.9 * weights[0] + 0.1 * weights[1] - 1) < 1e-12 && weights[2].isFinite)
    }

    /// e⁻² of a count reaches the bins ten away, e⁻⁴ those on the diagonal.
    @Test func frequenciesAreSmoothed() {
        let bins = ColorBins.standard
        var counts = [Double](repeating: 0, count: bins.count)
        counts[120] = 8
        let smoothed = bins.smoothed(counts)
        #expect(abs(smoothed.reduce(0, +) - 1) < 1e-12)
        let next = bins.centers.firstIndex(of: .init(a: 0, b: 10))!
        let corner = bins.centers.firstIndex(of: .init(a: 10, b: 10))!
        #expect(abs(smoothed[next] / smoothed[120] - exp(-2)) < 1e-12)
        #expect(abs(smoothed[corner] / smoothed[120] - exp(-4)) < 1e-12)
        #expect(bins.smoothed([Double](repeating: 0, count: 313)).allSatisfy { abs($0 - 1.0 / 313) < 1e-12 })
    }

    /// z = (.6, .3, .1) on (0, 0), (10, 0), (0, 10).
    @Test func theAnnealedMeanByHand() {
        let code = ColorCode()
        func logits(_ shares: [Center: Double]) -> Tensor {
            Tensor(code.bins.centers.map { shares[$0].map { Float(log($0)) } ?? -1e4 }, shape: [1, 313])
        }
        let mean = code.annealedMean(
            logits([.init(a: 0, b: 0): 0.6, .init(a: 10, b: 0): 0.3, .init(a: 0, b: 10): 0.1])
        ).doubles
        #expect(abs(mean[0] - 1.3788) < 1e-4 && abs(mean[1] - 0.0765) < 1e-4)
        // (.6, .4) becomes (.74403, .25597).
        let two = code.annealedMean(logits([.init(a: 0, b: 0): 0.6, .init(a: 10, b: 0): 0.4])).doubles
        #expect(abs(two[0] - 2.5597) < 1e-4)
        // A mean alone would be 4; one bin is the mode.
        let plain = code.annealedMean(logits([.init(a: 0, b: 0): 0.6, .init(a: 10, b: 0): 0.4]), temperature: 1)
        #expect(abs(plain.doubles[0] - 4) < 1e-4)
    }

    /// Flat logits cost ln Q; none costs less than the code's own entropy, here of (0, 0) over five bins.
    @Test func theLossIsBetweenChanceAndTheCodesEntropy() {
        let code = ColorCode()
        let (bins, shares) = code.encode(Tensor([Float(0), 0], shape: [1, 2]))
        let flat = Tensor.zeros([1, 313]).crossEntropy(bins: bins, shares: shares).item
        #expect(abs(flat - 5.7462) < 1e-4)
        var perfect = [Float](repeating: -1e4, count: 313)
        for (bin, share) in zip(bins.ints, shares.floats) { perfect[bin] = log(share) }
        #expect(abs(Tensor(perfect, shape: [1, 313]).crossEntropy(bins: bins, shares: shares).item - 1.1351) < 1e-4)
    }

    /// A step of 1e-2 along a few values: float32 losses are good to about 1e-6, so differences to about 1e-4.
    @Test func theGradientIsThatOfFiniteDifferences() {
        let code = ColorCode()
        let (bins, shares) = code.encode(Tensor([Float(3), 4, -20, 50], shape: [2, 2]))
        let start = Tensor.randn([2, 313], generator: Generator(seed: 6)).floats
        func loss(_ logits: Tensor) -> Tensor { logits.crossEntropy(bins: bins, shares: shares).sum() }
        let x = Tensor(start, shape: [2, 313])
        x.requiresGradient = true
        loss(x).backward()
        let gradient = x.gradient!.doubles
        for i in [bins.ints[0], bins.ints[1], 7, 313 + bins.ints[5]] {
            let ends = [Float(0.01), -0.01].map { step -> Double in
                var values = start
                values[i] += step
                return loss(Tensor(values, shape: [2, 313])).item
            }
            #expect(abs((ends[0] - ends[1]) / 0.02 - gradient[i]) < 3e-4)
        }
    }
}

extension TrainingSuites {
    /// Methods that learn from Lab.
    @Suite struct ColorMethodTests {
        /// Plain colours, one an image.
        private func data(_ folder: String, _ colors: [[UInt8]]) throws -> ImageFolder {
            try Files.makeFolder(folder)
            for (index, color) in colors.enumerated() {
                let size = ImageSize(width: 20, height: 20)
                let pixels = (0..<size.pixelCount).flatMap { _ in color }
                try Image(size: size, pixels: pixels).write(to: "\(folder)/\(index).png")
            }
            return try ImageFolder(path: folder)
        }

        private func options(_ method: MethodName) -> PretrainOptions {
            var options = smallOptions(method)
            options.architecture = .resnet20
            return options
        }

        /// At flat scores P = 1/n and m noise images: ln(m + 1) + m·ln(1 + 1/m) a direction.
        @Test func flatScoresOfContrastiveCoding() throws {
            let folder = try TemporaryFolder()
            var options = options(.cmc)
            var own = CMCSettings()
            (own.instance.dimension, own.instance.negatives) = (16, 8)
            // Any row is as good as any other, and Z, measured on them, is what makes P 1/n.
            own.instance.temperature = 1e6
            options.recipe.own = own
            let task = try Pretraining(options, data: try makeSampleImages(24, in: folder.path))
            let loss = try task.forward(step: 0).loss
            let m = 8.0
            #expect(abs(loss.loss.item - 2 * (log(m + 1) + m * log(1 + 1 / m))) < 1e-4)
            #expect(loss.values.map(\.name).contains("z_l") && loss.values.map(\.name).contains("z_ab"))
        }

        @Test func bothBanksRememberTheirView() throws {
            let folder = try TemporaryFolder()
            let task = try Pretraining(options(.cmc), data: try makeSampleImages(24, in: folder.path))
            let banks = try #require(task.method as? CMC).banks
            let before = banks.map(\.rows.floats)
            _ = try makeStep(task, 0)
            let seen = Set(EpochSampler(count: 24, seed: 0, epoch: 0).order.prefix(8))
            for (old, bank) in zip(before, banks) {
                let new = bank.rows.floats
                for row in 0..<24 {
                    let range = row * 16..<row * 16 + 16
                    #expect((old[range] == new[range]) == !seen.contains(row))
                }
            }
            #expect(banks[0].rows.floats != banks[1].rows.floats)
        }

        /// No half sees what it is to predict or find: gradients of one view's loss do not reach the other half.
        @Test func colorsAreNotSeenByWhatPredictsThem() throws {
            let folder = try TemporaryFolder()
            let data = try makeSampleImages(24, in: folder.path)
            for method in [MethodName.colorization, .splitBrain, .cmc] {
                let task = try Pretraining(options(method), data: data)
                let batch = Formula.tensor([2, 3, 16, 16], ordinal: Formula.imageOrdinal)
                let parts = try #require(task.method.parts)
                let view = parts.inputs(batch)[0]
                #expect(view.shape == [2, 1, 16, 16] && view.doubles == batch.narrow(1, 0, 1).doubles)
                parts.networks[0].denseMap(view, mode: .train).sum().backward()
                #expect(task.parameters["l.conv1.weight"]?.gradient != nil)
                #expect(task.parameters["ab.conv1.weight"]?.gradient == nil)
            }
        }

        /// Lightness and colours of a picture are the picture; without one of them it is grey, or equally light.
        @Test func picturesAreTakenApartAndPutTogether() throws {
            let folder = try TemporaryFolder()
            let size = ImageSize(width: 20, height: 20)
            for index in 0..<8 {
                let pixels = (0..<size.pixelCount * 3).map {
                    UInt8(truncatingIfNeeded: ($0 + index) &* 2_654_435_761 >> 9)
                }
                try Image(size: size, pixels: pixels).write(to: "\(folder.path)/\(index).png")
            }
            var options = options(.splitBrain)
            options.recipe.batch = 4
            let task = try Pretraining(options, data: try ImageFolder(path: folder.path))
            let row = try task.samples(of: 1)[0]
            #expect(row.pictures.map(\.caption) == ["", "L given", "ab found", "ab given", "L found"])
            let image = row.pictures[0].image
            func lab(_ image: Image) -> Tensor {
                Normalization.lab.undone(
                    Normalization.lab(image.pixels, count: 1, height: image.height, width: image.width, device: .cpu))
            }
            let (truth, gray, tint) = (lab(image), lab(row.pictures[1].image), lab(row.pictures[3].image))
            #expect(isClose(gray.select(1, 0).contiguous().doubles, truth.select(1, 0).contiguous().doubles, 0.3))
            #expect(gray.narrow(1, 1, 2).abs().max().item < 1)
            // Of colours that exist at that lightness.
            let shown = (tint.select(1, 0) - 65).abs().less(0.3)
            #expect(shown.to(dtype: .float32).mean().item > 0.3)
            let error = (tint.narrow(1, 1, 2) - truth.narrow(1, 1, 2)).abs().max(1).values
            #expect((error * shown.to(dtype: .float32)).max().item < 5)

            let host = HostBatch(pixels: image.pixels, size: image.size, indices: [0], labels: [-1])
            let batch = SampleBatch(host, names: ["x"], normalization: .lab, on: .cpu)
            let again = ColorPictures(batch, .lab)
            let joined = again.colored(again.colors)[0]
            #expect(zip(joined.pixels, image.pixels).allSatisfy { abs(Int($0) - Int($1)) <= 1 })
        }

        /// Twenty steps lower the loss below what knowing nothing costs.
        @Test(arguments: [(MethodName.colorization, 5.7462), (.splitBrain, 5.7462 + 3.9120)])
        func predictionBeatsChance(method: MethodName, chance: Double) throws {
            let folder = try TemporaryFolder()
            let colors: [[UInt8]] = (0..<32).map { index in
                let level = UInt8(20 + 6 * index)
                return index < 16 ? [level, 30, 30] : [30, 60, level]
            }
            var options = options(method)
            options.recipe.optimization.learningRate = 0.1
            options.recipe.epochs = 10
            let task = try Pretraining(options, data: try data(folder.path, colors))
            // Without weights of classes, which are no part of what chance costs.
            func loss(_ step: Int) throws -> Double {
                let result = try task.forward(step: step).loss
                return (result.values.first { $0.name == "plain_loss" }?.value ?? result.loss).item
            }
            // Random weights know nothing, and say so with some confidence.
            let first = try loss(0)
            #expect(first > chance - 0.5 && first < chance + 2)
            for step in 0..<20 { _ = try makeStep(task, step) }
            let last = try loss(20)
            #expect(last < chance - 1)
        }

        /// Weights from counts of these images: the commonest bin weighs least, and unseen ones most.
        @Test func thePriorIsOfTheData() throws {
            let folder = try TemporaryFolder()
            let colors = [[UInt8]](repeating: [200, 40, 40], count: 14) + [[40, 40, 200], [40, 40, 200]]
            let task = try Pretraining(options(.colorization), data: try data(folder.path, colors))
            let weights = try #require(task.method as? Colorization).classWeights.doubles
            func weight(_ color: [UInt8]) -> Double {
                let lab = Lab.fromRGB(Tensor(color, shape: [1, 3]))
                return weights[ColorCode().nearest(lab.narrow(1, 1, 2), 1).bins.ints[0]]
            }
            // The file says which bins and what of the prior, in a few numbers.
            let details = task.description(details: [:]).details
            #expect(details["color_bins"] == ["count": 313, "step": 10.0])
            #expect(details["prior"]?["uniform_share"] == 0.5 && details["prior"]?["smoothing"] == 5.0)
            // Above that of counts in two bins, 14 : 2, as each is spread over the plane; far below that of all bins alike.
            let entropy = try #require(details["prior"]?["entropy_nats"]?.doubleValue)
            let bare = -(7.0 / 8 * log(7.0 / 8) + 1.0 / 8 * log(1.0 / 8))
            #expect(bare < entropy && entropy < log(313) / 2)
            #expect(details["soft_code"] == ["neighbors": 5, "deviation": 5.0])
            #expect(weights.min() == weight([200, 40, 40]))
            #expect(weight([200, 40, 40]) < weight([40, 40, 200]) && weight([40, 40, 200]) < weight([30, 200, 30]))
        }

        /// An image without colours counts for nothing, and all of them are no division by zero.
        @Test func greyImagesTeachNothing() throws {
            let folder = try TemporaryFolder()
            let grey = [[UInt8]](repeating: [90, 90, 90], count: 8)
            let task = try Pretraining(options(.colorization), data: try data(folder.path, grey))
            #expect(try task.forward(step: 0).loss.loss.item == 0)
            let mixed = [[UInt8]](repeating: [90, 90, 90], count: 7) + [[200, 30, 30]]
            let other = try Pretraining(options(.colorization), data: try data("\(folder.path)/mixed", mixed))
            let inputs = try #require(try other.inputs(step: 0).group as? Colorization.Inputs)
            #expect(inputs.plainWeights.greater(0).to(dtype: .int64).sum().intItem == 16)
            #expect(abs(inputs.plainWeights.sum().item - 1) < 1e-6)
        }

        /// A step is finite, and what is written out opens as the network that it says, takes Lab and
        /// gives the features of the parts that were trained.
        @Test(arguments: [
            (MethodName.cmc, Architecture.alexnet), (.colorization, .resnet20), (.splitBrain, .resnet20),
        ])
        func theWeightFileHoldsTheWhole(method: MethodName, architecture: Architecture) throws {
            let folder = try TemporaryFolder()
            var options = PretrainOptions(architecture, method, recipe: .cifar10)
            options.recipe.batch = 4
            options.recipe.imageSize = architecture == .alexnet ? 64 : 16
            let task = try Pretraining(options, data: try makeSampleImages(8, in: folder.path))
            #expect(try makeStep(task, 0).isFinite)
            let path = "\(folder.path)/w.safetensors"
            try WeightFile.write(task.exported, task.description(details: [:]), to: path)
            let written = try PretrainedNetwork(path: path)
            #expect(written.description.normalization == .lab && written.description.objective == method.rawValue)
            #expect(written.description.config == NetworkConfig(architecture, stem: options.recipe.stem))
            let details = written.description.details
            #expect((details["color_bins"]?["count"] == 313) == (method != .cmc))
            #expect((details["lightness_bins"] == ["count": 50, "step": 2.0]) == (method == .splitBrain))
            let side = options.recipe.imageSize
            let bytes = (0..<2 * side * side * 3).map { UInt8(truncatingIfNeeded: $0 &* $0 &* 2_654_435_761 >> 16) }
            let last = written.layerNames.last!
            let seen = written.frozen().layers([last], bytes, count: 2, height: side, width: side)[0]
            let parts = try #require(task.method.parts)
            withoutGradients {
                let x = Normalization.lab(bytes, count: 2, height: side, width: side, device: .cpu)
                let own = Tensor.cat(
                    zip(parts.networks, parts.inputs(x)).map { $0.features($1, mode: .evaluate) }, 1)
                #expect(seen.shape == own.shape && isClose(seen.doubles, own.doubles, 1e-4))
            }
            // And a run can begin with it.
            let next = try Pretraining(options, data: try makeSampleImages(8, in: "\(folder.path)/next"))
            let file = try WeightFile.open(path).file
            let report = try next.load(file.tensors(), from: path)
            #expect(report.mismatched.isEmpty && report.missing.allSatisfy { $0.hasPrefix("head.") })
            for entry in next.parameters.entries where !entry.name.hasPrefix("head.") {
                #expect(entry.tensor.doubles == task.parameters[entry.name]?.doubles, "\(entry.name)")
            }
        }
    }
}

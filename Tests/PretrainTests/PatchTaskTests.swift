import Backbone
import Datasets
import Graphics
import Imaging
import Pretrain
import Support
import TestSupport
import Testing
import Torch
import Training

extension TrainingSuites {
    /// Tasks that are made from parts and turns of images: what they train, what they write out and what they show.
    @Suite struct PatchTaskTests {
        /// Bright above and dark below, with grain.
        private func makeSkies(_ count: Int, in folder: String) throws -> ImageFolder {
            try Files.makeFolder(folder)
            for i in 0..<count {
                var random = RandomStream(8, UInt64(i))
                var image = Image(size: ImageSize(width: 16, height: 16))
                for y in 0..<16 {
                    for x in 0..<16 {
                        let level = UInt8(230 - 12 * y + random.integer(below: 20))
                        image[x, y] = Color(red: level, green: level, blue: level)
                    }
                }
                try image.write(to: "\(folder)/\(i).png")
            }
            return try ImageFolder(path: folder)
        }

        @Test func turnsAreLearned() throws {
            let folder = try TemporaryFolder()
            var options = smallOptions(.rotation)
            options.architecture = .resnet20
            options.recipe.epochs = 6
            let task = try Pretraining(options, data: try makeSkies(16, in: folder.path))
            var accuracy = 0.0
            for step in 0..<task.totalSteps {
                task.optimizer.clearGradients()
                let result = try task.forward(step: step).loss
                result.loss.backward()
                task.optimizer.step(learningRate: 0.05)
                accuracy = try #require(result.values.first { $0.name == "task_accuracy" }).value.item
            }
            #expect(accuracy > 0.7)
        }

        /// Untrained heads say nothing: losses of about the logarithm of the number of classes.
        @Test func targetsAreThoseOfTheLoader() throws {
            let folder = try TemporaryFolder()
            let data = try makeSampleImages(24, in: folder.path)
            var options = smallOptions(.jigsaw)
            options.architecture = .resnet20
            let task = try Pretraining(options, data: data)
            let inputs = try #require(try task.inputs(step: 0).group as? ClassificationInputs)
            #expect(inputs.images.shape == [72, 3, 6, 6] && inputs.targets.shape == [8])
            #expect(Set(inputs.targets.ints).count > 2 && inputs.targets.ints.allSatisfy { $0 < 8 })
            options = smallOptions(.context)
            options.architecture = .resnet20
            let pairs = try #require(
                try Pretraining(options, data: data).inputs(step: 0).group as? ClassificationInputs)
            #expect(pairs.images.shape == [72, 3, 6, 6])
            #expect(pairs.targets.ints == (0..<64).map { $0 / 8 })
        }

        @Test func dropoutMakesStepsUnlikeEachOther() throws {
            let folder = try TemporaryFolder()
            let data = try makeSampleImages(24, in: folder.path)
            var options = smallOptions(.context)
            options.architecture = .resnet20
            #expect(try !Pretraining(options, data: data).isCapturable)
            options.recipe.own = {
                var own = ContextSettings()
                own.dropout = 0
                return own
            }()
            #expect(try Pretraining(options, data: data).isCapturable)
        }

        @Test func ordersAreSavedAndChecked() throws {
            let folder = try TemporaryFolder()
            let data = try makeSampleImages(24, in: folder.path)
            var options = smallOptions(.jigsaw)
            options.architecture = .resnet20
            let task = try Pretraining(options, data: data)
            let saved = try #require(task.extraState["permutations"])
            #expect(
                saved.shape == [8, 9]
                    && saved.ints.prefix(18) == [0, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 0, 4, 5, 3, 7, 8, 6])
            let details = task.description(details: [:]).details
            #expect(details["permutation_set"] == "AGL(1,9)" && details["tile"] == 6)
            #expect(details["permutations"]?.arrayValue?.count == 8)
            options.recipe.own = {
                var own = JigsawSettings()
                (own.permutationCount, own.permutationKind, own.tileDimension) = (8, .greedy, 16)
                return own
            }()
            let other = try Pretraining(options, data: data)
            let error = #expect(throws: InputError.self) { try other.restore(extraState: task.extraState) }
            #expect(error?.problem == "was trained on other orders of the tiles")
        }

        /// What is written is torchvision's AlexNet and computes what the trained one does with its statistics as they are.
        @Test func batchNormIsFoldedIntoAlexNet() throws {
            let folder = try TemporaryFolder()
            let data = try makeSampleImages(4, in: folder.path)
            var options = PretrainOptions(.alexnet, .jigsaw, recipe: .imagenet)
            (options.recipe.batch, options.recipe.imageSize) = (2, 141)
            options.recipe.own = {
                var own = JigsawSettings()
                (own.permutationCount, own.tileDimension) = (8, 16)
                return own
            }()
            #expect(options.recipe.optimization.gradientClip == nil)
            let task = try Pretraining(options, data: data)
            _ = try makeStep(task, 0)
            let description = task.description(details: [:])
            #expect(description.details["folded"] == "batch norm behind conv1 to conv5")
            #expect(description.details["trained_stem_stride"] == 2)

            let path = "\(folder.path)/alexnet.safetensors"
            try WeightFile.write(task.exported, description, to: path)
            let plain = try PretrainedNetwork(path: path).network
            let expected = Scope(seed: 0)
            _ = NetworkConfig(.alexnet).makeNetwork(expected)
            let names = try SafetensorsFile(path: path).entries.map(\.name)
            #expect(names.sorted() == expected.parameters.entries.map(\.name).sorted())

            let x = Formula.tensor([2, 3, 67, 67], ordinal: Formula.imageOrdinal)
            try withoutGradients {
                // At the published stride, as probes see it while it trains.
                let (a, b) = (
                    try #require(task.method.network.frozen(.fp32).layer("conv5", x)),
                    try #require(plain.layer("conv5", x))
                )
                #expect(a.shape == b.shape && b.doubles.max()! > 0)
                #expect(isClose(a.doubles, b.doubles, 1e-4 * b.doubles.max()!))
                // At the stride of the training.
                var config = NetworkConfig(.alexnet)
                config.form = TrainingForm(stemStride: 2)
                let scope = Scope(seed: 0)
                let wide = config.makeNetwork(scope)
                try scope.parameters.loadExactly(SafetensorsFile(path: path).tensors(), from: path)
                let (c, d) = (task.method.network.lastMap(x, mode: .evaluate), wide.lastMap(x, mode: .evaluate))
                #expect(c.shape == [2, 256, 3, 3] && isClose(c.doubles, d.doubles, 1e-4 * d.doubles.max()!))
            }
        }

        @Test func otherTrainingsOfAlexNetStayPlain() {
            let options = PretrainOptions(.alexnet, .instance, recipe: .imagenet)
            #expect(options.recipe.alexNet == TrainingForm() && options.recipe.optimization.gradientClip == 1)
            #expect(options.json["stem_stride"] == nil)
            #expect(PretrainOptions(.alexnet, .context, recipe: .imagenet).json["stem_stride"] == 2)
            #expect(PretrainOptions(.resnet18, .context, recipe: .imagenet).json["stem_stride"] == nil)
        }

        @Test func whatCannotWorkIsRefused() throws {
            let folder = try TemporaryFolder()
            let data = try makeSampleImages(24, in: folder.path)
            func problem(_ architecture: Architecture, _ method: MethodName, _ change: (inout PretrainOptions) -> Void)
                -> String?
            {
                var options = smallOptions(method)
                options.architecture = architecture
                if architecture == .alexnet { options.recipe.stem = .imagenet }
                change(&options)
                let error = #expect(throws: InputError.self) { try Pretraining(options, data: data) }
                return error?.problem
            }
            #expect(
                problem(.alexnet, .jigsaw) { $0.recipe.imageSize = 96 }
                    == "alexnet at a stride of 2 cannot take 24 pixels, it needs 35")
            #expect(
                problem(.alexnet, .rotation) { $0.recipe.imageSize = 32 } == "alexnet cannot take images of 32 pixels")
            #expect(
                problem(.resnet20, .context) {
                    var own = ContextSettings()
                    own.patches.side = 9
                    $0.recipe.own = own
                } == "tiles of 9 pixels and the room between them need images of 27, not 24")
            #expect(
                problem(.resnet20, .context) {
                    var own = ContextSettings()
                    (own.pairs, own.patches.side, own.gap) = (.drawn, 10, 5)
                    $0.recipe.own = own
                } == "tiles of 10 pixels and the room between them need images of 25, not 24")
        }

        /// For every method: pictures of its views, or of its task and the network's answers, and nothing of the training changed.
        @Test(arguments: MethodName.allCases) func samplesChangeNothing(method: MethodName) throws {
            let folder = try TemporaryFolder()
            let data = try makeSampleImages(16, in: folder.path)
            var options = smallOptions(method)
            options.architecture = .resnet20
            options.recipe.batch = 4
            if method == .mocoV1 || method == .mocoV2 { options.recipe.augmentation.blur = 0.5 }
            let task = try Pretraining(options, data: data)
            let before = RunState(task)
            let rows = try task.samples(of: 3)
            #expect(RunState(task).differences(before) == [])
            let pictures: [MethodName: Int] = [
                .instance: 1, .parametric: 1, .supervised: 1, .rotation: 4, .jigsaw: 3, .context: 9, .exemplar: 8,
                .cmc: 3, .colorization: 4, .splitBrain: 5, .bigan: 3,
            ]
            #expect(rows.map(\.pictures.count) == [Int](repeating: pictures[method] ?? 2, count: 3))
            #expect(rows[0].title.hasPrefix(data.name(0)))
            let again = try task.samples(of: 3)
            #expect(
                zip(rows, again).allSatisfy {
                    $0.title == $1.title && $0.pictures.map(\.image) == $1.pictures.map(\.image)
                })
            // A training with pictures on the way is the training.
            let shown = try (0..<2).map { step in
                let loss = try makeStep(task, step)
                _ = try task.samples(of: 2)
                return loss
            }
            let plain = try Pretraining(options, data: data)
            #expect(try (0..<2).map { try makeStep(plain, $0) } == shown)
        }

        /// The puzzle as given and as it was are the same tiles, in the order that the caption says.
        @Test func aPuzzleIsShownAsItIsGiven() throws {
            let folder = try TemporaryFolder()
            var options = smallOptions(.jigsaw)
            options.architecture = .resnet20
            let task = try Pretraining(options, data: try makeSampleImages(16, in: folder.path))
            let orders = try #require(task.method as? Jigsaw).permutations.orders
            for row in try task.samples(of: 4) {
                func tiles(_ picture: Int) -> [Image] {
                    (0..<9).map {
                        row.pictures[picture].image.cropped(
                            x: 2 + $0 % 3 * 8, y: 2 + $0 / 3 * 8, size: ImageSize(width: 6, height: 6))
                    }
                }
                let order = orders[try #require(Int(row.pictures[0].caption.dropFirst("order ".count)))]
                let answer = orders[try #require(Int(row.pictures[1].caption.dropFirst("says ".count)))]
                let (given, solved, truth) = (tiles(0), tiles(1), tiles(2))
                #expect(given == order.map { truth[$0] })
                #expect(given == answer.map { solved[$0] })
                #expect(row.pictures[2].caption == "as it was")
            }
        }

        @Test func aSheetHoldsAllRows() {
            let (small, wide) = (
                Image(size: ImageSize(width: 12, height: 12)), Image(size: ImageSize(width: 300, height: 100))
            )
            let sheet = SampleSheet.draw([
                SampleRow("first", [.init(small, "a"), .init(wide, "b")]), SampleRow("", [.init(small, "")]),
            ])
            // 96 pixels for 12; a line of text takes 16; 8 pixels around everything.
            #expect(sheet.size == ImageSize(width: 8 + 96 + 8 + 300 + 8, height: 8 + (16 + 100 + 16) + 8 + 96 + 8))
            let image = sheet.image()
            #expect(image[8 + 50, 8 + 16 + 50] == .black && image[8 + 100, 8 + 16 + 50] == .white)
            #expect(SampleSheet.draw([]).size.width > 0)
        }
    }
}

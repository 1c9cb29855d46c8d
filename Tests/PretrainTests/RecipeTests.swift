import Backbone
import Imaging
import Pretrain
import Support
import TestSupport
import Testing
import Training

/// The values of the paper and its reference code.
@Suite(.tags(.unit), .tiered) struct RecipeTests {
    @Test func imagenet() {
        let recipe = InstanceDiscrimination.recipe(.imagenet)
        #expect(recipe.batch == 256 && recipe.epochs == 200 && recipe.imageSize == 224 && recipe.stem == .imagenet)
        #expect(
            recipe.optimization.learningRate == 0.03 && recipe.optimization.milestones == [120, 160]
                && recipe.optimization.gamma == 0.1)
        #expect(recipe.optimization.momentum == 0.9 && recipe.optimization.weightDecay == 1e-4)
        #expect(recipe.instance.dimension == 128 && recipe.instance.loss == .nce && recipe.instance.negatives == 4096)
        #expect(recipe.instance.temperature == 0.07 && recipe.instance.bankMomentum == 0.5)
        #expect(recipe.normalization.mean == [0.485, 0.456, 0.406])
        #expect(recipe.normalization.standardDeviation == [0.229, 0.224, 0.225])
    }

    @Test func cifar10() {
        let recipe = InstanceDiscrimination.recipe(.cifar10)
        #expect(recipe.batch == 128 && recipe.epochs == 200 && recipe.imageSize == 32 && recipe.stem == .cifar)
        #expect(
            recipe.optimization.learningRate == 0.03 && recipe.optimization.milestones == [120, 160]
                && recipe.optimization.gamma == 0.1)
        #expect(recipe.optimization.momentum == 0.9 && recipe.optimization.weightDecay == 5e-4)
        #expect(recipe.instance.dimension == 128 && recipe.instance.loss == .softmax)
        #expect(recipe.instance.temperature == 0.1 && recipe.instance.bankMomentum == 0.5)
        #expect(recipe.normalization.mean == [0.4914, 0.4822, 0.4465])
        #expect(recipe.normalization.standardDeviation == [0.2023, 0.1994, 0.2010])
    }

    @Test(arguments: [(PretrainRecipe.Name.imagenet, 0.5), (.cifar10, 0.0)])
    func augmentation(name: PretrainRecipe.Name, flip: Double) {
        let pipeline = InstanceDiscrimination.recipe(name).augmentation.pipeline(imageSize: 48)
        #expect(
            pipeline.steps == [
                .randomResizedCrop(
                    size: ImageSize(width: 48, height: 48), scale: 0.2...1, ratio: (3.0 / 4)...(4.0 / 3)),
                .randomGrayscale(probability: 0.2),
                .colorJitter(brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.4),
                .randomHorizontalFlip(probability: flip),
            ])
    }

    @Test func theConfigurationHoldsWhatTheMethodNameUses() {
        var options = PretrainOptions(.resnet18, .instance, recipe: .imagenet)
        #expect(options.json["negatives"]?.intValue == options.recipe.instance.negatives)
        #expect(options.json["temperature"]?.doubleValue == options.recipe.instance.temperature)
        options.recipe.instance.loss = .softmax
        #expect(options.json["negatives"] == nil && options.json["loss"] == "softmax")
        options.method = .supervised
        #expect(options.json["temperature"] == nil && options.json["objective"] == "supervised")
    }

    @Test func rotation() {
        let recipe = Rotation.recipe(.imagenet)
        #expect(recipe.batch == 192 && recipe.epochs == 50 && recipe.augmentation.cropScale == 0.08)
        #expect(recipe.augmentation.color == nil && recipe.alexNet.isNormalized && recipe.alexNet.stemStride == 4)
        #expect(recipe.optimization.learningRate == 0.1 && recipe.optimization.milestones == [15, 30, 45])
        #expect(recipe.optimization.usesNesterov && recipe.optimization.weightDecay == 5e-4)
        let small = Rotation.recipe(.cifar10)
        #expect(small.batch == 128 && small.epochs == 200 && small.augmentation.framing == .padded(4))
        #expect(small.optimization.gamma == 0.2 && small.optimization.milestones == [60, 120, 160])
        let json = PretrainOptions(.resnet18, .rotation, recipe: .cifar10).json
        #expect(json["nesterov"] == true && json["pad"] == 4 && json["crop_scale"] == nil)
        #expect(PretrainOptions(.resnet18, .rotation, recipe: .imagenet).json["crop_scale"] == 0.08)
        #expect(PretrainOptions(.resnet18, .instance, recipe: .imagenet).json["nesterov"] == nil)
    }

    @Test func patches() throws {
        let jigsaw = Jigsaw.recipe(.imagenet)
        #expect(Jigsaw.cut(jigsaw) == .tiles(grid: 3, side: 64, jitter: 21, choices: 1000))
        #expect(jigsaw.epochs == 105 && jigsaw.optimization.milestones == [30, 60, 90, 100])
        #expect(jigsaw.optimization.warmUpEpochs == 5 && jigsaw.optimization.decayExemption == .norm)
        var smaller = jigsaw
        smaller.imageSize = 224
        #expect(Jigsaw.cut(smaller) == .tiles(grid: 3, side: 55, jitter: 19, choices: 1000))
        #expect(
            jigsaw.augmentation.pipeline(imageSize: 255).steps.prefix(3) == [
                .resizeShortSide(256), .randomCrop(size: ImageSize(width: 255, height: 255), padding: 0),
                .randomGrayscale(probability: 0.66),
            ])

        var context = ContextPrediction.recipe(.imagenet)
        #expect(context.epochs == 35 && context.optimization.milestones == [15, 25])
        #expect(context.augmentation.pipeline(imageSize: 255).steps.first == .resizeShortSide(292))
        #expect(ContextPrediction.cut(context) == .tiles(grid: 3, side: 64, jitter: 21, choices: 1))
        var own = ContextSettings()
        own.pairs = .drawn
        context.own = own
        #expect(ContextPrediction.cut(context) == .pair(side: 96, gap: 48, jitter: 7))
        #expect(Exemplar.recipe(.imagenet).augmentation.rotation == 20)
    }

    @Test func bigan() throws {
        let recipe = BiGAN.recipe(.imagenet)
        #expect(recipe.batch == 128 && recipe.epochs == 100 && recipe.imageSize == 64)
        let optimization = recipe.optimization
        #expect(optimization.rule == .adam && optimization.beta1 == 0.5 && optimization.beta2 == 0.999)
        #expect(optimization.learningRate == 2e-4 && optimization.weightDecay == 2.5e-5)
        #expect(optimization.decayExemption == .norm)
        let rates = optimization.rates(epochs: 100, stepsPerEpoch: 10)
        #expect(rates.rate(atStep: 500) == 2e-4 && abs(rates.rate(atStep: 1000) - 2e-6) < 1e-12)
        #expect(
            recipe.augmentation.pipeline(imageSize: 64).steps == [
                .resizeShortSide(72), .randomCrop(size: ImageSize(width: 64, height: 64), padding: 0),
                .randomHorizontalFlip(probability: 0.5),
            ])
        let own = try #require(recipe.own as? BiGANSettings)
        #expect(own.latent == 200 && own.width == 64 && recipe.alexNet == TrainingForm(isNormalized: true, leak: 0.2))
        // Its clip is for steps as long as the gradient.
        #expect(PretrainOptions(.vgg16, .bigan, recipe: .imagenet).recipe.optimization.gradientClip == nil)
        let json = PretrainOptions(.resnet18, .bigan, recipe: .cifar10).json
        #expect(json["momentum"] == nil && json["beta1"] == 0.5 && json["generated_size"] == .null)
        #expect(json["schedule"] == "exponential" && json["gamma"] == 0.01 && json["latent"] == 200)
        let other = PretrainOptions(.resnet18, .simclr, recipe: .cifar10).json
        #expect(other["momentum"] == 0.9 && other["beta1"] == nil && other["latent"] == nil)
    }

    @Test func aLargeSeedIsDescribed() {
        var options = PretrainOptions(.resnet18, .instance, recipe: .imagenet)
        options.seed = .max
        let largest = options.json["seed"]
        options.seed = .max - 1
        #expect(largest != nil && options.json["seed"] != largest)
    }
}

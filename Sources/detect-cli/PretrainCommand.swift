internal import Backbone
internal import Datasets
internal import Pretrain
internal import Support
internal import Torch

/// Trains a backbone: by instance discrimination, or as one of its baselines.
struct PretrainCommand: Command {
    static let name = "pretrain"
    static let summary = "trains a backbone without labels by instance discrimination, or a baseline"
    static let example = "detect-cli pretrain --data images --arch resnet50 --objective instance --run runs/instance"

    let data: Option<String>
    let set: Option<String>
    let architecture: Option<Architecture>
    let objective: Option<Objective>
    let recipe: Option<Recipe.Name>
    let loss: Option<InstanceLossKind?>
    let negatives: Option<Int?>
    let temperature: Option<Double?>
    let dimension: Option<Int?>
    let bankMomentum: Option<Double?>
    let proximal: Option<Double>
    let epochs: Option<Int?>
    let batch: Option<Int?>
    let learningRate: Option<Double?>
    let milestones: Option<[Double]?>
    let weightDecay: Option<Double?>
    let imageSize: Option<Int?>
    let stem: Option<Stem?>
    let cropScale: Option<Double?>
    let jitter: Option<Double?>
    let grayscale: Option<Double?>
    let flip: Option<Double?>
    let checkpointEvery: Option<Int?>
    let loading: LoadingOptions
    let badImages: Option<BadImageChoice>
    let compute: ComputeOptions
    let runOptions: RunOptions
    let json: Option<String?>

    init(_ parser: ArgumentParser) {
        data = parser.required("data", "DIR", "a folder of images, with one folder a class or without, or a VOCdevkit")
        set = parser.option("set", "NAME", "the image set, when the data is a VOCdevkit", default: "trainval")
        architecture = parser.requiredChoice("arch", "the network")
        objective = parser.choice("objective", "what it learns to tell apart", default: .instance)
        recipe = parser.choice("recipe", "where all other settings come from", default: .imagenet)
        parser.group("Instance discrimination")
        loss = parser.optionalChoice(
            "loss", "noise-contrastive estimation, or the full softmax over all images", shown: "the recipe's")
        negatives = parser.optional(
            "negatives", "M", "noise images a sample, for nce", shown: "the recipe's", .between(1, 1 << 24))
        temperature = parser.optional("temperature", "T", "divides the similarities", shown: "the recipe's", .above(0))
        dimension = parser.optional(
            "dim", "D", "dimensions of the embedding", shown: "the recipe's", .between(1, 65536))
        bankMomentum = parser.optional(
            "bank-momentum", "m", "share of the old row in an update of the memory bank", shown: "the recipe's",
            .between(0, 1))
        proximal = parser.option("proximal", "λ", "weight of the proximal term", default: 0, .atLeast(0))
        parser.group("Training")
        epochs = parser.optional("epochs", "N", "passes over the data", shown: "the recipe's", .atLeast(1))
        batch = parser.optional("batch", "N", "images a step", shown: "the recipe's", .between(1, 65536))
        learningRate = parser.optional("lr", "RATE", "learning rate", shown: "the recipe's", .above(0))
        milestones = parser.optional(
            "milestones", "E,E", "epochs at which the learning rate falls to a tenth",
            shown: "the recipe's, scaled to the epochs")
        weightDecay = parser.optional("weight-decay", "W", "weight decay", shown: "the recipe's", .atLeast(0))
        imageSize = parser.optional(
            "image-size", "N", "side of the training crops in pixels", shown: "the recipe's", .between(8, 4096))
        stem = parser.optionalChoice("stem", "how a ResNet takes its input in", shown: "the recipe's")
        cropScale = parser.optional(
            "crop-scale", "S", "least share of the image that a random crop takes", shown: "the recipe's",
            .between(0.01, 1))
        jitter = parser.optional(
            "jitter", "S", "strength of the random changes of colour", shown: "the recipe's", .between(0, 1))
        grayscale = parser.optional(
            "grayscale", "P", "probability of taking the colour away", shown: "the recipe's", .between(0, 1))
        flip = parser.optional("flip", "P", "probability of mirroring", shown: "the recipe's", .between(0, 1))
        checkpointEvery = parser.optional(
            "checkpoint-every", "N", "steps between checkpoints", shown: "one epoch", .atLeast(1))
        loading = LoadingOptions(parser)
        badImages = parser.badImages()
        compute = ComputeOptions(parser)
        runOptions = RunOptions(parser)
        json = parser.json()
    }

    func run() throws {
        try compute.activate()
        let workflow = PretrainWorkflow(
            options: try options(), data: try DataSource.open(data.value, set: set.value, limit: loading.limit.value),
            run: runOptions.folder.value, resume: runOptions.resume.value, checkpointEvery: checkpointEvery.value,
            recipeName: recipe.value.rawValue)
        let outcome = try workflow()
        let results = outcome.results
        let rate = results["images_per_second"]?.doubleValue ?? 0
        print(
            "\(workflow.data.count) images, \(workflow.options.recipe.epochs) epochs, \(rate.fixed(1)) images/s, final loss \(results["loss"]?.doubleValue?.fixed(4) ?? "unknown")"
        )
        print("weights: \(outcome.weights)")
        try json.write(results)
    }

    private func options() throws(UsageError) -> PretrainOptions {
        var settings = Recipe.named(recipe.value)
        if objective.value != .instance {
            for option in [
                loss.isGiven ? "--loss" : nil, negatives.isGiven ? "--negatives" : nil,
                temperature.isGiven ? "--temperature" : nil, dimension.isGiven ? "--dim" : nil,
                bankMomentum.isGiven ? "--bank-momentum" : nil, proximal.isGiven ? "--proximal" : nil,
            ].compactMap({ $0 }) {
                throw UsageError(
                    "\(option) has no meaning with --objective \(objective.value.rawValue)", remedy: "leave it out")
            }
        }
        settings.loss = loss.value(or: settings.loss)
        if negatives.isGiven, settings.loss == .softmax {
            throw UsageError(
                "--negatives has no meaning with the full softmax", remedy: "leave it out, or give --loss nce")
        }
        settings.negatives = negatives.value(or: settings.negatives)
        settings.temperature = temperature.value(or: settings.temperature)
        settings.dimension = dimension.value(or: settings.dimension)
        settings.bankMomentum = bankMomentum.value(or: settings.bankMomentum)
        if let epochs = epochs.value {
            // A shorter run keeps the shape of the schedule.
            settings.milestones = settings.milestones.map { $0 * Double(epochs) / Double(settings.epochs) }
            settings.epochs = epochs
        }
        settings.milestones = milestones.value(or: settings.milestones)
        settings.batch = batch.value(or: settings.batch)
        settings.learningRate = learningRate.value(or: settings.learningRate)
        settings.weightDecay = weightDecay.value(or: settings.weightDecay)
        settings.imageSize = imageSize.value(or: settings.imageSize)
        settings.cropScale = cropScale.value(or: settings.cropScale)
        settings.jitter = jitter.value(or: settings.jitter)
        settings.grayscale = grayscale.value(or: settings.grayscale)
        settings.flip = flip.value(or: settings.flip)
        let isResNet = architecture.value != .alexnet && architecture.value != .vgg16
        if !isResNet, stem.value == .cifar {
            throw UsageError(
                "\(architecture.value.rawValue) has no CIFAR stem", remedy: "use a ResNet, or leave --stem out")
        }
        settings.stem = isResNet ? stem.value(or: settings.stem) : .imagenet
        if !isResNet, settings.imageSize < 64 {
            throw UsageError(
                "\(architecture.value.rawValue) cannot take images of \(settings.imageSize) pixels",
                remedy: "give --image-size 64 or more")
        }
        var options = PretrainOptions(architecture: architecture.value, objective: objective.value, recipe: settings)
        options.proximal = proximal.value
        options.seed = runOptions.seed.value
        options.workers = loading.workers.value
        options.device = compute.device.value
        options.precision = compute.precision.value
        options.onBadImage = badImages.value.policy
        return options
    }
}

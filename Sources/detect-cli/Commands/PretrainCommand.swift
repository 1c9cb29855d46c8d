internal import Backbone
internal import Datasets
internal import Experiments
internal import Imaging
internal import Pretrain
internal import Support
internal import Torch
internal import Training

/// Trains a backbone: by instance discrimination, or as one of its baselines.
struct PretrainCommand: Command {
    static let name = "pretrain"
    static let summary = "trains a backbone without labels by instance discrimination, or a baseline"
    static let example = "detect-cli pretrain --data images --arch resnet50 --objective instance --run runs/instance"

    let data: Option<String>
    let set: Option<String?>
    let architecture: Option<Architecture>
    let objective: Option<Objective>
    let recipe: Option<PretrainRecipe.Name>
    let loss: Option<InstanceLossKind?>
    let negatives: Option<Int?>
    let negativesMode: Option<NegativesMode?>
    let excludesPositive: Option<Bool>
    let partition: Option<PartitionChoice?>
    let partitionBatches: Option<Int?>
    let partitionDecay: Option<Double?>
    let temperature: Option<Double?>
    let dimension: Option<Int?>
    let bankMomentum: Option<Double?>
    let bankStorage: Option<BankStorage?>
    let proximal: Option<Double>
    let epochs: Option<Int?>
    let batch: Option<Int?>
    let learningRate: Option<Double?>
    let scalesLearningRate: Option<Bool>
    let schedule: Option<Schedule?>
    let milestones: Option<[Double]?>
    let warmUp: Option<Double?>
    let weightDecay: Option<Double?>
    let decayExemption: Option<DecayExemption?>
    let clip: Option<Double?>
    let imageSize: Option<Int?>
    let stem: Option<Stem?>
    let cropScale: Option<Double?>
    let jitter: Option<Double?>
    let grayscale: Option<Double?>
    let flip: Option<Double?>
    let capturesSteps: Option<Bool>
    let checkpointEvery: Option<Int?>
    let knnEvery: Option<Int>
    let knnTest: Option<String?>
    let knnNeighbors: Option<PretrainMonitor.Neighbors>
    let sweep: Option<Sweep?>
    let loading: LoadingOptions
    let badImages: Option<BadImageChoice>
    let compute: ComputeOptions
    let runOptions: RunOptions
    let json: Option<String?>

    init(_ parser: ArgumentParser) {
        data = parser.required("data", "PATH", DataSource.help)
        set = parser.dataSet()
        architecture = parser.requiredChoice("arch", "the network")
        objective = parser.choice("objective", "what it learns to tell apart", default: .instance)
        recipe = parser.choice("recipe", "where all other settings come from", default: .imagenet)
        parser.group("Instance discrimination")
        loss = parser.optionalChoice(
            "loss", "noise-contrastive estimation, or the full softmax over all images", shown: "the recipe's")
        negatives = parser.optional(
            "negatives", "M", "noise images a sample, for nce", shown: "the recipe's", .between(1, 1 << 24))
        negativesMode = parser.optionalChoice(
            "negatives-mode", "noise images for each sample, or the same for the whole batch", shown: "the recipe's")
        excludesPositive = parser.flag("exclude-positive", "keep an image from being drawn as its own noise")
        partition = parser.optionalChoice(
            "z", "Z: the mean over the first batches, then constant; or a moving average", shown: "the recipe's")
        partitionBatches = parser.optional(
            "z-batches", "N", "batches that a frozen Z is measured on", shown: "the recipe's", .atLeast(1))
        partitionDecay = parser.optional(
            "z-decay", "D", "share of the old Z in a moving average", shown: "0.99", .between(0, 1))
        temperature = parser.optional("temperature", "T", "divides the similarities", shown: "the recipe's", .above(0))
        dimension = parser.optional(
            "dim", "D", "dimensions of the embedding", shown: "the recipe's", .between(1, 65536))
        bankMomentum = parser.optional(
            "bank-momentum", "m", "share of the old row in an update of the memory bank", shown: "the recipe's",
            .between(0, 1))
        bankStorage = parser.optionalChoice(
            "bank-storage", "how the memory bank is kept; bf16 takes half the memory", shown: "the recipe's")
        proximal = parser.option("proximal", "λ", "weight of the proximal term", default: 0, .atLeast(0))
        parser.group("Training")
        epochs = parser.optional("epochs", "N", "passes over the data", shown: "the recipe's", .atLeast(1))
        batch = parser.optional("batch", "N", "images a step", shown: "the recipe's", .between(2, 65536))
        learningRate = parser.optional("lr", "RATE", "learning rate", shown: "the recipe's", .above(0))
        scalesLearningRate = parser.flag(
            "scale-lr", "multiply the learning rate by the batch over the recipe's batch")
        schedule = parser.optionalChoice("schedule", "how the learning rate falls", shown: "the recipe's")
        milestones = parser.optional(
            "milestones", "E,E", "epochs at which the learning rate falls to a tenth",
            shown: "the recipe's, scaled to the epochs")
        weightDecay = parser.optional("weight-decay", "W", "weight decay", shown: "the recipe's", .atLeast(0))
        warmUp = parser.optional(
            "warmup", "E", "epochs in which the learning rate rises to its full value", shown: "the recipe's",
            .atLeast(0))
        decayExemption = parser.optionalChoice(
            "no-decay", "parameters left out of weight decay", shown: "the recipe's")
        clip = parser.optional(
            "clip", "NORM", "largest norm of the gradient", shown: "none; 1 for AlexNet and VGG16", .above(0))
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
        capturesSteps = parser.flag(
            "cuda-graph", "capture one step and have the GPU replay it: a ResNet with --device cuda")
        checkpointEvery = parser.optional(
            "checkpoint-every", "N", "steps between checkpoints", shown: "one epoch", .atLeast(1))
        parser.group("While it runs")
        knnEvery = parser.option(
            "knn-every", "N", "epochs between kNN probes of labelled data; 0 for none", default: 10, .atLeast(0))
        knnTest = parser.optional(
            "knn-test", "PATH", "labelled images for that probe",
            shown: "up to 2,000 of the training images, left out of the voters")
        knnNeighbors = parser.choice(
            "knn-neighbors", "what votes: the memory bank, or the training images anew", default: .bank)
        sweep = parser.optional(
            "sweep", "NAME=V,V",
            "one run for each value of negatives, dim, images, temperature, bank-momentum or proximal",
            shown: "a single run")
        loading = LoadingOptions(parser)
        badImages = parser.badImages()
        compute = ComputeOptions(parser)
        runOptions = RunOptions(parser)
        json = parser.json()
    }

    func run() throws {
        let options = try options()
        try compute.activate()
        var run = PretrainRun(
            options, data: try DataSource.open(data.value, set: set.value, limit: loading.limit.value),
            folder: runOptions.folder.value)
        run.resume = runOptions.resume.value
        run.capturesSteps = capturesSteps.value
        run.checkpointEvery = checkpointEvery.value
        run.recipeName = recipe.value.rawValue
        run.knnEvery = knnEvery.value
        run.knnTest = try knnTest.value.map { try DataSource.open($0, set: CIFARBinary.isFound(in: $0) ? "test" : nil) }
        run.knnNeighbors = knnNeighbors.value
        if let sweep = sweep.value { return try self.sweep(sweep, run) }
        let outcome = try run()
        print(
            "\(outcome.images) images, \(outcome.epochs) epochs, \(outcome.imagesPerSecond.fixed(1)) images/s, "
                + "final loss \(outcome.loss?.fixed(4) ?? "unknown")")
        if let (top1, protocolText) = outcome.knn {
            print("kNN top-1 \((100 * top1).fixed(1)) %: \(protocolText)")
        }
        print("weights: \(outcome.weights)")
        try json.write(outcome.json)
    }

    private func sweep(_ sweep: Sweep, _ base: PretrainRun) throws {
        let run = SweepRun(sweep, base: base)
        if let refusal = run.refusal { throw UsageError("--sweep: \(refusal.problem)", remedy: refusal.remedy) }
        let outcome = try run(announce: Program.announce)
        print(outcome.table)
        print("picture: \(outcome.picture)")
        try json.write(outcome.json)
    }

    private func options() throws(UsageError) -> PretrainOptions {
        var settings = PretrainRecipe.named(recipe.value)
        try refuseWhatHasNoMeaning(settings)
        settings.instance.loss = loss.value(or: settings.instance.loss)
        settings.instance.negatives = negatives.value(or: settings.instance.negatives)
        settings.instance.negativesMode = negativesMode.value(or: settings.instance.negativesMode)
        settings.instance.excludesPositive = excludesPositive.value
        switch partition.value {
        case .frozen: settings.instance.partition = .frozen(batches: partitionBatches.value(or: 1))
        case .ema: settings.instance.partition = .movingAverage(decay: partitionDecay.value(or: 0.99))
        case nil: if let batches = partitionBatches.value { settings.instance.partition = .frozen(batches: batches) }
        }
        settings.instance.proximal = proximal.value
        settings.instance.temperature = temperature.value(or: settings.instance.temperature)
        settings.instance.dimension = dimension.value(or: settings.instance.dimension)
        settings.instance.bankMomentum = bankMomentum.value(or: settings.instance.bankMomentum)
        settings.instance.bankStorage = bankStorage.value(or: settings.instance.bankStorage)
        if let epochs = epochs.value {
            // A shorter run keeps the shape of the schedule.
            settings.optimization.stretch(from: settings.epochs, to: epochs)
            settings.epochs = epochs
        }
        settings.optimization.milestones = milestones.value(or: settings.optimization.milestones)
        settings.optimization.learningRate = learningRate.value(or: settings.optimization.learningRate)
        if scalesLearningRate.value, let batch = batch.value {
            settings.optimization.learningRate *= Double(batch) / Double(settings.batch)
        }
        settings.batch = batch.value(or: settings.batch)
        settings.optimization.schedule = schedule.value(or: settings.optimization.schedule)
        settings.optimization.warmUpEpochs = warmUp.value(or: settings.optimization.warmUpEpochs)
        settings.optimization.decayExemption = decayExemption.value(or: settings.optimization.decayExemption)
        settings.optimization.weightDecay = weightDecay.value(or: settings.optimization.weightDecay)
        settings.imageSize = imageSize.value(or: settings.imageSize)
        settings.augmentation.cropScale = cropScale.value(or: settings.augmentation.cropScale)
        if let jitter = jitter.value { settings.augmentation.color?.jitter = jitter }
        if let grayscale = grayscale.value { settings.augmentation.color?.grayscale = grayscale }
        settings.augmentation.flip = flip.value(or: settings.augmentation.flip)
        let isResNet = architecture.value.isResidual
        try stem.value?.require(in: architecture.value)
        settings.stem = isResNet ? stem.value(or: settings.stem) : .imagenet
        // Without batch norm the sum over thousands of noise images blows the weights up within a few steps.
        settings.optimization.gradientClip = clip.value ?? (isResNet ? settings.optimization.gradientClip : 1)
        if !isResNet, settings.imageSize < 64 {
            throw UsageError(
                "\(architecture.value.rawValue) cannot take images of \(settings.imageSize) pixels",
                remedy: "give --image-size 64 or more")
        }
        var options = PretrainOptions(architecture: architecture.value, objective: objective.value, recipe: settings)
        options.seed = runOptions.seed.value
        options.workers = loading.workers.value
        options.device = compute.device.value
        options.precision = compute.precision.value
        options.onBadImage = badImages.value.policy
        return options
    }

    /// Options that would have no effect are mistakes; each is refused with the reason.
    private func refuseWhatHasNoMeaning(_ settings: PretrainRecipe) throws(UsageError) {
        let noise = [
            negatives.isGiven ? "--negatives" : nil, negativesMode.isGiven ? "--negatives-mode" : nil,
            excludesPositive.value ? "--exclude-positive" : nil, partition.isGiven ? "--z" : nil,
            partitionBatches.isGiven ? "--z-batches" : nil, partitionDecay.isGiven ? "--z-decay" : nil,
        ].compactMap { $0 }
        let bank = [
            loss.isGiven ? "--loss" : nil, temperature.isGiven ? "--temperature" : nil,
            dimension.isGiven ? "--dim" : nil, bankMomentum.isGiven ? "--bank-momentum" : nil,
            bankStorage.isGiven ? "--bank-storage" : nil, proximal.isGiven ? "--proximal" : nil,
        ].compactMap { $0 }
        if objective.value != .instance, let option = (bank + noise).first {
            throw UsageError(
                "\(option) has no meaning with --objective \(objective.value.rawValue), which has no memory bank",
                remedy: "leave it out")
        }
        if loss.value(or: settings.instance.loss) == .softmax, let option = noise.first {
            throw UsageError(
                "\(option) has no meaning with the full softmax, which draws no noise",
                remedy: "leave it out, or give --loss nce")
        }
        if partition.value == .ema, partitionBatches.isGiven {
            throw UsageError("--z-batches has no meaning with a moving average", remedy: "leave one of them out")
        }
        if partition.value != .ema, partitionDecay.isGiven {
            throw UsageError("--z-decay has no meaning without --z ema", remedy: "leave it out, or give --z ema")
        }
        if capturesSteps.value, compute.device.value == .cpu {
            throw UsageError(
                "--cuda-graph has no meaning on the CPU", remedy: "leave it out, or give --device cuda")
        }
        if capturesSteps.value, !architecture.value.isResidual {
            throw UsageError(
                "--cuda-graph cannot capture \(architecture.value.rawValue), whose dropout draws anew in each step",
                remedy: "leave it out, or use a ResNet")
        }
        if bankMomentum.value == 1 {
            throw UsageError(
                "--bank-momentum 1 would never update the memory bank", remedy: "give a value below 1; 0 replaces rows")
        }
        if milestones.isGiven, schedule.value(or: settings.optimization.schedule) != .step {
            throw UsageError("--milestones has no meaning without --schedule step", remedy: "leave one of them out")
        }
        if scalesLearningRate.value, !batch.isGiven {
            throw UsageError("--scale-lr has no meaning without --batch", remedy: "leave it out")
        }
    }
}

/// `--z frozen|ema`
enum PartitionChoice: String, CaseIterable { case frozen, ema }

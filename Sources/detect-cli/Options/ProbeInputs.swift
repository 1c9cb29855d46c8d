internal import Experiments
internal import Probes

/// Options of probes that learn from one set of labelled images and are measured on another: images with weights, or
/// features from files.
struct ProbeInputs {
    private let train: Option<String?>
    private let test: Option<String?>
    private let trainFeatures: Option<String?>
    private let testFeatures: Option<String?>
    let features: FeatureOptions

    /// - Parameter withoutTest: What leaving the test set out means; nil when it must be given.
    init(_ parser: ArgumentParser, withoutTest: String? = nil) {
        train = parser.optional("train", "DIR", "labelled images to learn from: one folder a class")
        test = parser.optional("test", "DIR", "labelled images to classify", shown: withoutTest ?? "")
        trainFeatures = parser.optional("train-features", "FILE", "features with labels instead of images")
        testFeatures = parser.optional("test-features", "FILE", "features with labels to classify")
        features = FeatureOptions(parser)
    }

    /// A limit may cut classes off; a file or folder that lacks one is a mistake.
    var allowsEmptyClasses: Bool { features.loading.limit.isGiven }

    /// - Parameter needsTest: Whether a missing test set is an error.
    /// - Throws: `UsageError` for options that do not go together, and what opening data and weights throws.
    func data(needsTest: Bool) throws -> ProbeData {
        if let path = trainFeatures.value {
            guard !train.isGiven, !test.isGiven, !features.weights.isGiven else {
                throw UsageError(
                    "--train-features goes with --test-features only", remedy: "leave --weights, --train and --test out"
                )
            }
            if needsTest, !testFeatures.isGiven {
                throw UsageError("--test-features is missing", remedy: "give the features to classify")
            }
            return .files(train: path, test: testFeatures.value)
        }
        guard let train = train.value else {
            throw UsageError("--train is missing", remedy: "give --weights and --train, or --train-features")
        }
        if testFeatures.isGiven {
            throw UsageError("--test-features goes with --train-features", remedy: "give --test instead")
        }
        if needsTest, !test.isGiven {
            throw UsageError("--test is missing", remedy: "give the images to classify")
        }
        let extractor = try features.extractor()
        return .images(
            train: try features.images(train),
            test: try test.value.map { try features.images($0) },
            extractor)
    }
}

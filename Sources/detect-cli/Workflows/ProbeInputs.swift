internal import Backbone
internal import Datasets
internal import Probes
internal import Support
internal import Training

/// Options of probes that learn from one set of labelled images and are measured on another: images with weights, or
/// features from files.
struct ProbeInputs {
    let train: Option<String?>
    let test: Option<String?>
    let trainFeatures: Option<String?>
    let testFeatures: Option<String?>
    let features: FeatureOptions

    /// - Parameter withoutTest: What leaving the test set out means; nil when it must be given.
    init(_ parser: ArgumentParser, withoutTest: String? = nil) {
        train = parser.optional("train", "DIR", "labelled images to learn from: one folder a class")
        test = parser.optional("test", "DIR", "labelled images to classify", shown: withoutTest ?? "")
        trainFeatures = parser.optional("train-features", "FILE", "features with labels instead of images")
        testFeatures = parser.optional("test-features", "FILE", "features with labels to classify")
        features = FeatureOptions(parser)
    }

    /// Features of a set with the names of its classes and how they were made.
    struct Set {
        var features: LabeledFeatures
        var classes: [String]
        var protocolJSON: JSON

        init(path: String) throws {
            let file = try FeatureFile(path: path)
            (features, classes, protocolJSON) = (file.features, file.classes, file.protocolJSON)
        }

        init(_ images: any ImageCollection, _ extractor: FeatureExtractor, title: String) throws {
            let table = try FeatureWorkflow.extract(images, extractor, title: title)
            features = try LabeledFeatures(
                features: table.features, dimension: table.dimension, labels: table.labels, source: images.source)
            (classes, protocolJSON) = (table.classes, table.protocolJSON)
        }
    }

    /// - Parameter needsTest: Whether a missing test set is an error.
    /// - Throws: `UsageError` for options that do not go together; `InputError` for what cannot be read, for sets with
    ///   different classes, and for a class without training image.
    func load(needsTest: Bool) throws -> (train: Set, test: Set?) {
        if let path = trainFeatures.value {
            guard !train.isGiven, !test.isGiven, !features.weights.isGiven else {
                throw UsageError(
                    "--train-features goes with --test-features only", remedy: "leave --weights, --train and --test out"
                )
            }
            if needsTest, !testFeatures.isGiven {
                throw UsageError("--test-features is missing", remedy: "give the features to classify")
            }
            return try checked(Set(path: path), testFeatures.value.map { try Set(path: $0) })
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
        let limit = features.loading.limit.value
        let images = try DataSource.open(train, limit: limit)
        let others = try test.value.map { try DataSource.open($0, limit: limit) }
        // Before the long work; `checked` looks again at what files say.
        if let others { try requireSameClasses(images.classes, images.source, others.classes, others.source) }
        return try checked(
            Set(images, extractor, title: "features (train)"),
            others.map { try Set($0, extractor, title: "features (test)") })
    }

    private func checked(_ train: Set, _ test: Set?) throws -> (Set, Set?) {
        if let test {
            if !train.classes.isEmpty, !test.classes.isEmpty {
                try requireSameClasses(train.classes, train.features.source, test.classes, test.features.source)
            }
            guard train.features.dimension == test.features.dimension else {
                throw InputError(
                    test.features.source,
                    "has features of \(test.features.dimension) dimensions, but \(train.features.source) of "
                        + "\(train.features.dimension)", remedy: "use the same weights and layer for both")
            }
        }
        // A limit may cut classes off; a file or folder that lacks one is a mistake.
        if !features.loading.limit.isGiven {
            let present = Swift.Set(train.features.labels)
            if let empty = train.classes.indices.first(where: { !present.contains($0) }) {
                throw InputError(
                    train.features.source, "the class \"\(train.classes[empty])\" has no image",
                    remedy: "add images of it, or leave the class out")
            }
        }
        return (train, test)
    }

    private func requireSameClasses(_ one: [String], _ first: String, _ other: [String], _ second: String) throws {
        guard one != other else { return }
        let difference = Swift.Set(one).symmetricDifference(other).sorted()
        throw InputError(
            second,
            "has other classes than \(first)"
                + (difference.isEmpty ? "" : ": \(difference[0]) is in one of them only"),
            remedy: "use data with the same classes in the same order")
    }
}

extension JSON {
    /// How features were made, in a line for people.
    var featureText: String {
        let members = members ?? []
        if members.isEmpty { return "features: the file does not say how they were made" }
        return "features: "
            + members.map { member in
                let name = member.name.split(separator: "_").joined(separator: " ")
                return "\(name) \(member.value.stringValue ?? member.value.line)"
            }.joined(separator: ", ")
    }
}

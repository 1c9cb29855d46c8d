public import Datasets
internal import Distributed
public import Probes
public import Support

/// Features with labels, the names of their classes, and how they were made.
public struct ProbeFeatures {
    public var features: LabeledFeatures
    public var classes: [String]
    public var protocolJSON: JSON

    /// From a file of features.
    public init(path: String) throws {
        let file = try FeatureFile(path: path)
        (features, classes, protocolJSON) = (file.features, file.classes, file.protocolJSON)
    }

    /// From images.
    public init(
        _ images: any ImageCollection, _ extractor: FeatureExtractor, title: String,
        progress: ProgressBar.Style = .automatic
    ) throws {
        let table = try FeatureRun.extract(images, extractor, title: title, progress: progress)
        features = try LabeledFeatures(
            features: table.features, dimension: table.dimension, labels: table.labels, source: images.source)
        (classes, protocolJSON) = (table.classes, table.protocolJSON)
    }
}

/// What a probe learns from and is measured on.
public enum ProbeData {
    /// Feature files; without a test file only the first.
    case files(train: String, test: String?)
    /// Images that a network looks at.
    case images(train: any ImageCollection, test: (any ImageCollection)?, FeatureExtractor)

    /// Reads or makes the features of both.
    ///
    /// - Parameter allowsEmptyClasses: Whether a class may have no training image, as when a limit cuts some off.
    /// - Throws: `InputError` for what cannot be read, for sets with different classes or dimensions, and for a class
    ///   without training image.
    public func load(
        allowsEmptyClasses: Bool = false, progress: ProgressBar.Style = .automatic
    ) throws -> (train: ProbeFeatures, test: ProbeFeatures?) {
        let train: ProbeFeatures
        let test: ProbeFeatures?
        switch self {
        case .files(let trainPath, let testPath):
            (train, test) = (try ProbeFeatures(path: trainPath), try testPath.map { try ProbeFeatures(path: $0) })
        case .images(let images, let others, let extractor):
            // Before the long work; what files say is looked at below.
            if let others { try Self.requireSame(images.classes, images.source, others.classes, others.source) }
            train = try ProbeFeatures(images, extractor, title: "features (train)", progress: progress)
            test = try others.map { try ProbeFeatures($0, extractor, title: "features (test)", progress: progress) }
            try extractor.world.leaveToLeader()
        }
        if let test { try Self.requireFit(train, test) }
        if !allowsEmptyClasses {
            let present = Set(train.features.labels)
            if let empty = train.classes.indices.first(where: { !present.contains($0) }) {
                throw InputError(
                    train.features.source, "the class \"\(train.classes[empty])\" has no image",
                    remedy: "add images of it, or leave the class out")
            }
        }
        return (train, test)
    }

    private static func requireFit(_ train: ProbeFeatures, _ test: ProbeFeatures) throws {
        if !train.classes.isEmpty, !test.classes.isEmpty {
            try requireSame(train.classes, train.features.source, test.classes, test.features.source)
        }
        guard train.features.dimension == test.features.dimension else {
            throw InputError(
                test.features.source,
                "has features of \(test.features.dimension) dimensions, but \(train.features.source) of "
                    + "\(train.features.dimension)", remedy: "use the same weights and layer for both")
        }
    }

    private static func requireSame(_ one: [String], _ first: String, _ other: [String], _ second: String) throws {
        guard one != other else { return }
        let difference = Set(one).symmetricDifference(other).sorted()
        throw InputError(
            second,
            "has other classes than \(first)"
                + (difference.isEmpty ? "" : ": \(difference[0]) is in one of them only"),
            remedy: "use data with the same classes in the same order")
    }
}

public import Datasets
public import Imaging
public import Probes
internal import Support
public import VOCData

/// Which classes the images of an image set show, as its per-class files say.
public struct VOCPresence {
    public let images: any ImageCollection
    public let classes: [String]
    /// For each class, for each image.
    public let marks: [[MultiLabelFeatures.Mark]]
    public let source: String

    /// - Throws: `InputError` naming the file: a missing image or set, and a class file that lists other images.
    public init(_ devkit: Devkit, set: String, classes: [String], limit: Int?) throws {
        let all = try VOCImages(devkit, set: set)
        let ids = Array(all.ids.prefix(limit ?? .max))
        images = all.limited(to: limit)
        self.classes = classes
        source = devkit.imageSetPath(set)
        marks = try classes.map { name in
            let listed = try devkit.imageSetLabels(class: name, set: set)
            let labels = Dictionary(listed.map { ($0.id, $0.label) }) { first, _ in first }
            return try ids.map { id in
                switch labels[id] {
                case 1: return .present
                case 0: return .difficult
                case .some: return .absent
                case nil:
                    throw InputError(
                        devkit.imageSetPath("\(name)_\(set)"), "does not list the image \(id) of the set \"\(set)\"",
                        remedy: "write a line with -1, 0 or 1 for each image")
                }
            }
        }
    }

    /// The classes that have a file for each of the sets: in VOC's order when all are VOC's, else sorted.
    public static func classes(of devkit: Devkit, sets: [String]) throws -> [String] {
        let files = Set(try Files.list("\(devkit.root)/ImageSets/Main"))
        let suffix = "_\(sets[0]).txt"
        let found = files.filter { $0.hasSuffix(suffix) }.map { String($0.dropLast(suffix.count)) }
            .filter { name in sets.allSatisfy { files.contains("\(name)_\($0).txt") } }
        guard !found.isEmpty else {
            throw InputError(
                "\(devkit.root)/ImageSets/Main",
                "has no files such as aeroplane\(suffix) that say which class is where",
                remedy: "complete the devkit")
        }
        let standard = VOCClasses.voc2007.filter(found.contains)
        return standard.count == found.count ? standard : found.sorted()
    }

    /// The protocol's: the short side to 256/224 of the input, then squashed to a square.
    public static func pipeline(imageSize: Int) -> ImagePipeline {
        let resized = Int((Double(imageSize) * 256 / 224).rounded())
        return ImagePipeline([
            .resizeShortSide(resized), .resize(ImageSize(width: imageSize, height: imageSize)),
        ])
    }

    /// With the features of its images.
    public func labeled(_ table: FeatureTable) throws -> MultiLabelFeatures {
        guard table.count == images.count else {
            // The bad ones that were left out would shift the marks; their names tell which are left.
            let position = Dictionary((0..<images.count).map { (images.name($0), $0) }) { first, _ in first }
            let kept = table.names.compactMap { position[$0] }
            return try MultiLabelFeatures(
                features: table.features, dimension: table.dimension, classes: classes,
                marks: marks.map { marks in kept.map { marks[$0] } }, source: source)
        }
        return try MultiLabelFeatures(
            features: table.features, dimension: table.dimension, classes: classes, marks: marks, source: source)
    }
}

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
    public init(_ selection: DevkitSelection, classes: [String], limit: Int?) throws {
        let found = Array(try selection.images(.image, missing: .stop).images.prefix(limit ?? .max))
        let sources = selection.parts.map { $0.devkit.imageSetPath($0.set) }
        images = VOCImages(found, source: selection.parts.map(\.devkit.imageFolder).distinct.joined(separator: ", "))
        self.classes = classes
        source = sources.joined(separator: ", ")
        if Self.hasFiles(selection, classes: classes) {
            marks = try classes.map { try Self.marks(of: $0, selection, found) }
        } else {
            marks = try Self.marks(from: found, classes: classes, selection)
        }
    }

    /// Whether every class has a file of its own for the sets; without them the annotations say what is where.
    private static func hasFiles(_ selection: DevkitSelection, classes: [String]) -> Bool {
        selection.parts.contains { part in
            classes.contains { Files.exists(part.devkit.imageSetPath("\($0)_\(part.set)")) }
        }
    }

    private static func marks(
        of name: String, _ selection: DevkitSelection, _ images: [SetImage]
    ) throws -> [MultiLabelFeatures.Mark] {
        var labels: [String: Int] = [:]
        for (devkit, set) in selection.parts {
            for line in try devkit.imageSetLabels(class: name, set: set) { labels[line.id] = line.label }
        }
        return try images.map { image in
            switch labels[image.id] {
            case 1: return .present
            case 0: return .difficult
            case .some: return .absent
            case nil:
                let (devkit, set) = selection.parts[0]
                throw InputError(
                    devkit.imageSetPath("\(name)_\(set)"),
                    "does not list the image \(image.id) of the set \"\(selection.sets)\"",
                    remedy: "write a line with -1, 0 or 1 for each image")
            }
        }
    }

    private static func marks(
        from images: [SetImage], classes: [String], _ selection: DevkitSelection
    ) throws -> [[MultiLabelFeatures.Mark]] {
        if let bare = images.first(where: { $0.annotation == nil }) {
            throw InputError(
                selection.path, "neither a file CLASS_SET.txt nor an annotation says what the image \(bare.id) shows",
                remedy: "complete the devkit")
        }
        let annotations = try AnnotatedSet(reading: images, policy: .keep, threads: 2).annotations
        return classes.map { name in
            annotations.map { annotation in
                let own = annotation.objects.filter { $0.name == name }
                return own.isEmpty ? .absent : own.allSatisfy(\.isDifficult) ? .difficult : .present
            }
        }
    }

    /// The classes that have a file for each of the sets, else those of the annotations: in VOC's order when all are VOC's,
    /// else sorted.
    public static func classes(of selections: [DevkitSelection]) throws -> [String] {
        let parts = selections.flatMap(\.parts)
        let names = parts.map { devkit, set -> Set<String> in
            let suffix = "_\(set).txt"
            let files = (try? Files.list(devkit.imageSetPath(set).parentFolder)) ?? []
            return Set(files.filter { $0.hasSuffix(suffix) }.map { String($0.dropLast(suffix.utf8.count)) })
        }
        let found = names.dropFirst().reduce(names.first ?? []) { $0.intersection($1) }
        if found.isEmpty {
            let annotations = try selections.map {
                try AnnotatedSet(reading: $0.images(.image, missing: .stop).images, policy: .keep, threads: 2)
                    .annotations
            }
            let all = Set(annotations.joined().flatMap { $0.objects.map(\.name) })
            guard !all.isEmpty else {
                throw InputError(
                    parts.first.map { $0.devkit.imageSetPath($0.set).parentFolder } ?? "",
                    "has no files such as aeroplane_\(parts.first?.set ?? "test").txt that say which class is where",
                    remedy: "complete the devkit")
            }
            return inOrder(all)
        }
        return inOrder(found)
    }

    private static func inOrder(_ found: Set<String>) -> [String] {
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

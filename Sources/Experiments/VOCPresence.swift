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
    /// What was left out of the set.
    public let omissions: [SetOmission]
    private let name: String

    /// - Throws: `InputError` naming the file: a missing set, and under `.stop` a missing image and a class file that lists
    ///   other images.
    public init(_ selection: DevkitSelection, classes: [String], _ options: VOCSet.Options) throws {
        let hasFiles = Self.hasFiles(selection, classes: classes)
        var (found, omissions) = try selection.images(
            hasFiles ? .image : [.image, .annotation], missing: options.missing)
        found = Array(found.prefix(options.limit ?? .max))
        if hasFiles {
            let labels = try classes.map { try Self.labels(of: $0, selection, options.missing) }
            let unlabelled = Self.unlabelled(found, classes, labels, selection)
            if options.missing == .stop, let first = unlabelled.first { throw first.error(selection.sets) }
            omissions += unlabelled.map { SetOmission(.missingAnnotation, $0.file, "does not list \($0.id)") }
            let left = Set(unlabelled.map(\.id))
            found.removeAll { left.contains($0.id) }
            marks = labels.map { labels in found.map { Self.mark(labels[$0.id] ?? -1) } }
        } else {
            let annotated = try Self.annotations(found, options)
            omissions += annotated.omissions
            let read = Set(annotated.ids)
            found.removeAll { !read.contains($0.id) }
            marks = classes.map { name in annotated.annotations.map { Self.mark(name, $0) } }
        }
        guard !found.isEmpty else {
            throw InputError(
                selection.path, "nothing is left of the set \"\(selection.sets)\"",
                remedy: "give a set of images that are there and annotated")
        }
        self.omissions = omissions
        self.classes = classes
        name = selection.name
        source = selection.parts.map { $0.devkit.imageSetPath($0.set) }.joined(separator: ", ")
        images = VOCImages(found, source: selection.parts.map(\.devkit.imageFolder).distinct.joined(separator: ", "))
    }

    /// Says on standard error what was left out of the set.
    public func report() {
        Console.remark(
            lines: SetReport.text(AnnotatedSet(ids: [], annotations: [], omissions: omissions), name: name))
    }

    /// Whether a class has a file of its own for the sets; without any the annotations say what is where.
    private static func hasFiles(_ selection: DevkitSelection, classes: [String]) -> Bool {
        // The images of a split are others than those the files list.
        selection.parts.contains { part in
            part.devkit.split == nil
                && classes.contains { Files.exists(part.devkit.imageSetPath("\($0)_\(part.set)")) }
        }
    }

    private static func labels(
        of name: String, _ selection: DevkitSelection, _ missing: MissingPolicy
    ) throws -> [String: Int] {
        var labels: [String: Int] = [:]
        for (devkit, set) in selection.parts {
            for line in try devkit.imageSetLabels(class: name, set: set, missing: missing) {
                labels[line.id] = line.label
            }
        }
        return labels
    }

    /// An image of which a class file does not say whether it shows the class.
    private struct Unlabelled {
        var id: String
        var file: String

        func error(_ sets: String) -> InputError {
            InputError(
                file, "does not list the image \(id) of the set \"\(sets)\"",
                remedy: "write a line with -1, 0 or 1 for each image, or give --on-missing skip")
        }
    }

    private static func unlabelled(
        _ images: [SetImage], _ classes: [String], _ labels: [[String: Int]], _ selection: DevkitSelection
    ) -> [Unlabelled] {
        let (devkit, set) = selection.parts[0]
        return images.compactMap { image in
            classes.indices.first { labels[$0][image.id] == nil }.map {
                Unlabelled(id: image.id, file: devkit.imageSetPath("\(classes[$0])_\(set)"))
            }
        }
    }

    private static func mark(_ label: Int) -> MultiLabelFeatures.Mark {
        label > 0 ? .present : label == 0 ? .difficult : .absent
    }

    private static func mark(_ name: String, _ annotation: Annotation) -> MultiLabelFeatures.Mark {
        let own = annotation.objects.filter { $0.name == name }
        return own.isEmpty ? .absent : own.allSatisfy(\.isDifficult) ? .difficult : .present
    }

    private static func annotations(_ images: [SetImage], _ options: VOCSet.Options) throws -> AnnotatedSet {
        try AnnotatedSet(
            reading: images, policy: options.badAnnotations, leavesOutUnreadable: options.leavesOutUnreadable,
            threads: options.threads)
    }

    /// The classes that have a file for each of the sets, else those of the annotations: in VOC's order when all are VOC's,
    /// else sorted.
    public static func classes(of selections: [DevkitSelection], _ options: VOCSet.Options) throws -> [String] {
        let parts = selections.flatMap(\.parts)
        let names = parts.map { devkit, set -> Set<String> in
            if devkit.split != nil { return [] }
            let suffix = "_\(set).txt"
            let files = (try? Files.list(devkit.imageSetPath(set).parentFolder)) ?? []
            return Set(files.filter { $0.hasSuffix(suffix) }.map { String($0.dropLast(suffix.utf8.count)) })
        }
        let found = names.dropFirst().reduce(names.first ?? []) { $0.intersection($1) }
        if found.isEmpty {
            let sets = try selections.map { selection in
                let images = try selection.images([.image, .annotation], missing: options.missing).images
                return try annotations(images, options).annotations
            }
            let all = Set(sets.joined().flatMap { $0.objects.map(\.name) })
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

public import Boxes
public import Datasets
public import Detection
public import Imaging
internal import Proposals
internal import Support
public import VOCData

/// An image set of a devkit, or several of different years, with what detection needs of it.
public struct VOCSet: Sendable {
    /// The devkit, as it was given.
    public let path: String
    /// Its name in files: "trainval", "2007-trainval+2012-trainval".
    public let name: String
    /// The devkit and its layout, for people.
    public let devkitText: String
    /// What made the set instead of the devkit.
    public let split: SetSplit?
    public internal(set) var ids: [String]
    public internal(set) var images: any ImageCollection
    /// Of the images that have some: of all, of some or of none.
    public internal(set) var annotations: AnnotatedSet
    public let classes: [String]
    /// Of each image, those of known classes.
    public internal(set) var objects: [[LabeledBox]]
    /// Objects left out because their class is not in the list: their number by name.
    public let unknownClasses: [String: Int]

    /// How a set is read.
    public struct Options: Sendable {
        /// The first images alone.
        public var limit: Int?
        /// nil for those of the annotations.
        public var classes: [String]?
        /// What to do with bad boxes: `clip` to train, `keep` to evaluate as the official code does.
        public var badAnnotations: BadAnnotationPolicy
        /// Whether objects and files that cannot be read are left out; nil for what the policy says.
        public var leavesOutUnreadable: Bool?
        /// What to do with images and annotations that are not there, and with ids listed twice.
        public var missing = MissingPolicy.stop
        /// Whether images without annotation are of use.
        public var needsAnnotations = true
        /// Whether the stated size of an image that EXIF turns may be that of the turned image; `reading` turns it then.
        public var turnsByEXIF = true
        /// Makes the sets instead of those the devkit brings.
        public var split: SetSplit?
        public var threads: Int

        public init(_ badAnnotations: BadAnnotationPolicy, threads: Int) {
            self.badAnnotations = badAnnotations
            self.threads = threads
        }
    }

    /// - Parameters:
    ///   - set: The name of a set, with or without a year, or several: "trainval", "2007:trainval,2012:trainval".
    ///   - classes: nil for those of the annotations.
    ///   - policy: What to do with bad boxes: `clip` to train, `keep` to evaluate as the official code does.
    /// - Throws: `InputError` naming the file or set that is wrong.
    public init(
        _ path: String, set: String, limit: Int? = nil, classes: [String]? = nil, policy: BadAnnotationPolicy,
        threads: Int
    ) throws {
        var options = Options(policy, threads: threads)
        options.limit = limit
        options.classes = classes
        try self.init(path, set: set, options)
    }

    /// - Throws: `InputError` naming the file or set that is wrong, and for a set of which nothing is left.
    public init(_ path: String, set: String, _ options: Options) throws {
        self.path = path
        let selection = try DevkitSelection(path, sets: set, split: options.split)
        name = selection.name
        devkitText = selection.text
        split = options.split
        let needs: DevkitSelection.Needs = options.needsAnnotations ? [.image, .annotation] : .image
        let (listed, omissions) = try selection.images(needs, missing: options.missing)
        var found = Array(listed.prefix(options.limit ?? .max))
        var annotated = try AnnotatedSet(
            reading: found, policy: options.badAnnotations, leavesOutUnreadable: options.leavesOutUnreadable,
            usesImageSizes: options.badAnnotations != .keep, turnsByEXIF: options.turnsByEXIF, threads: options.threads)
        annotated.omissions = omissions + annotated.omissions
        if options.needsAnnotations {
            let readable = Set(annotated.ids)
            found.removeAll { !readable.contains($0.id) }
        }
        guard !found.isEmpty else {
            throw InputError(
                path, "nothing is left of the set \"\(set)\": \(Self.reasons(annotated.omissions))",
                remedy: "give a set with images" + (options.needsAnnotations ? " and annotations" : ""))
        }
        annotations = annotated
        let sources = selection.parts.map(\.devkit.imageFolder).distinct.joined(separator: ", ")
        let all = VOCImages(found, source: sources)
        ids = all.ids
        images = all.limited(to: nil)
        let names = options.classes ?? VOCClasses.found(in: annotations.annotations)
        self.classes = names
        let indices = Dictionary(zip(names, names.indices)) { first, _ in first }
        var unknown: [String: Int] = [:]
        var known: [String: [LabeledBox]] = [:]
        for (id, annotation) in zip(annotations.ids, annotations.annotations) {
            known[id] = annotation.objects.compactMap { object in
                guard let index = indices[object.name] else {
                    unknown[object.name, default: 0] += 1
                    return nil
                }
                return LabeledBox(box: object.box, classIndex: index, isDifficult: object.isDifficult)
            }
        }
        objects = ids.map { known[$0] ?? [] }
        unknownClasses = unknown
    }

    private static func reasons(_ omissions: [SetOmission]) -> String {
        let counts = SetOmission.Reason.allCases.map { reason in (reason, omissions.count { $0.reason == reason }) }
        let texts = counts.filter { $0.1 > 0 }.map { "\($0.1) \($0.0.rawValue)" }
        return texts.isEmpty ? "it holds no images" : texts.joined(separator: ", ")
    }

    /// Whether every image has an annotation.
    public var isAnnotated: Bool { annotations.ids.count == ids.count }
    /// Whether no image has one: a test set whose annotations are on a server, or photographs.
    public var isUnlabelled: Bool { annotations.ids.isEmpty }
    /// Whether an object counts for average precision.
    public var hasObjects: Bool { objects.contains { $0.contains { !$0.isDifficult } } }

    /// Says on standard error where the set was found, what was left out of it and what was done to its annotations: how
    /// many, and the first few by name.
    public func report() {
        var text = "\(name): \(ids.count.counted("image")) of \(devkitText)\n" + SetReport.text(annotations, name: name)
        text += SetReport.lines(
            "classes that are not in the list, left out",
            unknownClasses.sorted { $0.key < $1.key }.map { "\"\($0.key)\": \($0.value.counted("object"))" }, name)
        if isUnlabelled {
            text += "\(name) has no annotations: there is nothing to measure with\n"
        } else if !isAnnotated {
            text +=
                "\((ids.count - annotations.ids.count).counted("image")) of \(name) have no annotation: measured on the others\n"
        }
        Console.remark(lines: text)
    }

    /// The evaluator of the images that have annotations.
    public func evaluator(
        classes: [String], metric: VOCEvaluator.Metric = .voc07, iouThreshold: Double = 0.5
    ) throws -> VOCEvaluator {
        try VOCEvaluator(annotations, classes: classes, metric: metric, iouThreshold: iouThreshold)
    }

    /// Of detections in all images, those in the images of the evaluator.
    public func annotated(_ detections: [[Detection]]) -> [[Detection]] {
        if isAnnotated { return detections }
        let places = Dictionary(uniqueKeysWithValues: zip(ids, ids.indices))
        return annotations.ids.map { places[$0].map { detections[$0] } ?? [] }
    }

    /// The pixels of an image.
    public func image(_ i: Int) throws -> Image { try images.image(i) }

    /// The first `count` images.
    public func limited(to count: Int) -> VOCSet {
        var part = self
        part.ids = Array(ids.prefix(count))
        part.images = images.limited(to: count)
        let kept = Set(part.ids)
        let own = annotations.ids.indices.filter { kept.contains(annotations.ids[$0]) }
        part.annotations = AnnotatedSet(
            ids: own.map { annotations.ids[$0] }, annotations: own.map { annotations.annotations[$0] })
        part.objects = Array(objects.prefix(count))
        return part
    }

    /// With the proposals of a file; without one for detectors that propose their own regions.
    public func with(proposals file: String?) throws -> DetectionSet {
        try DetectionSet(
            ids: ids, images: images, classes: classes, objects: objects,
            proposals: file.map { try ProposalFile(contentsOf: $0) }, proposalPath: file ?? "")
    }
}

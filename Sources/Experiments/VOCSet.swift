public import Boxes
public import Datasets
public import Detection
public import Imaging
internal import Proposals
internal import Support
public import VOCData

/// An image set of a devkit, or several of different years, with what detection needs of it.
public struct VOCSet: Sendable {
    /// The folder that holds VOC2007/.
    public let path: String
    /// Its name in files: "trainval", "2007-trainval+2012-trainval".
    public let name: String
    public internal(set) var ids: [String]
    public internal(set) var images: any ImageCollection
    public internal(set) var annotations: AnnotatedSet
    public let classes: [String]
    /// Of each image, those of known classes.
    public internal(set) var objects: [[LabeledBox]]
    /// Objects left out because their class is not in the list: their number by name.
    public let unknownClasses: [String: Int]

    /// - Parameters:
    ///   - set: The name of a set, with or without a year, or several: "trainval", "2007:trainval,2012:trainval".
    ///   - classes: nil for those of the annotations.
    ///   - policy: What to do with bad boxes: `clip` to train, `keep` to evaluate as the official code does.
    ///   - turnsByEXIF: Whether the stated size of an image that EXIF turns may be that of the turned image; `reading`
    ///     turns it then.
    /// - Throws: `InputError` naming the file or set that is wrong.
    public init(
        _ path: String, set: String, limit: Int? = nil, classes: [String]? = nil, policy: BadAnnotationPolicy,
        turnsByEXIF: Bool = true, threads: Int
    ) throws {
        self.path = path
        name = set.replacing(":", with: "-").replacing(",", with: "+")
        let parts = try set.split(separator: ",", omittingEmptySubsequences: false).map {
            try Self.part(String($0), of: path)
        }
        let collections = try parts.map { try VOCImages($0.devkit, set: $0.set) }
        let all: any ImageCollection = collections.count == 1 ? collections[0] : JoinedImages(collections)
        ids = Array(collections.flatMap(\.ids).prefix(limit ?? .max))
        guard ids.distinct.count == ids.count else {
            throw InputError(set, "names an image more than once", remedy: "give sets that have no image in common")
        }
        images = all.limited(to: limit)
        var left = ids[...]
        var annotated = AnnotatedSet(ids: [], annotations: [])
        for (part, collection) in zip(parts, collections) {
            let own = Array(left.prefix(collection.count))
            left = left.dropFirst(own.count)
            let read = try part.devkit.annotations(
                ids: own, policy: policy, usesImageSizes: policy != .keep, turnsByEXIF: turnsByEXIF, threads: threads)
            annotated.ids += read.ids
            annotated.annotations += read.annotations
            annotated.repairs += read.repairs
            annotated.wrongSizes += read.wrongSizes
        }
        annotations = annotated
        let names = classes ?? VOCClasses.found(in: annotations.annotations)
        self.classes = names
        let indices = Dictionary(zip(names, names.indices)) { first, _ in first }
        var unknown: [String: Int] = [:]
        objects = annotations.annotations.map { annotation in
            annotation.objects.compactMap { object in
                guard let index = indices[object.name] else {
                    unknown[object.name, default: 0] += 1
                    return nil
                }
                return LabeledBox(box: object.box, classIndex: index, isDifficult: object.isDifficult)
            }
        }
        unknownClasses = unknown
    }

    /// "2012:trainval" → the devkit of that year and the set; without a year that of `Devkit`.
    private static func part(_ text: String, of path: String) throws -> (devkit: Devkit, set: String) {
        guard let colon = text.firstIndex(of: ":") else { return (try Devkit(path), text) }
        guard let year = Int(text[..<colon]) else {
            throw InputError(
                text, "has no year in front of its colon", remedy: "write sets as trainval or 2012:trainval")
        }
        return (try Devkit(path, year: year), String(text[text.index(after: colon)...]))
    }

    /// Says on standard error what was done to the annotations: how many, and the first few by name.
    public func reportRepairs() {
        report("bad boxes", annotations.repairs.map(\.description))
        report("annotations with a size that is not the image's, which is used", annotations.wrongSizes)
        report(
            "classes that are not in the list, left out",
            unknownClasses.sorted { $0.key < $1.key }.map { "\"\($0.key)\": \($0.value) objects" })
    }

    private func report(_ what: String, _ items: [String]) {
        if items.isEmpty { return }
        let shown = items.prefix(5).map { "\n  \($0)" }.joined()
        let rest = items.count > 5 ? "\n  and \(items.count - 5) more" : ""
        Console.remark("\(items.count) \(what) in \(name):\(shown)\(rest)")
    }

    /// The pixels of an image.
    public func image(_ i: Int) throws -> Image { try images.image(i) }

    /// The first `count` images.
    public func limited(to count: Int) -> VOCSet {
        var part = self
        part.ids = Array(ids.prefix(count))
        part.images = images.limited(to: count)
        part.annotations = AnnotatedSet(
            ids: part.ids, annotations: Array(annotations.annotations.prefix(count)))
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

internal import Boxes
internal import Datasets
internal import Detection
internal import Foundation
internal import Support
internal import VOCData

/// An image set of a devkit with what detection needs of it.
struct VOCSet {
    let devkit: Devkit
    let name: String
    private(set) var ids: [String]
    private(set) var images: any ImageCollection
    private(set) var annotations: AnnotatedSet
    let classes: [String]
    private(set) var objects: [[LabeledBox]]
    /// Objects left out because their class is not in the list: their number by name.
    let unknownClasses: [String: Int]

    /// - Parameters:
    ///   - classes: nil for those of the annotations.
    ///   - policy: What to do with bad boxes: `clip` to train, `keep` to evaluate as the official code does.
    init(
        _ path: String, set: String, limit: Int? = nil, classes: [String]? = nil, policy: BadAnnotationPolicy,
        threads: Int
    ) throws {
        devkit = try Devkit(path)
        name = set
        let all = try VOCImages(devkit, set: set)
        ids = Array(all.ids.prefix(limit ?? .max))
        images = all.limited(to: limit)
        annotations = try devkit.annotations(
            ids: ids, policy: policy, usesImageSizes: policy != .keep, threads: threads)
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

    /// Says on standard error what was done to the annotations: how many, and the first few by name.
    func reportRepairs() {
        report("bad boxes", annotations.repairs.map(\.description))
        report("annotations with a size that is not the image's, which is used", annotations.wrongSizes)
        report(
            "classes that are not in the list, left out",
            unknownClasses.sorted { $0.key < $1.key }.map { "\"\($0.key)\": \($0.value) objects" })
    }

    private func report(_ what: String, _ items: [String]) {
        if items.isEmpty { return }
        let shown = items.prefix(5).map { "  \($0)\n" }.joined()
        let rest = items.count > 5 ? "  and \(items.count - 5) more\n" : ""
        FileHandle.standardError.write(Data("\(items.count) \(what) in \(name):\n\(shown)\(rest)".utf8))
    }

    /// The first `count` images.
    func limited(to count: Int) -> VOCSet {
        var part = self
        part.ids = Array(ids.prefix(count))
        part.images = images.limited(to: count)
        part.annotations = AnnotatedSet(
            ids: part.ids, annotations: Array(annotations.annotations.prefix(count)))
        part.objects = Array(objects.prefix(count))
        return part
    }

    /// With the proposals of a file.
    func with(proposals path: String) throws -> DetectionSet {
        try DetectionSet(
            ids: ids, images: images, classes: classes, objects: objects, proposals: ProposalFile(contentsOf: path),
            proposalPath: path)
    }
}

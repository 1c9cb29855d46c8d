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
    let ids: [String]
    let images: any ImageCollection
    let annotations: AnnotatedSet
    let classes: [String]
    let objects: [[LabeledBox]]

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
        annotations = try devkit.annotations(ids: ids, policy: policy, threads: threads)
        let names = classes ?? VOCClasses.found(in: annotations.annotations)
        self.classes = names
        let indices = Dictionary(zip(names, names.indices)) { first, _ in first }
        objects = annotations.annotations.map { annotation in
            annotation.objects.compactMap { object in
                indices[object.name].map {
                    LabeledBox(box: object.box, classIndex: $0, isDifficult: object.isDifficult)
                }
            }
        }
    }

    /// Says on standard error what was done to bad boxes: how many, and the first few by name.
    func reportRepairs() {
        let repairs = annotations.repairs
        guard !repairs.isEmpty else { return }
        let shown = repairs.prefix(5).map { "  \($0)\n" }.joined()
        let rest = repairs.count > 5 ? "  and \(repairs.count - 5) more\n" : ""
        FileHandle.standardError.write(Data("\(repairs.count) bad boxes in \(name):\n\(shown)\(rest)".utf8))
    }

    /// With the proposals of a file.
    func with(proposals path: String) throws -> DetectionSet {
        try DetectionSet(
            ids: ids, images: images, classes: classes, objects: objects, proposals: ProposalFile(contentsOf: path),
            proposalPath: path)
    }
}

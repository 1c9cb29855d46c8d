internal import Boxes
internal import Detection
internal import Foundation
internal import Imaging
internal import Proposals
internal import Support
internal import VOCData

/// Turns proposals that other programs made into a proposal file.
struct ProposalsImportCommand: Command {
    static let name = "proposals import"
    static let summary = "converts proposals of MATLAB or text files into a proposal file, and measures their recall"
    static let example = """
        detect-cli proposals import --format mat --order y1x1y2x2 --base 1 --in voc_2007_test.mat --devkit VOCdevkit --set test --out test.proposals
        detect-cli proposals import --format text --order x1y1wh --base 0 --in boxes --devkit VOCdevkit --set test --out test.proposals
        """

    enum Base: String, CaseIterable {
        case zero = "0"
        case one = "1"
    }
    enum Last: String, CaseIterable { case inclusive, exclusive }

    let format: Option<ForeignProposals.Format>
    let order: Option<BoxNotation.Order>
    let base: Option<Base>
    let last: Option<Last>
    let input: Option<String>
    let devkit: Option<String>
    let set: Option<String>
    let out: Option<String>
    let limit: Option<Int?>
    let threads: Option<Int>
    let sets: SetOptions
    let results: ResultOptions

    init(_ parser: ArgumentParser) {
        format = parser.requiredChoice(
            "format", "MATLAB 5 (variable boxes: a cell for each image, or a matrix), or lines of text: id a b c d")
        order = parser.requiredChoice(
            "order",
            "what the four numbers are. Fast R-CNN's release (voc_2007_*.mat): y1x1y2x2, --base 1; its demo (*_boxes.mat): x1y1x2y2, --base 0; COCO: x1y1wh, --base 0"
        )
        base = parser.requiredChoice("base", "the coordinate of the first pixel; it is taken off")
        last = parser.choice(
            "last", "x2 and y2 are the last pixels of the box, and 1 is added, or the first behind it",
            default: .inclusive)
        input = parser.required(
            "in", "PATH", "the file of the set, or a folder with ID.mat, ID_boxes.mat or ID.txt for each image")
        devkit = parser.devkit()
        set = parser.imageSet(remark: "in the order of a MATLAB file without names")
        out = parser.output(parser.required("out", "FILE", "the proposal file to write"))
        limit = parser.limit(remark: "with a folder or text")
        threads = parser.threads()
        results = parser.results()
        sets = SetOptions(parser, missing: .stop, badAnnotations: .keep)
    }

    func run() throws {
        guard !Files.exists(out.value) else {
            throw InputError(out.value, "exists already", remedy: "remove it or give another --out")
        }
        let selection = try sets.selection(devkit.value, sets: set.value)
        let images = try sets.images(selection, [], limit: limit.value)
        let ids = images.map(\.id)
        // Those of a test set may be on a server: recall is then unknown.
        let annotated = try sets.read(images, usesImageSizes: true, threads: threads.value)
        let annotations = Dictionary(uniqueKeysWithValues: zip(annotated.ids, annotated.annotations))
        let notation = BoxNotation(
            order: order.value, base: base.value == .one ? 1 : 0, includesLast: last.value == .inclusive)
        let proposals = try ForeignProposals(input.value, format: format.value, notation: notation, ids: ids)
        let header = ProposalFile.Header(
            method: "imported",
            options: [
                "file": .string(input.value.fileName), "format": .string(format.value.rawValue),
                "order": .string(order.value.rawValue), "base": .integer(notation.base),
                "last": .string(last.value.rawValue),
            ], seed: 0, imageIDs: ids)
        let writer = try ProposalFile.Writer(path: out.value, header: header)
        let classes = VOCClasses.found(in: annotated.annotations)
        var report = ProposalImport()
        var quality = ProposalQuality()
        for image in images {
            let id = image.id
            guard let size = try annotations[id]?.size ?? image.image.map({ try ImageHeader.read($0).size }) else {
                throw InputError(
                    image.annotation ?? id, "states no size, and there is no image that tells it",
                    remedy: "complete the devkit")
            }
            guard let found = try proposals.boxes(for: id) else {
                throw InputError(input.value, "has no proposals for image \(id)", remedy: "give the set it is made for")
            }
            let boxes = report.add(found, width: Double(size.width), height: Double(size.height))
            if writer.count(for: id) == nil { try writer.append(boxes, for: id) }
            quality.add(
                proposals: boxes,
                groundTruth: try annotations[id]?.labeledBoxes(classes: classes, source: image.annotation ?? id) ?? [])
        }
        try writer.finish()
        try results.deliver(
            report.report(quality),
            .object(
                (quality.json.members ?? []) + [
                    .init("boxes", .integer(report.boxes)), .init("clipped", .integer(report.clipped)),
                    .init("dropped", .integer(report.dropped)),
                ]))
    }
}

internal import Foundation
internal import Support
internal import VOCData

/// Writes an image set, and detections in it, as COCO's JSON.
struct VOCExportCOCOCommand: Command {
    static let name = "voc export-coco"
    static let summary = "writes the objects of an image set, and detections in it, as COCO's JSON"
    static let example = """
        detect-cli voc export-coco --devkit VOCdevkit --set test --out test.json
        detect-cli voc export-coco --devkit VOCdevkit --set test --out test.json --detections results --results results.json
        """

    let devkit: Option<String>
    let set: Option<String>
    let out: Option<String>
    let detections: Option<String?>
    let results: Option<String?>
    let classes: Option<String?>
    let difficult: Option<COCOExport.Difficult>
    let limit: Option<Int?>
    let threads: Option<Int>
    let sets: SetOptions

    init(_ parser: ArgumentParser) {
        devkit = parser.devkit()
        set = parser.imageSet(default: "test")
        out = parser.output(parser.required("out", "FILE", "the JSON file of the objects"))
        detections = parser.optional("detections", "DIR", "a folder of comp4 files to convert, too")
        results = parser.output(parser.optional("results", "FILE", "the JSON file of the detections"))
        classes = parser.classNames()
        difficult = parser.choice(
            "difficult",
            "objects marked difficult become crowds, which COCO's evaluator leaves out, or objects, or are left out",
            default: .crowd)
        limit = parser.limit()
        threads = parser.threads()
        sets = SetOptions(parser, missing: .stop, badAnnotations: .keep, isStrict: true)
    }

    func run() throws {
        guard (detections.value == nil) == (results.value == nil) else {
            throw UsageError("--detections and --results go together", remedy: "give both or neither")
        }
        let selection = try sets.selection(devkit.value, sets: set.value)
        let (annotations, images) = try sets.annotations(
            selection, limit: limit.value, usesImageSizes: true, threads: threads.value)
        let names = try classes.value.map(VOCClasses.read) ?? VOCClasses.found(in: annotations.annotations)
        let export = try COCOExport(
            annotations,
            fileNames: images.map { image in
                // Files of different folders may have one name.
                image.id.contains("/")
                    ? "\(image.id).\(image.image?.fileExtension ?? "jpg")" : image.image?.fileName ?? "\(image.id).jpg"
            }, classes: names,
            difficult: difficult.value)
        let truth = export.groundTruth
        try Files.writeAtomically(truth.line + "\n", to: out.value)
        print(
            "\(images.count.counted("image")), \((truth["annotations"]?.arrayValue?.count ?? 0).counted("object")): \(out.value)"
        )
        if let folder = detections.value, let path = results.value {
            let evaluator = try VOCEvaluator(annotations, classes: names)
            let read = try evaluator.read(folder: folder, set: selection.name, threads: threads.value)
            try Files.writeAtomically(export.results(read.detections).line + "\n", to: path)
            let rest = read.missing.isEmpty ? "" : " (no file for \(read.missing.joined(separator: ", ")))"
            print("\(read.detections.reduce(0) { $0 + $1.count }) detections\(rest): \(path)")
        }
    }
}

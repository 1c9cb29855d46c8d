internal import Support
internal import VOCData

/// Writes a devkit in VOC's layout from annotated images in another.
struct VOCImportCommand: Command {
    static let name = "voc import"
    static let summary =
        "writes a devkit in VOC's layout, of links and image sets, from annotated images in another layout"
    static let example = """
        detect-cli voc import --from raccoon_dataset --out raccoons --split .8,.1,.1
        detect-cli voc import --from roboflow --out devkit
        """

    let from: Option<String>
    let out: Option<String>
    let shares: Option<[Double]?>
    let missing: Option<MissingPolicy>
    let threads: Option<Int>
    let seed: Option<UInt64>

    init(_ parser: ArgumentParser) {
        from = parser.required("from", "DIR", Devkit.help)
        out = parser.required("out", "DIR", "the folder to write; it receives VOC2007/")
        shares = parser.split()
        missing = parser.onMissing(default: .skip)
        threads = parser.threads()
        seed = parser.seed()
    }

    func run() throws {
        var source = try Devkit(from.value)
        source.split = shares.value.flatMap { SetSplit($0, seed: seed.value) }
        let written = try DevkitImport(source, to: out.value, missing: missing.value, threads: threads.value)
        let left = AnnotatedSet(ids: [], annotations: [], omissions: written.omissions)
        Console.remark(lines: "\(source.text)\n\(SetReport.text(left, name: from.value))")
        let sets = written.sets.map { "\($0.name) \($0.ids.count)" }.joined(separator: ", ")
        print(
            "\(written.images.counted("image")) of \(written.classes.count.counted("class")) (\(sets)): \(out.value)/VOC2007"
        )
        if !written.unlisted.isEmpty {
            let names = written.unlisted.map(\.printable).joined(separator: ", ")
            print("classes whose names make no file name have no lists of their own: \(names)")
        }
        if written.renamed > 0 { print("\(written.renamed) ids have their folders in their names now") }
        if written.sets.map(\.name) == ["all"] {
            print("there are no image sets: train with --train-set all, or import again with --split .8,.1,.1")
        }
    }
}

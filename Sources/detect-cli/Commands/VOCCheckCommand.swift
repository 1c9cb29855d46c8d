internal import Support
internal import VOCData

/// Reads a devkit file by file and says what is wrong.
struct VOCCheckCommand: Command {
    static let name = "voc check"
    static let summary = "reads every annotation and image of a devkit and reports what is wrong, by file"
    static let example = """
        detect-cli voc check --devkit VOCdevkit --set trainval
        detect-cli voc check --devkit VOCdevkit --json check.json
        """

    let devkit: Option<String>
    let set: Option<String?>
    let classes: Option<String?>
    let headers: Option<Bool>
    let show: Option<Int>
    let threads: Option<Int>
    let fix: Option<String?>
    let results: ResultOptions

    init(_ parser: ArgumentParser) {
        devkit = parser.devkit()
        set = parser.optional("set", "NAME", "check one image set", shown: "all sets and files")
        classes = parser.classNames(
            shown: "VOC's 20 if at least half of the names are among them, else the names found")
        headers = parser.flag("headers", "read the headers of images alone: quick, but blind to damage behind them")
        show = parser.option("show", "N", "findings of each kind to print by file", default: 5, .between(0, 1_000_000))
        fix = parser.optional(
            "fix", "DIR",
            "write a copy of the annotations there, with boxes cut at the frame, what is useless left out, and "
                + "the sizes of the images")
        threads = parser.threads()
        results = parser.results()
    }

    func run() throws {
        let (kit, set) = try kit()
        let check = try DevkitCheck(
            kit, set: set, classes: classes.value.map(VOCClasses.read), decodesImages: !headers.value,
            threads: threads.value)
        try results.deliver(check.report(listing: show.value), check.json)
        if let folder = fix.value {
            let mended = try MendedAnnotations(kit, ids: check.ids, to: folder, threads: threads.value)
            print("\n\(folder): \(mended.text)")
            for omission in mended.unreadable.prefix(show.value) { print("  \(omission)") }
        }
        if check.seriousCount > 0 {
            throw InputError(
                devkit.value, "\(check.seriousCount.counted("serious problem"))",
                remedy: "correct the files (--json FILE lists all); training can clip or skip bad boxes")
        }
    }

    /// The devkit, and the one set that is asked for.
    private func kit() throws -> (Devkit, String?) {
        guard let name = set.value else { return (try Devkit(devkit.value), nil) }
        let selection = try DevkitSelection(devkit.value, sets: name)
        guard selection.parts.count == 1 else {
            throw UsageError("--set names \(selection.parts.count) sets", remedy: "check them one by one")
        }
        return (selection.parts[0].devkit, selection.parts[0].set)
    }
}

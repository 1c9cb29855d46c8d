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
    let results: ResultOptions

    init(_ parser: ArgumentParser) {
        devkit = parser.devkit()
        set = parser.optional("set", "NAME", "check one image set", shown: "all sets and files")
        classes = parser.classNames(
            shown: "VOC's 20 if at least half of the names are among them, else the names found")
        headers = parser.flag("headers", "read the headers of images alone: quick, but blind to damage behind them")
        show = parser.option("show", "N", "findings of each kind to print by file", default: 5, .between(0, 1_000_000))
        threads = parser.threads()
        results = parser.results()
    }

    func run() throws {
        let check = try DevkitCheck(
            Devkit(devkit.value), set: set.value, classes: classes.value.map(VOCClasses.read),
            decodesImages: !headers.value, threads: threads.value)
        try results.deliver(check.report(listing: show.value), check.json)
        if check.seriousCount > 0 {
            throw InputError(
                devkit.value, "\(check.seriousCount) serious problems",
                remedy: "correct the files (--json FILE lists all); training can clip or skip bad boxes")
        }
    }
}

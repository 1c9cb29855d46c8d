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
    let json: Option<String?>

    init(_ parser: ArgumentParser) {
        devkit = parser.required("devkit", "DIR", "the folder that holds VOC2007/")
        set = parser.optional("set", "NAME", "check one image set", shown: "all sets and files")
        classes = parser.optional(
            "classes", "FILE", "class names, one a line",
            shown: "VOC's 20 if at least half of the names are among them, else the names found")
        headers = parser.flag("headers", "read the headers of images alone: quick, but blind to damage behind them")
        show = parser.option("show", "N", "findings of each kind to print by file", default: 5, .between(0, 1_000_000))
        threads = parser.threads()
        json = parser.json()
    }

    func run() throws {
        let check = try DevkitCheck(
            Devkit(devkit.value), set: set.value, classes: classes.value.map(VOCClasses.read),
            decodesImages: !headers.value, threads: threads.value)
        print(check.table, terminator: "")
        if show.value > 0 {
            for kind in DevkitFinding.Kind.allCases where kind.severity == .serious {
                let members = check.findings.filter { $0.kind == kind }
                if members.isEmpty { continue }
                print("\n\(kind.title):")
                for finding in members.prefix(show.value) { print("  \(check.short(finding))") }
                if members.count > show.value { print("  and \(members.count - show.value) more") }
            }
        }
        try json.write(check.json)
        if check.seriousCount > 0 {
            throw InputError(
                devkit.value, "\(check.seriousCount) serious problems",
                remedy: "correct the files (--json FILE lists all); training can clip or skip bad boxes")
        }
    }
}

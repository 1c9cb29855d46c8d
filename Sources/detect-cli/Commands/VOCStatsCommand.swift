internal import Graphics
internal import Reporting
internal import Support
internal import VOCData

/// What the objects of an image set are like.
struct VOCStatsCommand: Command {
    static let name = "voc stats"
    static let summary = "counts objects by class, size, aspect ratio and company, as a table and a picture"
    static let example = "detect-cli voc stats --devkit VOCdevkit --set trainval --picture trainval.png"

    let devkit: Option<String>
    let set: Option<String>
    let classes: Option<String?>
    let picture: Option<String?>
    let limit: Option<Int?>
    let threads: Option<Int>
    let sets: SetOptions
    let results: ResultOptions

    init(_ parser: ArgumentParser) {
        devkit = parser.devkit()
        set = parser.imageSet(default: "trainval")
        classes = parser.classNames()
        picture = parser.picture(parser.optional("picture", "FILE", "draw a picture there (PNG, JPEG, SVG or PDF)"))
        limit = parser.limit()
        threads = parser.threads()
        results = parser.results()
        sets = SetOptions(parser, missing: .skip, badAnnotations: .keep)
    }

    func run() throws {
        let selection = try sets.selection(devkit.value, sets: set.value)
        let annotations = try sets.annotations(
            selection, limit: limit.value, findsImages: false, threads: threads.value
        ).set
        let names = try classes.value.map(VOCClasses.read) ?? VOCClasses.found(in: annotations.annotations)
        let statistics = SetStatistics(annotations, classes: names)
        let report = statistics.report(title: "\(selection.parts[0].devkit.root.fileName) \(set.value)")
        try results.deliver(report, statistics.json)
        if let path = picture.value {
            try report.picture?.write(to: path)
            print("picture: \(path)")
        }
    }
}

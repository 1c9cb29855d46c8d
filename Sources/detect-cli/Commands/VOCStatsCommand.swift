internal import Imaging
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
    let json: Option<String?>

    init(_ parser: ArgumentParser) {
        devkit = parser.required("devkit", "DIR", "the folder that holds VOC2007/")
        set = parser.option("set", "NAME", "the image set", default: "trainval")
        classes = parser.optional("classes", "FILE", "class names, one a line", shown: "those of the annotations")
        picture = parser.output(parser.optional("picture", "FILE", "draw a picture there (PNG)"))
        limit = parser.optional("limit", "N", "use only the first N images", .atLeast(1))
        threads = parser.threads()
        json = parser.json()
    }

    func run() throws {
        let kit = try Devkit(devkit.value)
        let ids = Array(try kit.imageSet(set.value).prefix(limit.value ?? .max))
        let annotations = try kit.annotations(ids: ids, policy: .keep, threads: threads.value)
        let names = try classes.value.map(VOCClasses.read) ?? VOCClasses.found(in: annotations.annotations)
        let statistics = SetStatistics(annotations, classes: names)
        print(statistics.table, terminator: "")
        if let path = picture.value {
            try statistics.picture(title: "VOC\(kit.year) \(set.value)").write(to: path)
            print("picture: \(path)")
        }
        try json.write(statistics.json)
    }
}

internal import Datasets
internal import Experiments
internal import Support

/// `--on-bad-image stop|skip|use`
package enum BadImageChoice: String, CaseIterable {
    case stop
    case skip
    case use

    var policy: BadImagePolicy {
        switch self {
        case .stop: .stop
        case .skip: .skip { Console.remark("\($0)", label: "skipped") }
        case .use: .use { Console.remark("\($0)", label: "used") }
        }
    }
}

extension ArgumentParser {
    func badImages() -> Option<BadImageChoice> {
        choice(
            "on-bad-image",
            "an image that cannot be read ends the run, or is named and left out as if it were not there; use takes what a "
                + "truncated or damaged one still holds",
            default: .stop)
    }
}

/// How the images of a detector are read.
struct ImageOptions {
    let badImages: Option<BadImageChoice>
    let exif: Option<EXIFChoice>

    enum EXIFChoice: String, CaseIterable {
        case apply
        case ignore
    }

    /// - Parameter onPhotographs: Whether images without annotations are looked at, too.
    init(_ parser: ArgumentParser, onPhotographs: Bool = false) {
        badImages = parser.badImages()
        exif = parser.choice(
            "exif",
            "apply turns an image by its EXIF orientation where the size in its annotation says that it was drawn on the "
                + "turned one" + (onPhotographs ? ", and every image without annotation" : "")
                + "; all others stay as they are stored, as in VOC and ImageNet",
            default: .apply)
    }

    var turnsByEXIF: Bool { exif.value == .apply }

    /// A set with its images read so.
    func read(_ set: VOCSet, threads: Int) throws -> VOCSet {
        try set.reading(badImages.value.policy, turnsByEXIF: turnsByEXIF, threads: threads)
    }
}

internal import Imaging
internal import Support
internal import Synchronization
internal import VOCData

/// Draws a data set in VOC format.
struct SynthesizeCommand: Command {
    static let name = "synthesize"
    static let summary = "draws a data set in VOC format: images, annotations and image sets"
    static let example = "detect-cli synthesize --out synthetic --images 400"

    let out: Option<String>
    let images: Option<Int>
    let width: Option<Int>
    let height: Option<Int>
    let style: Option<SyntheticDevkit.Style>
    let objects: Option<Int>
    let leastExtent: Option<Double>
    let largestExtent: Option<Double>
    let classification: Option<Bool>
    let workers: Option<Int>
    let seed: Option<UInt64>

    init(_ parser: ArgumentParser) {
        out = parser.required("out", "DIR", "the folder to write; it receives VOC2007/")
        images = parser.option(
            "images", "N", "images of all splits together, or of each class with --classification", default: 400,
            .between(1, 999_999))
        width = parser.option("width", "N", "nominal width in pixels", default: 320, .between(48, 4096))
        height = parser.option("height", "N", "nominal height in pixels", default: 240, .between(48, 4096))
        style = parser.choice(
            "style", "cluttered scenes, objects before a textured ground, or on plain black", default: .natural)
        objects = parser.option("objects", "N", "most objects of a scene", default: 5, .between(1, 100))
        leastExtent = parser.option(
            "least-extent", "S", "longest side of the smallest objects of a scene over its short side",
            default: SyntheticDevkit.usualExtents.lowerBound, .between(0.01, 1))
        largestExtent = parser.option(
            "largest-extent", "S", "the same of the largest", default: SyntheticDevkit.usualExtents.upperBound,
            .between(0.01, 1))
        classification = parser.flag("classification", "draw single objects into train/CLASS and val/CLASS instead")
        workers = parser.workers("draw", default: 2)
        seed = parser.seed()
    }

    func run() throws {
        guard leastExtent.value <= largestExtent.value else {
            throw UsageError("--least-extent is above --largest-extent", remedy: "give a smaller number")
        }
        let devkit = try SyntheticDevkit(
            images: images.value, seed: seed.value, imageSize: ImageSize(width: width.value, height: height.value),
            objectLimit: objects.value, extents: leastExtent.value...largestExtent.value, style: style.value)
        let count = classification.value ? images.value * devkit.classes.count : images.value
        let progress = SharedProgress("synthesize", total: count, unit: "images")
        if classification.value {
            let validation = max(1, images.value / 5)
            try devkit.writeClassification(
                to: out.value, imagesPerClass: images.value, validationPerClass: validation,
                side: min(width.value, height.value),
                threads: workers.value, progress: progress.update)
            print(
                "\(devkit.classes.count.counted("class")), \(images.value) training and \(validation) validation images each: \(out.value)"
            )
        } else {
            try devkit.write(to: out.value, threads: workers.value, progress: progress.update)
            let sets = devkit.imageSets.map { "\($0.name) \($0.indices.count)" }.joined(separator: ", ")
            print(
                "\(images.value.counted("image")) of \(devkit.classes.count.counted("class")) (\(sets)): \(out.value)/VOC2007"
            )
        }
        progress.finish()
    }
}

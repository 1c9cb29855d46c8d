internal import Boxes
internal import Detection
internal import Imaging
internal import Support
internal import Training
internal import VOCData

/// Selective search over an image set.
struct ProposalsCommand: Command {
    static let name = "proposals"
    static let summary = "makes region proposals of a VOC image set by selective search, and measures their recall"
    static let example = "detect-cli proposals --devkit VOCdevkit --set trainval --out trainval.proposals"

    let devkit: Option<String>
    let set: Option<String>
    let out: Option<String>
    let mode: Option<SelectiveSearchMode>
    let limit: Option<Int>
    let picture: Option<String?>
    let pictureBoxes: Option<Int>
    let loading: LoadingOptions
    let seed: Option<UInt64>
    let json: Option<String?>

    init(_ parser: ArgumentParser) {
        devkit = parser.required("devkit", "DIR", "the folder that holds VOC2007/")
        set = parser.required("set", "NAME", "the image set")
        out = parser.required("out", "FILE", "the proposal file to write; a killed run goes on where it was")
        mode = parser.choice(
            "mode", "how much is varied: fast makes 8 hierarchies of regions, quality 80", default: .fast)
        limit = parser.option("max", "N", "most boxes of an image", default: 2000, .between(1, 1_000_000))
        picture = parser.optional(
            "picture", "FILE", "draw the first boxes of the first images, and the objects, into a PNG or JPEG file")
        pictureBoxes = parser.option("picture-boxes", "N", "boxes drawn on an image", default: 30, .between(1, 10_000))
        loading = LoadingOptions(parser)
        seed = parser.seed()
        json = parser.json()
    }

    func run() throws {
        Interruption.watch()
        let images = try VOCSet(
            devkit.value, set: set.value, limit: loading.limit.value, policy: .keep, threads: loading.workers.value)
        let quality = try ProposalWorkflow(
            set: images, out: out.value, mode: mode.value, seed: seed.value, limit: limit.value,
            workers: loading.workers.value)()
        func text(_ value: Double?, _ decimals: Int) -> String { value?.fixed(decimals) ?? "unknown" }
        print(
            textTable([
                ["images", String(quality.images)], ["boxes per image", text(quality.boxesPerImage, 1)],
                ["seconds per image", text(quality.secondsPerImage, 3)],
                ["recall at IoU .5", text(quality.recall50, 4)],
                ["recall at IoU .7", text(quality.recall70, 4)],
                ["average best overlap", text(quality.averageBestOverlap, 4)],
            ]))
        print(
            "objects not marked difficult: \(quality.objects); selective search (\(mode.value.rawValue)), seed \(seed.value), at most \(limit.value) boxes an image"
        )
        if let path = picture.value { try draw(images, to: path) }
        try json.write(quality.json)
    }

    private static let pictureImages = 12
    private static let boxColor = Color(red: 60, green: 130, blue: 255)
    private static let objectColor = Color(red: 40, green: 220, blue: 60)

    /// A contact sheet: the first boxes thin, the objects on top of them.
    private func draw(_ set: VOCSet, to path: String) throws {
        let file = try ProposalFile(contentsOf: out.value)
        let pictures = try zip(set.ids, set.objects).prefix(Self.pictureImages).map { id, objects in
            var picture = try Image.read(set.devkit.imagePath(id))
            func draw(_ box: Box, _ color: Color, thickness: Int) {
                picture.drawBox(
                    x0: box.minX, y0: box.minY, x1: box.maxX, y1: box.maxY, color: color, thickness: thickness)
            }
            for box in (file.boxes(for: id) ?? []).prefix(pictureBoxes.value) {
                draw(box, Self.boxColor, thickness: 1)
            }
            for object in objects { draw(object.box, Self.objectColor, thickness: 3) }
            return picture
        }
        try DetectionPicture.sheet(pictures).write(to: path)
        print("picture: \(path)")
    }
}

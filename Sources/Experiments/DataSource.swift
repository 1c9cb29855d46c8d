public import Datasets
public import Support
public import VOCData

/// What a path to images may be.
public enum DataSource {
    /// The kinds, for help texts.
    public static let help =
        "a folder of images, with one folder a class or without; a .tar of one; a VOCdevkit; the binary files of CIFAR; or a .txt list of images"

    /// - Parameter set: A part of the data: the image set of a devkit (trainval if nil), train or test of CIFAR (train
    ///   if nil), a folder inside an archive.
    /// - Parameter missing: What to do with images that an image set or a list names and that are not there.
    /// - Throws: `InputError` when the path is none of these, or `set` has no meaning for it.
    public static func open(
        _ path: String, set: String? = nil, limit: Int? = nil, missing: MissingPolicy = .skip
    ) throws -> any ImageCollection {
        let images = try images(path, set: set, missing)
        Notes.write(images.notes)
        return limit == nil ? images : images.limited(to: limit)
    }

    /// The images that a policy leaves over, for a training: they are looked at before it begins, so that it is the training
    /// without the others. Images of which a part is used keep that meaning.
    public static func readable(
        _ images: any ImageCollection, _ policy: BadImagePolicy, workers: Int, progress: ProgressBar.Style = .automatic
    ) throws -> any ImageCollection {
        guard policy.leavesOut else { return images }
        let bar = SharedProgress("look at images", total: images.count, unit: "images", style: progress)
        let readable = try images.readable(policy, threads: workers) {
            try Interruption.check()
            bar.advance()
        }
        bar.finish()
        guard !readable.isEmpty else {
            throw InputError(images.source, "has no image that can be read", remedy: "fetch them again")
        }
        let kept: any ImageCollection = readable.count == images.count ? images : images.subset(readable)
        return policy.usesDamaged ? DecodedImages(kept, usesDamaged: true) : kept
    }

    private static func images(_ path: String, set: String?, _ missing: MissingPolicy) throws -> any ImageCollection {
        let isFolder = Files.isFolder(path)
        if isFolder, try isDevkit(path, set: set) {
            return try devkit(DevkitSelection(path, sets: set ?? "trainval"), missing)
        }
        if isFolder, CIFARBinary.isFound(in: path) {
            guard let split = CIFARBinary.Split(rawValue: set ?? "train") else {
                throw InputError(path, "has no part \(set ?? "")", remedy: "use --set train or --set test")
            }
            return try CIFARBinary(folder: path, split: split)
        }
        let ending = path.fileExtension.lowercased()
        if !isFolder, ending == "tar" { return try TarImages(path: path, part: set) }
        if set != nil {
            throw InputError(
                "--set", "has no meaning for \(path)",
                remedy: "leave it out; it names a part of a devkit, of CIFAR or of a .tar")
        }
        if !isFolder, ending == "txt" { return try present(ImageList(path: path), missing) }
        do {
            return try ImageFolder(path: path)
        } catch let error as InputError where isFolder {
            // Annotated images lie in folders that are no classes.
            guard let selection = annotated(path) else { throw error }
            Console.remark("\(selection.name): \(selection.text)")
            return try devkit(selection, missing)
        }
    }

    private static func devkit(
        _ selection: DevkitSelection, _ missing: MissingPolicy
    ) throws -> any ImageCollection {
        let (images, omissions) = try selection.images(.image, missing: missing)
        guard !images.isEmpty else {
            throw InputError(
                selection.path, "holds no image of the set \"\(selection.sets)\"", remedy: "complete the devkit")
        }
        let left = AnnotatedSet(ids: [], annotations: [], omissions: omissions)
        Console.remark(lines: SetReport.text(left, name: selection.name))
        return VOCImages(images, source: selection.parts.map(\.devkit.imageFolder).distinct.joined(separator: ", "))
    }

    /// The images to learn from of a data set that is no folder of images alone: `trainval`, or all where there are no sets.
    private static func annotated(_ path: String) -> DevkitSelection? {
        ["trainval", "all"].lazy.compactMap { try? DevkitSelection(path, sets: $0) }.first { selection in
            let images = try? selection.images([.image, .annotation], missing: .skip).images
            return images?.isEmpty == false
        }
    }

    /// The images of a list that are there.
    private static func present(_ list: ImageList, _ missing: MissingPolicy) throws -> any ImageCollection {
        // A list may name a million images on a slow disk.
        let batch = 1024
        let gone = try parallelMap((list.count + batch - 1) / batch, threads: Processor.coreCount) { part in
            (part * batch..<min(list.count, (part + 1) * batch)).filter { !Files.exists(list.path($0)) }
        }.flatMap { $0 }
        guard let first = gone.first else { return list }
        if missing == .stop {
            throw InputError(
                list.path(first), "the list \(list.source) names this image, which does not exist",
                remedy: "take it out of the list, or give --on-missing skip")
        }
        guard gone.count < list.count else {
            throw InputError(
                list.source, "names no image that exists (\(list.path(first)) does not)",
                remedy: "write paths relative to the folder of the list")
        }
        let omissions = gone.map { SetOmission(.missingImage, list.path($0)) }
        Console.remark(
            lines: SetReport.text(AnnotatedSet(ids: [], annotations: [], omissions: omissions), name: list.source))
        let left = Set(gone)
        return list.subset((0..<list.count).filter { !left.contains($0) })
    }

    /// VOC's own layout; the others look like folders of images, unless one of their sets is asked for.
    private static func isDevkit(_ path: String, set: String?) throws -> Bool {
        if Devkit.isVOC(path) { return true }
        guard let set, !CIFARBinary.isFound(in: path) else { return false }
        return (try? DevkitSelection(path, sets: set).images(.image, missing: .skip)) != nil
    }
}

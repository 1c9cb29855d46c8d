internal import Experiments
internal import Support
internal import VOCData

/// Options of every command that reads image sets of a devkit: sets by a rule, and what becomes of what is wrong in them.
struct SetOptions {
    private let splitShares: Option<[Double]?>
    private let missing: Option<MissingPolicy>
    private let badAnnotations: Option<BadAnnotationPolicy>
    private let seed: Option<UInt64>
    /// Whether what cannot be read ends the command under `keep`.
    private let isStrict: Bool

    /// - Parameters:
    ///   - declaredMissing: The command's own `--on-missing`; nil declares one.
    ///   - seed: The command's own `--seed`, which decides the split, too; nil declares one.
    ///   - isStrict: For figures that others compare: nothing that cannot be read is passed over.
    init(
        _ parser: ArgumentParser, missing: MissingPolicy, badAnnotations: BadAnnotationPolicy,
        declaredMissing: Option<MissingPolicy>? = nil, seed: Option<UInt64>? = nil, isStrict: Bool = false
    ) {
        parser.group("Annotations")
        splitShares = parser.split()
        self.missing = declaredMissing ?? parser.onMissing(default: missing)
        self.badAnnotations = parser.choice(
            "on-bad-annotation",
            "what to do with boxes out of the frame, inverted or without area, and with what cannot be read",
            default: badAnnotations)
        self.seed = seed ?? parser.seed()
        self.isStrict = isStrict
    }

    private var split: SetSplit? { splitShares.value.flatMap { SetSplit($0, seed: seed.value) } }

    /// How a set is read to be learnt from or looked at.
    func options(threads: Int, limit: Int? = nil, classes: [String]? = nil) -> VOCSet.Options {
        var options = VOCSet.Options(badAnnotations.value, threads: threads)
        options.limit = limit
        options.classes = classes
        options.leavesOutUnreadable = leavesOutUnreadable
        options.missing = missing.value
        options.split = split
        return options
    }

    /// How a set is read to be looked at or tested on: annotations serve to measure alone.
    ///
    /// - Parameter keepsBoxes: Takes boxes as the files have them, as the official protocol does, whatever is done to those
    ///   of a training set.
    func testOptions(
        threads: Int, limit: Int? = nil, classes: [String]? = nil, keepsBoxes: Bool = false
    ) -> VOCSet.Options {
        var options = options(threads: threads, limit: limit, classes: classes)
        if keepsBoxes { options.badAnnotations = .keep }
        options.needsAnnotations = false
        return options
    }

    private var leavesOutUnreadable: Bool? {
        isStrict ? badAnnotations.value == .clip || badAnnotations.value == .skip : badAnnotations.value != .stop
    }

    /// The sets of a devkit; says on standard error what was found.
    func selection(_ path: String, sets: String) throws -> DevkitSelection {
        let selection = try DevkitSelection(path, sets: sets, split: split)
        say("\(selection.name): \(selection.text)\n")
        return selection
    }

    /// Their images, with what was left out of them said on standard error.
    func images(
        _ selection: DevkitSelection, _ needs: DevkitSelection.Needs, limit: Int? = nil
    ) throws -> [SetImage] {
        let (images, omissions) = try selection.images(needs, missing: missing.value)
        say(SetReport.text(AnnotatedSet(ids: [], annotations: [], omissions: omissions), name: selection.name))
        return Array(images.prefix(limit ?? .max))
    }

    /// Their annotations; those that cannot be read and bad boxes are said on standard error.
    func annotations(
        _ selection: DevkitSelection, limit: Int? = nil, usesImageSizes: Bool = false, findsImages: Bool = true,
        threads: Int
    ) throws -> (set: AnnotatedSet, images: [SetImage]) {
        let annotated = try selection.annotated(
            limit: limit, policy: badAnnotations.value, leavesOutUnreadable: leavesOutUnreadable,
            missing: missing.value, usesImageSizes: usesImageSizes, findsImages: findsImages, threads: threads)
        say(SetReport.text(annotated.set, name: selection.name))
        return annotated
    }

    /// The annotations of images that have one, said like those of `annotations`.
    func read(_ images: [SetImage], usesImageSizes: Bool, threads: Int) throws -> AnnotatedSet {
        let set = try AnnotatedSet(
            reading: images, policy: badAnnotations.value, leavesOutUnreadable: leavesOutUnreadable,
            usesImageSizes: usesImageSizes, threads: threads)
        say(SetReport.text(set, name: "the set"))
        return set
    }

    private func say(_ text: String) { Console.remark(lines: text) }
}

extension ArgumentParser {
    /// `--split A,B,C`
    func split() -> Option<[Double]?> {
        optional(
            "split", "A,B,C",
            "make the sets train, val, test (and trainval) of these shares of all images, by --seed, instead of those "
                + "there are",
            shown: "the sets there are",
            Requirement("of two or three shares that add up to 1, as .8,.1,.1") { SetSplit($0, seed: 0) != nil })
    }

    /// `--on-missing stop|skip`
    func onMissing(default fallback: MissingPolicy) -> Option<MissingPolicy> {
        choice(
            "on-missing",
            "images or annotations that are not there, and ids listed twice, end the command, or are named and left out",
            default: fallback)
    }
}

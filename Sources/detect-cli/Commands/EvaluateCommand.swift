internal import Foundation
internal import Support
internal import VOCData

/// Average precisions of comp4 files by the official protocol.
struct EvaluateCommand: Command {
    static let name = "evaluate"
    static let summary = "measures the average precision of comp4 detection files on a VOC image set"
    static let example = """
        detect-cli evaluate --devkit VOCdevkit --set test --detections results --metric 07
        detect-cli evaluate --devkit VOCdevkit --detections results --metric area --iou .5:.95 --curves curves
        """

    let devkit: Option<String>
    let set: Option<String>
    let detections: Option<String>
    let metric: Option<VOCEvaluator.Metric>
    let iou: Option<IoUThresholds>
    let curves: Option<String?>
    let showsErrors: Option<Bool>
    let classes: Option<String?>
    let missing: Option<MissingChoice>
    let ignoresUnknown: Option<Bool>
    let limit: Option<Int?>
    let threads: Option<Int>
    let sets: SetOptions
    let results: ResultOptions

    enum MissingChoice: String, CaseIterable {
        case zero, skip, stop

        var policy: MissingDetectionFiles {
            switch self {
            case .zero: .countAsZero
            case .skip: .leaveOut
            case .stop: .stop
            }
        }
    }

    init(_ parser: ArgumentParser) {
        devkit = parser.devkit()
        set = parser.imageSet(default: "test")
        detections = parser.required("detections", "DIR", "the folder of comp4_det_SET_CLASS.txt files")
        metric = parser.choice(
            "metric", "11-point interpolation of VOC 2007, or the area under the curve", default: .voc07)
        iou = parser.option(
            "iou", "T,T|A:B",
            "a match needs an overlap above it; several, or a range in steps of .05; the first is the main one",
            default: IoUThresholds([0.5]))
        curves = parser.optional("curves", "DIR", "write precision-recall curves there as CSV files and pictures")
        showsErrors = parser.flag("errors", "print the kinds of errors of each class")
        classes = parser.classNames()
        missing = parser.choice(
            "missing-class", "a class without file counts as AP 0, stays out of the mean, or is an error",
            default: .zero)
        ignoresUnknown = parser.flag(
            "ignore-unknown-images", "leave out detections in images outside the set instead of stopping")
        limit = parser.limit()
        threads = parser.threads()
        results = parser.results()
        // A figure to be compared is of the whole set: what is missing or cannot be read is no detail.
        sets = SetOptions(parser, missing: .stop, badAnnotations: .keep, isStrict: true)
    }

    func run() throws {
        let selection = try sets.selection(devkit.value, sets: set.value)
        // As the files have them, unless asked otherwise: the official evaluator repairs nothing either.
        let annotations = try sets.annotations(
            selection, limit: limit.value, findsImages: false, threads: threads.value
        ).set
        let evaluator = try VOCEvaluator(
            annotations, classes: try classes.value.map(VOCClasses.read), metric: metric.value)
        try evaluator.requireObjects()
        if let folder = curves.value { try Files.makeFolder(folder) }
        let report = try evaluator.report(
            folder: detections.value, set: selection.name, iouThresholds: iou.value.values,
            missingFiles: missing.value.policy, unknownImages: ignoresUnknown.value ? .ignore : .stop,
            threads: threads.value)
        try results.deliver(report.report(showsClassErrors: showsErrors.value), report.json)
        if let folder = curves.value {
            try report.main.writeCurves(to: folder, threads: threads.value)
            print("\nprecision-recall curves: \(folder)")
        }
    }
}

internal import Support

/// What a class without a detection file means.
public enum MissingDetectionFiles: Hashable, Sendable {
    /// The detector found nothing: average precision 0, and the class counts in the mean.
    case countAsZero
    /// The class was not attempted: it stays out of the mean, and the result says so.
    case leaveOut
    /// An error that names the class.
    case stop
}

extension VOCEvaluator {
    /// Evaluates a folder of detection files, read in parallel.
    ///
    /// - Parameter set: which files to take when the folder holds those of several image sets.
    /// - Throws: `InputError` naming the file and line for whatever is wrong with the detections.
    public func evaluate(
        folder: String, set: String? = nil, missingFiles: MissingDetectionFiles = .countAsZero,
        unknownImages: UnknownImages = .stop, threads: Int = 2
    ) throws -> EvaluationResult {
        let files = try DetectionFolder(folder, classes: classes, set: set).files
        let missing = classes.filter { files[$0] == nil }
        if missingFiles == .stop, let first = missing.first {
            throw InputError(folder, "holds no detection file for the class \"\(first)\"")
        }
        let imageIndex = Dictionary(uniqueKeysWithValues: zip(ids, ids.indices))
        let detections = try parallelMap(classes.count, threads: threads) { index in
            guard let path = files[classes[index]] else { return ClassDetections() }
            return try DetectionFile.read(path, imageIndex: imageIndex, unknownImages: unknownImages)
        }
        var result = try evaluate(byClass: detections, threads: threads)
        result.classesWithoutFile = missing
        if missingFiles == .leaveOut { result.excluded = missing.filter { result[$0]?.ap != nil } }
        return result
    }
}

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
        let read = try self.read(
            folder: folder, set: set, missingFiles: missingFiles, unknownImages: unknownImages, threads: threads)
        var result = try evaluate(byClass: read.detections, threads: threads)
        result.note(missing: read.missing, missingFiles)
        return result
    }

    /// The same in full: several thresholds, sizes and errors.
    ///
    /// - Parameter iouThresholds: the first is the one for sizes and errors.
    public func report(
        folder: String, set: String? = nil, iouThresholds: [Double], missingFiles: MissingDetectionFiles = .countAsZero,
        unknownImages: UnknownImages = .stop, threads: Int = 2
    ) throws -> EvaluationReport {
        let read = try self.read(
            folder: folder, set: set, missingFiles: missingFiles, unknownImages: unknownImages, threads: threads)
        var report = try report(byClass: read.detections, iouThresholds: iouThresholds, threads: threads)
        report.note(missing: read.missing, missingFiles)
        return report
    }

    /// The detections of each class, and the classes without a file.
    public func read(
        folder: String, set: String? = nil, missingFiles: MissingDetectionFiles = .countAsZero,
        unknownImages: UnknownImages = .stop, threads: Int = 2
    ) throws -> (detections: [ClassDetections], missing: [String]) {
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
        return (detections, missing)
    }
}

extension EvaluationResult {
    mutating func note(missing: [String], _ policy: MissingDetectionFiles) {
        classesWithoutFile = missing
        if policy == .leaveOut { excluded = missing.filter { self[$0]?.ap != nil } }
    }
}

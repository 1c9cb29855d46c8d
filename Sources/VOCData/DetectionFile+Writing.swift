public import Boxes
internal import Support

extension DetectionFile {
    /// The text of a detection file.
    ///
    /// Three decimals for the score and one for coordinates, as py-faster-rcnn writes them; so rounded, scores tie.
    /// `fullPrecision` writes the shortest digits that read back as the same numbers.
    public static func text(
        _ detections: ClassDetections, ids: [String], fullPrecision: Bool = false
    ) -> String {
        var text = ""
        for index in 0..<detections.count {
            let corners = detections.boxes[index].voc
            text += ids[detections.imageIndices[index]]
            text += " " + (fullPrecision ? shortest(detections.scores[index]) : detections.scores[index].fixed(3))
            for corner in [corners.xmin, corners.ymin, corners.xmax, corners.ymax] {
                text += " " + (fullPrecision ? shortest(corner) : corner.fixed(1))
            }
            text += "\n"
        }
        return text
    }

    /// Writes `comp4_det_SET_CLASS.txt` for every class into `folder`, empty files included, and returns their paths.
    ///
    /// - Parameter detections: for each id the detections in that image; their `classIndex` counts in `classes`.
    /// - Throws: `InputError` for a set or class name that cannot be a file name, a detection that is not finite
    ///   (naming its image), and when the folder cannot be written.
    @discardableResult
    public static func write(
        _ detections: [[Detection]], ids: [String], classes: [String], set: String, to folder: String,
        fullPrecision: Bool = false
    ) throws -> [String] {
        try requireFileNames(set: set, classes: classes, folder: folder)
        let columns = ClassDetections.byClass(detections, classCount: classes.count)
        for column in columns {
            for index in 0..<column.count where !column.scores[index].isFinite || !column.boxes[index].isFinite {
                throw InputError(ids[column.imageIndices[index]], "a detection in this image is not finite")
            }
        }
        try Files.makeFolder(folder)
        return try zip(classes, columns).map { name, column in
            let path = "\(folder)/\(Self.name(set: set, class: name))"
            try Files.writeAtomically(text(column, ids: ids, fullPrecision: fullPrecision), to: path)
            return path
        }
    }
}

extension ClassDetections {
    /// Splits detections given per image by class; within a class they stay in image order, then in list order.
    public static func byClass(_ detections: [[Detection]], classCount: Int) -> [ClassDetections] {
        var result = [ClassDetections](repeating: ClassDetections(), count: classCount)
        for (image, list) in detections.enumerated() {
            for detection in list {
                precondition(
                    result.indices.contains(detection.classIndex),
                    "class index \(detection.classIndex) with \(classCount) classes")
                result[detection.classIndex].imageIndices.append(image)
                result[detection.classIndex].scores.append(detection.score)
                result[detection.classIndex].boxes.append(detection.box)
            }
        }
        return result
    }
}

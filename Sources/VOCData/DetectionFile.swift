public import Boxes
public import Foundation
internal import Support

/// The detections of one class, in file order: what a `comp4` detection file holds.
public struct ClassDetections: Hashable, Sendable {
    /// Index of the image of each detection in the list of image ids.
    public var imageIndices: [Int]
    public var scores: [Double]
    public var boxes: [Box]
    /// Lines left out because their image is not in the list.
    public var unknownImageLines = 0

    public init(imageIndices: [Int] = [], scores: [Double] = [], boxes: [Box] = []) {
        precondition(imageIndices.count == scores.count && scores.count == boxes.count, "columns of unequal length")
        self.imageIndices = imageIndices
        self.scores = scores
        self.boxes = boxes
    }

    public var count: Int { scores.count }
}

/// What to do with detections in images that are not in the image set.
public enum UnknownImages: Hashable, Sendable {
    /// An error that names the file, the line and the image.
    case stop
    /// Leave them out and count them.
    case ignore
}

/// A VOC detection result file (competitions 3 and 4): a line `id score xmin ymin xmax ymax` for each detection.
public enum DetectionFile {
    /// Longer files are refused; the result of a detector on a hundred thousand images stays below.
    public static let maximumFileSize = 4 << 30

    /// The official name, `comp4_det_SET_CLASS.txt`.
    public static func name(set: String, class className: String) -> String { "comp4_det_\(set)_\(className).txt" }

    /// Reads one file.
    ///
    /// - Parameter imageIndex: index of each image id.
    /// - Throws: `InputError` naming file and line for a wrong number of columns, a column that is not a finite
    ///   number, and an unknown image under `.stop`.
    public static func read(
        _ path: String, imageIndex: [String: Int], unknownImages: UnknownImages = .stop
    ) throws -> ClassDetections {
        try BoundedFile.read(path, limit: maximumFileSize).withUnsafeBufferPointer { bytes in
            try parse(bytes, path: path, imageIndex: imageIndex, unknownImages: unknownImages)
        }
    }

    /// The same for bytes; `name` stands for the file in errors.
    public static func parse(
        _ data: Data, name: String, imageIndex: [String: Int], unknownImages: UnknownImages = .stop
    ) throws -> ClassDetections {
        try data.withUnsafeBytes {
            try parse(
                $0.assumingMemoryBound(to: UInt8.self), path: name, imageIndex: imageIndex,
                unknownImages: unknownImages)
        }
    }

    private static func parse(
        _ bytes: UnsafeBufferPointer<UInt8>, path: String, imageIndex: [String: Int], unknownImages: UnknownImages
    ) throws -> ClassDetections {
        var result = ClassDetections()
        var position = 0
        var line = 0
        var values = (0.0, 0.0, 0.0, 0.0, 0.0)
        // Lines of one image follow each other, so that most need no look-up.
        var lastID = UnsafeBufferPointer<UInt8>(start: nil, count: 0)
        var lastIndex: Int?
        while position < bytes.count {
            line += 1
            var columns = 0
            var id = UnsafeBufferPointer<UInt8>(start: nil, count: 0)
            while let word = nextWord(bytes, &position) {
                columns += 1
                if columns == 1 { id = word }
                if columns == 1 || columns > 6 { continue }
                guard let value = parseDouble(word), value.isFinite else {
                    throw InputError(
                        "\(path):\(line)",
                        "column \(columns) (\(columnNames[columns - 1])) is "
                            + "\"\(String(decoding: word, as: UTF8.self))\", not a finite number")
                }
                switch columns {
                case 2: values.0 = value
                case 3: values.1 = value
                case 4: values.2 = value
                case 5: values.3 = value
                default: values.4 = value
                }
            }
            position += 1
            if columns == 0 { continue }
            guard columns == 6 else {
                throw InputError(
                    "\(path):\(line)", "has \(columns) columns, not 6", remedy: "write: id score xmin ymin xmax ymax")
            }
            if lastID.isEmpty || !id.elementsEqual(lastID) {
                lastID = id
                lastIndex = imageIndex[String(decoding: id, as: UTF8.self)]
            }
            guard let index = lastIndex else {
                if unknownImages == .ignore {
                    result.unknownImageLines += 1
                    continue
                }
                throw InputError(
                    "\(path):\(line)", "the image \"\(String(decoding: id, as: UTF8.self))\" is not in the image set",
                    remedy: "evaluate on the set the detections were made for, or ignore unknown images")
            }
            result.imageIndices.append(index)
            result.scores.append(values.0)
            result.boxes.append(Box(vocXMin: values.1, yMin: values.2, xMax: values.3, yMax: values.4))
        }
        return result
    }

    private static let columnNames = ["id", "score", "xmin", "ymin", "xmax", "ymax"]

    /// The next run of bytes that are not blank; nil, at the newline, when the line has no more.
    private static func nextWord(
        _ bytes: UnsafeBufferPointer<UInt8>, _ position: inout Int
    ) -> UnsafeBufferPointer<UInt8>? {
        func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0d }
        let newline = UInt8(0x0a)
        while position < bytes.count, isBlank(bytes[position]) { position += 1 }
        let start = position
        while position < bytes.count, !isBlank(bytes[position]), bytes[position] != newline { position += 1 }
        return position == start ? nil : UnsafeBufferPointer(rebasing: bytes[start..<position])
    }
}

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
    public static func name(set: String, class className: String) -> String {
        "comp4_det_\(set)_\(fileName(ofClass: className)).txt"
    }

    /// A class name as part of a file name: as it is, but `%2F` for a slash, and so for whatever else no file name holds.
    ///
    /// A percent sign is only written as `%25` where the name would be mistaken for one of these.
    public static func fileName(ofClass name: String) -> String {
        func isHex(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) || (0x41...0x46).contains(byte) }
        let bytes = Array(name.utf8)
        var result: [UInt8] = []
        for (index, byte) in bytes.enumerated() {
            let isEscape =
                byte == UInt8(ascii: "%") && index + 2 < bytes.count && isHex(bytes[index + 1])
                && isHex(bytes[index + 2])
            if byte == UInt8(ascii: "/") || byte < 0x20 || byte == 0x7f || isEscape {
                result += Array("%\(byte < 16 ? "0" : "")\(String(byte, radix: 16, uppercase: true))".utf8)
            } else {
                result.append(byte)
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// Throws `InputError` for a set or class whose detection file could not be written: before anything is computed.
    public static func requireFileNames(set: String, classes: [String], folder: String) throws {
        try requireFileName(set, subject: folder, what: "image set")
        // Linux's limit, less what the unfinished file adds.
        let limit = 255 - 20
        if let long = classes.first(where: { name(set: set, class: $0).utf8.count > limit }) {
            throw InputError(
                folder, "the class name \"\(long.printable)\" is too long for a file name",
                remedy: "shorten it in the annotations")
        }
    }

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
        if let decoded = TextFile.unicode(bytes) {
            return try decoded.withUnsafeBufferPointer {
                try parse($0, path: path, imageIndex: imageIndex, unknownImages: unknownImages)
            }
        }
        var result = ClassDetections()
        var position = 0
        var line = 0
        var words: [Range<Int>] = []
        // Lines of one image follow each other, so that most need no look-up.
        var lastID = UnsafeBufferPointer<UInt8>(start: nil, count: 0)
        var lastIndex: Int?
        while position < bytes.count {
            line += 1
            words.removeAll(keepingCapacity: true)
            while let word = nextWord(bytes, &position) { words.append(word) }
            // Windows ends a line with both.
            let isPair = position + 1 < bytes.count && bytes[position] == 0x0d && bytes[position + 1] == 0x0a
            position += isPair ? 2 : 1
            guard let firstWord = words.first else { continue }
            func text(_ word: Range<Int>) -> String { String(escaping: bytes[word]) }
            func wrongColumns() -> InputError {
                InputError(
                    "\(path):\(line)", "has \(words.count) columns, not 6",
                    remedy: "write: id score xmin ymin xmax ymax")
            }
            guard words.count >= 6 else { throw wrongColumns() }
            // Whatever stands in front of the last five is the id: it may hold blanks.
            let numbers = words.count - 5
            func value(_ column: Int) throws -> Double {
                let word = words[numbers + column]
                guard let value = parseDouble(UnsafeBufferPointer(rebasing: bytes[word])), value.isFinite else {
                    throw InputError(
                        "\(path):\(line)",
                        "column \(numbers + column + 1) (\(columnNames[column])) is \"\(text(word))\", not a finite number"
                    )
                }
                return value
            }
            let values = (try value(0), try value(1), try value(2), try value(3), try value(4))
            let idRange = firstWord.lowerBound..<words[numbers - 1].upperBound
            let id = UnsafeBufferPointer(rebasing: bytes[idRange])
            if lastID.isEmpty || !id.elementsEqual(lastID) {
                lastID = id
                lastIndex = imageIndex[text(idRange)]
            }
            guard let index = lastIndex else {
                // A known image with too many numbers is no image with blanks in its name.
                if words.count > 6, imageIndex[text(firstWord)] != nil { throw wrongColumns() }
                if unknownImages == .ignore {
                    result.unknownImageLines += 1
                    continue
                }
                throw InputError(
                    "\(path):\(line)", "the image \"\(text(idRange))\" is not in the image set",
                    remedy: "evaluate on the set the detections were made for, or ignore unknown images")
            }
            result.imageIndices.append(index)
            result.scores.append(values.0)
            result.boxes.append(Box(vocXMin: values.1, yMin: values.2, xMax: values.3, yMax: values.4))
        }
        return result
    }

    private static let columnNames = ["score", "xmin", "ymin", "xmax", "ymax"]

    /// The next run of bytes that are not blank; nil, at the end of the line, when it has no more.
    private static func nextWord(_ bytes: UnsafeBufferPointer<UInt8>, _ position: inout Int) -> Range<Int>? {
        func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
        func isEnd(_ byte: UInt8) -> Bool { byte == 0x0a || byte == 0x0d }
        while position < bytes.count, isBlank(bytes[position]) { position += 1 }
        let start = position
        while position < bytes.count, !isBlank(bytes[position]), !isEnd(bytes[position]) { position += 1 }
        return position == start ? nil : start..<position
    }
}

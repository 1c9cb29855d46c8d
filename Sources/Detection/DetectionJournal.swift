public import Boxes
public import Support

/// Detections of a set's images as they are found, so that a run that was killed goes on where it was.
///
/// A line of JSON says what is being done; then comes one line an image. With another first line the journal begins anew.
public final class DetectionJournal {
    private let log: MetricsLog
    private let path: String
    /// Detections by image, of the run that goes on.
    public private(set) var found: [String: [Detection]] = [:]

    /// - Parameters:
    ///   - what: Everything that decides the detections: model and its precision, filter, proposals.
    ///   - classCount: Lines with other classes are not taken over.
    /// - Throws: `InputError` naming the file when it cannot be written.
    public init(_ path: String, what: JSON, classCount: Int) throws {
        self.path = path
        let lines = Files.exists(path) ? (try? MetricsLog.read(path)) ?? [] : []
        if lines.first == what {
            for line in lines.dropFirst() {
                if let (id, detections) = Self.entry(line, classCount) { found[id] = detections }
            }
            log = try MetricsLog(path)
        } else {
            Files.remove(path)
            log = try MetricsLog(path)
            try log.append(what)
        }
    }

    /// Keeps what was found in an image.
    public func append(_ detections: [Detection], for id: String) throws {
        try log.append(Self.line(detections, for: id))
    }

    private static func line(_ detections: [Detection], for id: String) -> JSON {
        let values = detections.flatMap { detection -> [JSON] in
            let box = detection.box
            return [.integer(detection.classIndex)]
                + [detection.score, box.minX, box.minY, box.maxX, box.maxY].map { .number($0) }
        }
        return ["image": .string(id), "detections": .array(values)]
    }

    /// What was found in some images, as the journal holds it.
    static func lines(_ found: [(id: String, detections: [Detection])]) -> String {
        found.map { line($0.detections, for: $0.id).line + "\n" }.joined()
    }

    /// What such lines say.
    static func entries(of lines: String, classCount: Int) throws -> [String: [Detection]] {
        let entries = try lines.split(separator: "\n").compactMap { try entry(JSON.parse($0.utf8), classCount) }
        return Dictionary(entries) { $1 }
    }

    /// Removes the journal, once the results are on the disk in their final form.
    public func remove() { Files.remove(path) }

    private static func entry(_ line: JSON, _ classCount: Int) -> (String, [Detection])? {
        guard let id = line["image"]?.stringValue, let values = line["detections"]?.arrayValue else { return nil }
        let detections = stride(from: 0, to: values.count, by: 6).compactMap { i -> Detection? in
            let numbers = values[i..<min(i + 6, values.count)].compactMap(\.doubleValue)
            guard numbers.count == 6, let k = values[i].intValue, (0..<classCount).contains(k) else { return nil }
            return Detection(
                box: Box(minX: numbers[2], minY: numbers[3], maxX: numbers[4], maxY: numbers[5]), classIndex: k,
                score: numbers[1])
        }
        return 6 * detections.count == values.count ? (id, detections) : nil
    }
}

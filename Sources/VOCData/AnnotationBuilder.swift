internal import Boxes
internal import CXML2
internal import Glibc
internal import Imaging
internal import Support

/// Collects the fields of one annotation from the events of the XML parser.
final class AnnotationBuilder {
    /// The elements that mean something; all others are passed over with what is inside them.
    private enum Element: Int, CaseIterable {
        case annotation, folder, filename, size, width, height, depth, object, name, pose, truncated, occluded
        case difficult, bndbox, xmin, ymin, xmax, ymax, other

        private static let names = allCases.filter { $0 != .other }.map { ($0, Array("\($0)".utf8)) }
        /// Class, box and whether it counts have to be certain.
        static let certain: [Element] = [.name, .difficult, .xmin, .ymin, .xmax, .ymax]

        /// Without a string: there are dozens of elements in a file and thousands of files.
        init(_ name: UnsafePointer<UInt8>) {
            let length = strlen(UnsafeRawPointer(name).assumingMemoryBound(to: CChar.self))
            self = Self.names.first { $1.count == length && memcmp($1, name, length) == 0 }?.0 ?? .other
        }
    }

    /// Texts by their elements. Not a dictionary, whose hashes cost as much as parsing.
    private struct Fields {
        private var texts = [String?](repeating: nil, count: Element.allCases.count)

        subscript(element: Element) -> String? {
            get { texts[element.rawValue] }
            set { texts[element.rawValue] = newValue }
        }
    }

    private struct Object {
        var fields = Fields()
        var hasBox = false
        /// What makes the object ambiguous.
        var problem: String?
    }

    /// Annotations are five deep, with parts six; libxml2 itself stops at 256.
    private static let maximumDepth = 200

    private var context: xmlParserCtxtPtr?
    private var path: [Element] = []
    private var text: [UInt8] = []
    private var fields = Fields()
    private var objects: [Object] = []
    private(set) var problem: String?
    private(set) var isComplete = false

    func reset(context: xmlParserCtxtPtr) {
        self.context = context
        path.removeAll(keepingCapacity: true)
        text.removeAll(keepingCapacity: true)
        fields = Fields()
        objects.removeAll(keepingCapacity: true)
        problem = nil
        isComplete = false
    }

    /// Records the first problem and ends the parse.
    func refuse(_ problem: String) {
        guard self.problem == nil else { return }
        self.problem = problem
        xmlStopParser(context)
    }

    func startElement(_ name: UnsafePointer<UInt8>) {
        let element = Element(name)
        if path.isEmpty, element != .annotation {
            return refuse("is not a VOC annotation: its root is <\(String(cString: name))>, not <annotation>")
        }
        path.append(element)
        text.removeAll(keepingCapacity: true)
        if path.count > Self.maximumDepth { return refuse("elements are nested more than \(Self.maximumDepth) deep") }
        // The first of the path is always .annotation.
        if path.count == 2, element == .object { objects.append(Object()) }
        if path.count == 3, path[1] == .object, element == .bndbox {
            if objects[objects.count - 1].hasBox { objects[objects.count - 1].problem = "has two <bndbox>" }
            objects[objects.count - 1].hasBox = true
        }
    }

    func append(_ bytes: UnsafeBufferPointer<UInt8>) { text.append(contentsOf: bytes) }

    func endElement() {
        guard let element = path.last else { return }
        switch path.count {
        case 1: isComplete = true
        case 2 where element == .filename || element == .folder: keep(element, in: &fields)
        case 3 where path[1] == .size: keep(element, in: &fields)
        case 3 where path[1] == .object && element != .bndbox: keepInObject(element)
        case 4 where path[1] == .object && path[2] == .bndbox: keepInObject(element)
        default: break
        }
        path.removeLast()
        text.removeAll(keepingCapacity: true)
    }

    private func keepInObject(_ element: Element) {
        let index = objects.count - 1
        let isSame = keep(element, in: &objects[index].fields)
        if !isSame, Element.certain.contains(element) { objects[index].problem = "has two <\(element)>" }
    }

    /// Keeps the first text of an element; false when it is not the first and says something else.
    @discardableResult
    private func keep(_ element: Element, in fields: inout Fields) -> Bool {
        if element == .other { return true }
        let value = TextFile.trimmed(String(decoding: text, as: UTF8.self))
        guard let first = fields[element], !first.isEmpty else {
            fields[element] = value
            return true
        }
        return value.isEmpty || first == value
    }
}

/// A file as it was read: what can be used, and what cannot.
struct ParsedAnnotation: Sendable {
    var annotation: Annotation
    /// Of each object of the annotation its place in the file, from 1 on.
    var numbers: [Int]
    /// Objects that cannot be used, with their place in the file.
    var problems: [(number: Int, text: String)] = []
}

/// Fields of an object that annotation files may leave out.
enum OptionalField: String, CaseIterable {
    case difficult, truncated, pose
}

extension AnnotationBuilder {
    private static func element(_ field: OptionalField) -> Element {
        switch field {
        case .difficult: .difficult
        case .truncated: .truncated
        case .pose: .pose
        }
    }

    /// For each object the fields that are absent or empty.
    var omittedFields: [[OptionalField]] {
        objects.map { object in
            OptionalField.allCases.filter { object.fields[Self.element($0)]?.isEmpty ?? true }
        }
    }

    /// Whether a class name holds the character that stands for damaged text.
    var hasDamagedNames: Bool { objects.contains { $0.fields[.name]?.contains("\u{FFFD}") ?? false } }

    /// The annotation, once the document has been read.
    ///
    /// What nobody learns from is taken as it is, or as not stated where it cannot be understood.
    func annotation(file: String) throws -> ParsedAnnotation {
        let (width, height) = (side(.width), side(.height))
        var parsed = ParsedAnnotation(
            annotation: Annotation(
                folder: fields[.folder] ?? "", filename: fields[.filename] ?? "",
                size: width.flatMap { width in height.map { ImageSize(width: width, height: $0) } },
                depth: side(.depth) ?? 3, objects: []),
            numbers: [])
        for (index, object) in objects.enumerated() {
            do throws(ObjectProblem) {
                parsed.annotation.objects.append(try self.object(object))
                parsed.numbers.append(index + 1)
            } catch {
                let name = object.fields[.name] ?? ""
                let owner = "object \(index + 1)" + (name.isEmpty ? "" : " (\(name))")
                parsed.problems.append((index + 1, owner + error.text))
            }
        }
        return parsed
    }

    /// A length of the image; nil when it is not stated, or not as one.
    private func side(_ element: Element) -> Int? {
        // A hundred times the longest side this project accepts.
        guard let text = fields[element], let value = number(text), value >= 1, value <= 3e6 else { return nil }
        return Int(value)
    }

    /// No image is so large, and products of such numbers stay far from infinity.
    private static let farthest = 1e9

    /// What makes an object useless, as it follows the object's name.
    private struct ObjectProblem: Error {
        var text: String
    }

    private func object(_ object: Object) throws(ObjectProblem) -> AnnotatedObject {
        let name = object.fields[.name] ?? ""
        guard !name.isEmpty else { throw ObjectProblem(text: " has no <name>") }
        guard object.hasBox else { throw ObjectProblem(text: " has no <bndbox>") }
        if let problem = object.problem { throw ObjectProblem(text: " \(problem)") }
        func coordinate(_ element: Element) throws(ObjectProblem) -> Double {
            guard let text = object.fields[element], !text.isEmpty else {
                throw ObjectProblem(text: " has no <\(element)>")
            }
            guard let value = number(text), value.isFinite else {
                throw ObjectProblem(text: ": <\(element)> is \"\(text)\", not a finite number")
            }
            guard value.magnitude <= Self.farthest else {
                throw ObjectProblem(text: ": <\(element)> is \"\(text)\", beyond every image")
            }
            return value
        }
        let difficult = object.fields[.difficult] ?? ""
        let isDifficult = Self.flag(difficult)
        // Whether an object counts decides the score: no guesses.
        guard isDifficult != nil || ["", "unspecified", "unknown"].contains(difficult.lowercased()) else {
            throw ObjectProblem(text: ": <difficult> is \"\(difficult)\", neither 0 nor 1")
        }
        return AnnotatedObject(
            name: name, pose: object.fields[.pose] ?? "", isTruncated: share(object.fields[.truncated]) ?? false,
            isDifficult: isDifficult ?? false, isOccluded: share(object.fields[.occluded]),
            box: Box(
                vocXMin: try coordinate(.xmin), yMin: try coordinate(.ymin), xMax: try coordinate(.xmax),
                yMax: try coordinate(.ymax)))
    }

    /// Yes or no as tools write it; nil for everything else.
    private static func flag(_ text: String) -> Bool? {
        switch text.lowercased() {
        case "0", "false", "no", "n", "0.0": false
        case "1", "true", "yes", "y", "1.0": true
        default: nil
        }
    }

    /// The same; a number above 0 is a share that is hidden, or a degree of it (KITTI), and counts as yes.
    private func share(_ text: String?) -> Bool? {
        guard let text else { return nil }
        return Self.flag(text) ?? number(text).flatMap { $0 >= 0 ? $0 > 0 : nil }
    }

    private func number(_ text: String) -> Double? {
        var text = text
        return text.withUTF8 { parseDouble($0) }
    }
}

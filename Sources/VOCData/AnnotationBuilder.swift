internal import Boxes
internal import CXML2
internal import Glibc
internal import Imaging
internal import Support

/// Collects the fields of one annotation from the events of the XML parser.
final class AnnotationBuilder {
    /// The elements that mean something; all others are passed over with what is inside them.
    private enum Element: String, CaseIterable {
        case annotation, folder, filename, size, width, height, depth, object, name, pose, truncated, occluded
        case difficult, bndbox, xmin, ymin, xmax, ymax, other

        private static let names = allCases.filter { $0 != .other }.map { ($0, Array($0.rawValue.utf8)) }

        /// Without a string: there are dozens of elements in a file and thousands of files.
        init(_ name: UnsafePointer<UInt8>) {
            let length = strlen(UnsafeRawPointer(name).assumingMemoryBound(to: CChar.self))
            self = Self.names.first { $1.count == length && memcmp($1, name, length) == 0 }?.0 ?? .other
        }
    }

    private struct Object {
        var fields: [Element: String] = [:]
        var hasBox = false
    }

    /// Annotations are five deep, with parts six.
    private static let maximumDepth = 32

    private var context: xmlParserCtxtPtr?
    private var path: [Element] = []
    private var text: [UInt8] = []
    private var fields: [Element: String] = [:]
    private var objects: [Object] = []
    private(set) var problem: String?
    private(set) var isComplete = false

    func reset(context: xmlParserCtxtPtr) {
        self.context = context
        path.removeAll(keepingCapacity: true)
        text.removeAll(keepingCapacity: true)
        fields.removeAll(keepingCapacity: true)
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
            if objects[objects.count - 1].hasBox { return refuse("object \(objects.count) has two <bndbox>") }
            objects[objects.count - 1].hasBox = true
        }
    }

    func append(_ bytes: UnsafeBufferPointer<UInt8>) { text.append(contentsOf: bytes) }

    func endElement() {
        guard let element = path.last else { return }
        switch path.count {
        case 1: isComplete = true
        case 2 where element == .filename || element == .folder: keep(element, in: &fields, owner: "the annotation")
        case 3 where path[1] == .size: keep(element, in: &fields, owner: "the annotation")
        case 3 where path[1] == .object && element != .bndbox: keepInObject(element)
        case 4 where path[1] == .object && path[2] == .bndbox: keepInObject(element)
        default: break
        }
        path.removeLast()
        text.removeAll(keepingCapacity: true)
    }

    private func keepInObject(_ element: Element) {
        keep(element, in: &objects[objects.count - 1].fields, owner: "object \(objects.count)")
    }

    private func keep(_ element: Element, in fields: inout [Element: String], owner: String) {
        if element == .other { return }
        guard fields.updateValue(trimmed(String(decoding: text, as: UTF8.self)), forKey: element) == nil else {
            return refuse("\(owner) has two <\(element.rawValue)>")
        }
    }
}

/// Fields of an object that annotation files may leave out.
enum OptionalField: String, CaseIterable {
    case difficult, truncated, pose
}

extension AnnotationBuilder {
    /// For each object the fields that are absent or empty.
    var omittedFields: [[OptionalField]] {
        objects.map { object in
            OptionalField.allCases.filter { field in
                Element(rawValue: field.rawValue).map { object.fields[$0]?.isEmpty ?? true } ?? true
            }
        }
    }

    /// The annotation, once the document has been read; throws `InputError` naming object and field.
    func annotation(file: String) throws -> Annotation {
        let filename = fields[.filename] ?? ""
        if !filename.isEmpty { try requireFileName(filename, subject: file, what: "<filename>") }
        let width = try side(.width, file: file)
        let height = try side(.height, file: file)
        let depth = try side(.depth, file: file)
        return Annotation(
            folder: fields[.folder] ?? "", filename: filename,
            size: width > 0 && height > 0 ? ImageSize(width: width, height: height) : nil,
            depth: fields[.depth] == nil ? 3 : depth,
            objects: try objects.enumerated().map { try object($1, number: $0 + 1, file: file) })
    }

    /// A length of the image; 0 when it is not stated.
    private func side(_ element: Element, file: String) throws -> Int {
        guard let text = fields[element], !text.isEmpty else { return 0 }
        // A hundred times the longest side this project accepts.
        guard let value = number(text), value >= 0, value <= 3e6 else {
            throw InputError(file, "<\(element.rawValue)> of the image is \"\(text)\", not a length in pixels")
        }
        return Int(value)
    }

    private func object(_ object: Object, number objectNumber: Int, file: String) throws -> AnnotatedObject {
        let name = object.fields[.name] ?? ""
        guard !name.isEmpty else { throw InputError(file, "object \(objectNumber) has no <name>") }
        let owner = "object \(objectNumber) (\(name))"
        guard object.hasBox else { throw InputError(file, "\(owner) has no <bndbox>") }
        func coordinate(_ element: Element) throws -> Double {
            guard let text = object.fields[element], !text.isEmpty else {
                throw InputError(file, "\(owner) has no <\(element.rawValue)>")
            }
            guard let value = number(text), value.isFinite else {
                throw InputError(file, "\(owner): <\(element.rawValue)> is \"\(text)\", not a finite number")
            }
            return value
        }
        func flag(_ element: Element) throws -> Bool? {
            switch object.fields[element]?.lowercased() {
            // Some tools write "Unspecified" into every field they do not know.
            case nil, "", "unspecified": return nil
            case "0", "false": return false
            case "1", "true": return true
            case let text?: throw InputError(file, "\(owner): <\(element.rawValue)> is \"\(text)\", neither 0 nor 1")
            }
        }
        return AnnotatedObject(
            name: name, pose: object.fields[.pose] ?? "", isTruncated: try flag(.truncated) ?? false,
            isDifficult: try flag(.difficult) ?? false, isOccluded: try flag(.occluded),
            box: Box(
                vocXMin: try coordinate(.xmin), yMin: try coordinate(.ymin), xMax: try coordinate(.xmax),
                yMax: try coordinate(.ymax)))
    }

    private func number(_ text: String) -> Double? {
        var text = text
        return text.withUTF8 { parseDouble($0) }
    }
}

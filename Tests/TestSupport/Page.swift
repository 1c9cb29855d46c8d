internal import CXML2
internal import Glibc

/// The elements of a page, in their order, as libxml2 reads them.
public struct Page {
    public struct Element: Sendable {
        public var name: String
        /// Of everything inside.
        public var text: String
        public var attributes: [String: String]
    }

    public private(set) var elements: [Element] = []

    /// nil for what is not well-formed XML.
    public init?(_ html: String) {
        let options = Int32(XML_PARSE_NONET.rawValue | XML_PARSE_NOERROR.rawValue | XML_PARSE_NOWARNING.rawValue)
        let bytes = Array(html.utf8)
        let document = bytes.withUnsafeBytes {
            // A picture of a megabyte is one attribute.
            xmlReadMemory(
                $0.baseAddress?.assumingMemoryBound(to: CChar.self), Int32($0.count), nil, "UTF-8",
                options | Int32(XML_PARSE_HUGE.rawValue))
        }
        guard let document else { return nil }
        defer { xmlFreeDoc(document) }
        visit(xmlDocGetRootElement(document))
    }

    public subscript(name: String) -> [Element] { elements.filter { $0.name == name } }

    private mutating func visit(_ node: xmlNodePtr?) {
        guard let node else { return }
        if node.pointee.type == XML_ELEMENT_NODE {
            var attributes: [String: String] = [:]
            var attribute = node.pointee.properties
            while let current = attribute {
                attributes[string(current.pointee.name)] = content(UnsafeMutableRawPointer(current))
                attribute = current.pointee.next
            }
            elements.append(
                Element(
                    name: string(node.pointee.name), text: content(UnsafeMutableRawPointer(node)),
                    attributes: attributes))
        }
        var child = node.pointee.children
        while let current = child {
            visit(current)
            child = current.pointee.next
        }
    }

    private func string(_ text: UnsafePointer<xmlChar>?) -> String { text.map { String(cString: $0) } ?? "" }

    /// Of a node or an attribute, which begin with the same members.
    private func content(_ node: UnsafeMutableRawPointer) -> String {
        guard let text = xmlNodeGetContent(node.assumingMemoryBound(to: xmlNode.self)) else { return "" }
        defer { free(text) }
        return String(cString: text)
    }
}

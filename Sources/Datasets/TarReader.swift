internal import Foundation
internal import Support

/// Walks the headers of a tar archive: ustar with the long names of GNU and of POSIX (pax).
struct TarReader {
    /// Images found, in the order of the archive.
    struct Members {
        var names = PackedNames()
        /// Where member i begins at 2·i, its length at 2·i + 1.
        var places: [Int] = []

        /// Leaves out members by name.
        mutating func keep(_ isWanted: (String) -> Bool) {
            var kept = Members()
            for i in 0..<names.count where isWanted(names[i]) {
                kept.names.append(names[i])
                kept.places += places[2 * i..<2 * i + 2]
            }
            self = kept
        }
    }

    private let file: OpenFile
    private static let block = 512
    /// Longer names are no names.
    private static let longestName = 65_536

    init(_ file: OpenFile) { self.file = file }

    func images() throws -> Members {
        var members = Members()
        var position = 0
        var longName: String?
        var longSize: Int?
        while position + Self.block <= file.size {
            let header = [UInt8](try file.read(at: position, count: Self.block))
            if header.allSatisfy({ $0 == 0 }) { return members }
            guard Self.checksum(header) == Self.number(header[148..<156]) else {
                throw bad(
                    position == 0
                        ? "is not a tar archive, or a compressed one" : "has a damaged header at byte \(position)")
            }
            let content = position + Self.block
            guard let size = longSize ?? Self.number(header[124..<136]), size >= 0, size <= file.size - content else {
                throw bad("ends inside a member (header at byte \(position))")
            }
            let next = content + (size + Self.block - 1) / Self.block * Self.block
            switch header[156] {
            case UInt8(ascii: "L"):
                longName = Self.text([UInt8](try file.read(at: content, count: try nameLength(size)))[...])
            case UInt8(ascii: "x"):
                let records = try paxRecords(try file.read(at: content, count: try nameLength(size)))
                longName = records["path"] ?? longName
                if let text = records["size"] {
                    guard let value = Int(text), value >= 0 else { throw bad("has a bad size at byte \(position)") }
                    longSize = value
                }
                position = next
                continue
            case UInt8(ascii: "0"), 0:
                let name = longName ?? Self.name(header)
                if ImageListing.isImage(name), !Self.isHidden(name) {
                    members.names.append(try Self.normalized(name, file.path))
                    members.places += [content, size]
                }
                longName = nil
            case UInt8(ascii: "K"), UInt8(ascii: "g"): break
            default: longName = nil
            }
            longSize = nil
            position = next
        }
        if position == 0 { throw bad("is too short for a tar archive") }
        return members
    }

    private func bad(_ problem: String) -> InputError {
        InputError(file.path, problem, remedy: "give an uncompressed .tar of an image folder")
    }

    private func nameLength(_ size: Int) throws -> Int {
        guard size <= Self.longestName else { throw bad("has a name of \(size) bytes") }
        return size
    }

    /// "LENGTH KEY=VALUE\n" records of a pax header.
    private func paxRecords(_ data: Data) throws -> [String: String] {
        var records: [String: String] = [:]
        var rest = [UInt8](data)[...]
        while !rest.isEmpty {
            guard let space = rest.firstIndex(of: UInt8(ascii: " ")),
                let length = Int(String(decoding: rest[..<space], as: UTF8.self)), length > 0, length <= rest.count
            else { throw bad("has a damaged pax header") }
            let record = rest.prefix(length)
            guard record.endIndex - 1 > space, let equals = record[space...].firstIndex(of: UInt8(ascii: "=")) else {
                throw bad("has a damaged pax header")
            }
            let key = String(decoding: record[(space + 1)..<equals], as: UTF8.self)
            records[key] = String(decoding: record[(equals + 1)..<(record.endIndex - 1)], as: UTF8.self)
            rest = rest.dropFirst(length)
        }
        return records
    }

    // MARK: Header fields

    /// Name and, in ustar headers, the prefix in front of it.
    private static func name(_ header: [UInt8]) -> String {
        let name = text(header[0..<100])
        guard header[257..<262].elementsEqual("ustar".utf8), header[262] == 0 else { return name }
        let prefix = text(header[345..<500])
        return prefix.isEmpty ? name : "\(prefix)/\(name)"
    }

    private static func text(_ field: ArraySlice<UInt8>) -> String {
        String(decoding: field.prefix { $0 != 0 }, as: UTF8.self)
    }

    /// Octal, or base 256 where the first bit is set (GNU); nil for anything else.
    private static func number(_ field: ArraySlice<UInt8>) -> Int? {
        if field.first! & 0x80 != 0 {
            let bytes = field.dropFirst()
            guard field.first == 0x80, bytes.dropLast(7).allSatisfy({ $0 == 0 }) else { return nil }
            return bytes.suffix(7).reduce(0) { $0 << 8 | Int($1) }
        }
        let digits = field.drop { $0 == UInt8(ascii: " ") }.prefix { $0 != 0 && $0 != UInt8(ascii: " ") }
        guard digits.count <= 12 else { return nil }
        return digits.isEmpty ? 0 : Int(String(decoding: digits, as: UTF8.self), radix: 8)
    }

    /// Sum of all bytes, those of the checksum itself counted as spaces.
    private static func checksum(_ header: [UInt8]) -> Int {
        header.indices.reduce(0) { $0 + ((148..<156).contains($1) ? 0x20 : Int(header[$1])) }
    }

    /// macOS stores a "._name" beside each file.
    private static func isHidden(_ name: String) -> Bool {
        name.split(separator: "/").contains { $0.hasPrefix(".") && $0 != "." && $0 != ".." }
    }

    /// Without "." parts and leading slashes; refuses "..", which has no meaning in an image folder.
    private static func normalized(_ name: String, _ path: String) throws -> String {
        let parts = name.split(separator: "/").filter { $0 != "." }
        guard !parts.contains("..") else {
            throw InputError(path, "has a member that leads outside it (\(name))", remedy: "make the archive again")
        }
        return parts.joined(separator: "/")
    }
}

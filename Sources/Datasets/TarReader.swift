internal import Foundation
internal import Support

/// Walks the headers of a tar archive: ustar with the long names of GNU and of POSIX (pax), links among its images.
struct TarReader {
    /// Images found, in the order of the archive.
    struct Members {
        var names = PackedNames()
        /// Where member i begins at 2·i, its length at 2·i + 1.
        var places: [Int] = []
        var passedOver = PassedOver()
        /// What else there is to say.
        var notes: [String] = []

        mutating func append(_ name: String, _ place: Range<Int>) {
            names.append(name)
            places += [place.lowerBound, place.count]
        }

        func place(_ i: Int) -> Range<Int> { places[2 * i]..<places[2 * i] + places[2 * i + 1] }

        /// Leaves out members by name.
        mutating func keep(_ isWanted: (String) -> Bool) {
            var kept = Members()
            for i in 0..<names.count where isWanted(names[i]) { kept.append(names[i], place(i)) }
            names = kept.names
            places = kept.places
        }
    }

    private let file: OpenFile
    private static let block = 512
    /// Longer names are no names.
    private static let longestName = 65_536
    /// As many as an image may be linked through.
    private static let longestChain = 16

    init(_ file: OpenFile) { self.file = file }

    /// A member that stands for another one.
    private struct Link {
        var name: String
        /// From the top of the archive.
        var target: String
    }

    /// What the headers in front of a member say about it.
    private struct Extended {
        var name: String?
        var linkName: String?
        var size: Int?
        var isSparse = false
    }

    func images() throws -> Members {
        var members = Members()
        var links: [Link] = []
        var position = 0
        var extended = Extended()
        var hasEnd = false
        while position + Self.block <= file.size {
            let header = [UInt8](try file.read(at: position, count: Self.block))
            if header.allSatisfy({ $0 == 0 }) {
                hasEnd = true
                break
            }
            guard Self.checksum(header) == Self.number(header[148..<156]) else {
                throw bad(
                    position == 0
                        ? "is not a tar archive, or a compressed one" : "has a damaged header at byte \(position)")
            }
            var content = position + Self.block
            if header[156] == UInt8(ascii: "S") { content = try behindSparseMap(header, content) }
            guard let size = extended.size ?? Self.number(header[124..<136]), size >= 0, size <= file.size - content
            else { throw bad("ends inside a member (header at byte \(position))") }
            let start = position
            position = content + (size + Self.block - 1) / Self.block * Self.block
            switch header[156] {
            case UInt8(ascii: "L"):
                extended.name = Self.text([UInt8](try file.read(at: content, count: try nameLength(size)))[...])
                extended.size = nil
                continue
            case UInt8(ascii: "K"):
                extended.linkName = Self.text([UInt8](try file.read(at: content, count: try nameLength(size)))[...])
                extended.size = nil
                continue
            case UInt8(ascii: "x"):
                try read(paxRecords(try file.read(at: content, count: try nameLength(size))), start, into: &extended)
                continue
            case UInt8(ascii: "g"):
                // Of all members that follow: comments of git and the like.
                extended.size = nil
                continue
            default: break
            }
            let name = extended.name ?? Self.name(header)
            defer { extended = Extended() }
            if Self.isHidden(name) { continue }
            switch header[156] {
            // "7" lies in one piece, as everything does here.
            case UInt8(ascii: "0"), 0, UInt8(ascii: "7"):
                if extended.isSparse {
                    members.passedOver.add(.sparseMembers, name)
                } else if ImageListing.isImage(name) {
                    members.append(try Self.normalized(name, file.path), content..<content + size)
                } else if !name.hasSuffix("/") {
                    members.passedOver.add(.otherFiles, name)
                }
            case UInt8(ascii: "1"), UInt8(ascii: "2"):
                let target = extended.linkName ?? Self.text(header[157..<257])
                let isHard = header[156] == UInt8(ascii: "1")
                guard ImageListing.isImage(name), let path = Self.resolved(target, from: isHard ? nil : name) else {
                    members.passedOver.add(.links, name)
                    continue
                }
                links.append(Link(name: try Self.normalized(name, file.path), target: path))
            case UInt8(ascii: "5"): break
            case UInt8(ascii: "S"): members.passedOver.add(.sparseMembers, name)
            default: members.passedOver.add(.otherMembers, name)
            }
        }
        if position == 0, !hasEnd { throw bad("is too short for a tar archive") }
        if let note = try noteOnEnd(position, hasEnd: hasEnd) { members.notes.append(note) }
        return resolved(members, links)
    }

    /// Of members of one name the last counts, as in the unpacked archive; links become the members they lead to.
    private func resolved(_ all: Members, _ links: [Link]) -> Members {
        var members = all
        var last: [String: Int] = [:]
        last.reserveCapacity(all.names.count)
        for i in 0..<all.names.count { last[all.names[i]] = i }
        if last.count < all.names.count {
            (members.names, members.places) = (PackedNames(), [])
            for i in 0..<all.names.count {
                if last[all.names[i]] == i {
                    members.append(all.names[i], all.place(i))
                } else {
                    members.passedOver.add(.replacedMembers, all.names[i])
                }
            }
        }
        let targets = Dictionary(links.map { ($0.name, $0.target) }) { _, later in later }
        var linked: Set<String> = []
        for link in links where last[link.name] == nil && linked.insert(link.name).inserted {
            var target = link.target
            for _ in 0..<Self.longestChain where last[target] == nil { target = targets[target] ?? target }
            if let i = last[target] {
                members.append(link.name, all.place(i))
            } else {
                members.passedOver.add(.links, link.name)
            }
        }
        return members
    }

    /// Where a link leads, from the top of the archive; nil for a place outside it. `member` is where a symbolic link lies;
    /// a hard link counts from the top.
    private static func resolved(_ target: String, from member: String?) -> String? {
        if target.hasPrefix("/"), member != nil { return nil }
        var parts = member.map { $0.split(separator: "/").dropLast().filter { $0 != "." } } ?? []
        for part in target.split(separator: "/") where part != "." {
            if part != ".." {
                parts.append(part)
            } else if parts.popLast() == nil {
                return nil
            }
        }
        return parts.joined(separator: "/")
    }

    /// What follows the archive's end, or the want of one.
    private func noteOnEnd(_ end: Int, hasEnd: Bool) throws -> String? {
        guard hasEnd else { return "\(file.path): has no end mark; members behind byte \(end) may have been cut off" }
        var position = end
        while position < file.size {
            let bytes = try file.read(at: position, count: min(1 << 20, file.size - position))
            if let other = bytes.firstIndex(where: { $0 != 0 }) {
                let start = position + other - bytes.startIndex
                return
                    "\(file.path): passed over \(file.size - start) bytes behind the end of the archive: a second one?"
            }
            position += bytes.count
        }
        return nil
    }

    /// Where the data of a sparse member of GNU's old kind begin, behind the rest of its map.
    private func behindSparseMap(_ header: [UInt8], _ content: Int) throws -> Int {
        var position = content
        var goesOn = header[482] != 0
        while goesOn {
            goesOn = try file.read(at: position, count: Self.block)[504] != 0
            position += Self.block
        }
        return position
    }

    private func read(_ records: [String: String], _ position: Int, into extended: inout Extended) throws {
        extended.name = records["GNU.sparse.name"] ?? records["path"] ?? extended.name
        extended.linkName = records["linkpath"] ?? extended.linkName
        extended.isSparse = records.keys.contains { $0.hasPrefix("GNU.sparse.") }
        if let text = records["size"] {
            guard let value = Int(text), value >= 0 else { throw bad("has a bad size at byte \(position)") }
            extended.size = value
        }
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

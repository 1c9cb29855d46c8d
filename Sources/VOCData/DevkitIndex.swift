internal import Support
internal import Synchronization

/// The files of a devkit by image id, listed when the first is looked for.
final class DevkitIndex: Sendable {
    /// What there is of one image.
    struct Entry: Hashable, Sendable {
        var image: String?
        var annotation: String?
    }

    struct Contents: Sendable {
        var entries: [String: Entry] = [:]
        /// All ids, sorted by their bytes.
        var ids: [String] = []
        /// The ids under folders that are named after image sets.
        var sets: [String: [String]] = [:]
        /// Files of other kinds.
        var others: [String] = []
    }

    private let layout: DevkitLayout
    private let listed = Mutex<Contents?>(nil)

    init(_ layout: DevkitLayout) { self.layout = layout }

    var contents: Contents {
        listed.withLock { known in
            if let known { return known }
            let contents = Self.list(layout)
            known = contents
            return contents
        }
    }

    /// Deep enough for `images/train/class/file`, and an end to links that lead back.
    private static let maximumDepth = 5

    private struct Key: Hashable {
        var set: String?
        var id: String
    }

    private static func list(_ layout: DevkitLayout) -> Contents {
        var entries: [Key: Entry] = [:]
        var order: [Key] = []
        var contents = Contents()
        // Lists of a devkit name images by their place in its folder, with all folders on the way.
        let takesSets = !layout.isVOC || !Files.isFolder(layout.setFolder)
        var annotations: [(key: Key, path: String)] = []
        for pair in layout.pairs {
            func place(_ name: String) -> Key {
                let stem = name.parentFolder.isEmpty ? name.fileStem : "\(name.parentFolder)/\(name.fileStem)"
                if let set = pair.set { return Key(set: set, id: stem) }
                guard takesSets, let slash = stem.firstIndex(of: "/"),
                    DevkitLayout.splits.contains(stem[..<slash].lowercased())
                else { return Key(id: stem) }
                return Key(set: String(stem[..<slash]), id: String(stem[stem.index(after: slash)...]))
            }
            var images: [String] = []
            var texts: [String] = []
            walk(pair.images) { name in
                if !Files.exists("\(pair.images)/\(name)") {
                    // A link to what is gone is neither image nor annotation.
                    contents.others.append("\(pair.images)/\(name)")
                } else if name.hasImageExtension {
                    images.append(name)
                } else if DevkitLayout.isXML(name), pair.annotations == pair.images {
                    texts.append(name)
                } else {
                    contents.others.append("\(pair.images)/\(name)")
                }
            }
            if let folder = pair.annotations, folder != pair.images {
                walk(folder) { name in
                    if DevkitLayout.isXML(name), Files.exists("\(folder)/\(name)") {
                        texts.append(name)
                    } else {
                        contents.others.append("\(folder)/\(name)")
                    }
                }
            }
            for name in images {
                let key = place(name)
                if entries[key] != nil {
                    contents.others.append("\(pair.images)/\(name)")
                } else {
                    entries[key] = Entry(image: "\(pair.images)/\(name)")
                    order.append(key)
                }
            }
            annotations += texts.map { (key: place($0), path: "\(pair.annotations ?? pair.images)/\($0)") }
        }
        // Where one folder lies in the other, each has been seen by both.
        let used = Set(entries.values.compactMap(\.image) + annotations.map(\.path))
        contents.others.removeAll(where: used.contains)

        var left: [(key: Key, path: String)] = []
        for (key, path) in annotations {
            if let entry = entries[key], entry.annotation == nil {
                entries[key]?.annotation = path
            } else {
                left.append((key, path))
            }
        }
        // Images in folders of sets and annotations in one, or the other way round: by the name alone, where that is clear.
        func name(_ id: String) -> String { id.lastIndex(of: "/").map { String(id[id.index(after: $0)...]) } ?? id }
        var byName: [String: [Key]] = [:]
        if !left.isEmpty {
            for key in order where entries[key]?.annotation == nil { byName[name(key.id), default: []].append(key) }
        }
        for (key, path) in left {
            // Some tools write photo.jpg.xml.
            let names = [name(key.id)] + (key.id.hasImageExtension ? [name(key.id).fileStem] : [])
            let match = names.lazy.compactMap { byName[$0] }.first { $0.count == 1 }?.first
            if let match, entries[match]?.annotation == nil {
                entries[match]?.annotation = path
            } else if entries[key] == nil {
                entries[key] = Entry(annotation: path)
                order.append(key)
            } else {
                contents.others.append(path)
            }
        }
        finish(order, entries, into: &contents)
        return contents
    }

    /// Ids are told apart by their set only where several sets have the same.
    private static func finish(_ order: [Key], _ entries: [Key: Entry], into contents: inout Contents) {
        var counts: [String: Int] = [:]
        for key in order { counts[key.id, default: 0] += 1 }
        for key in order {
            let id = key.set.flatMap { counts[key.id]! > 1 ? "\($0)/\(key.id)" : nil } ?? key.id
            contents.entries[id] = entries[key]
            contents.ids.append(id)
            if let set = key.set { contents.sets[set, default: []].append(id) }
        }
        func isBefore(_ a: String, _ b: String) -> Bool { a.utf8.lexicographicallyPrecedes(b.utf8) }
        contents.ids.sort(by: isBefore)
        for set in contents.sets.keys { contents.sets[set]?.sort(by: isBefore) }
    }

    private static func walk(_ root: String, under folder: String = "", depth: Int = 1, _ body: (String) -> Void) {
        let path = folder.isEmpty ? root : "\(root)/\(folder)"
        for name in (try? Files.list(path)) ?? [] {
            let inside = folder.isEmpty ? name : "\(folder)/\(name)"
            if !name.hasImageExtension, !DevkitLayout.isXML(name), Files.isFolder("\(path)/\(name)") {
                if depth < maximumDepth { walk(root, under: inside, depth: depth + 1, body) }
            } else {
                body(inside)
            }
        }
    }
}

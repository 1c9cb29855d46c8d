/// What was not read among what was given: counted by kind, the first few by name, so that nothing is lost in silence.
public struct PassedOver: Hashable, Sendable {
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        case otherFiles = "files that are no .jpg, .jpeg or .png"
        case folders
        case repeatedFolders = "folders that a link leads to a second time"
        case links = "links to nothing among the images"
        case sparseMembers = "sparse members"
        case otherMembers = "members that are neither files nor folders"
        case replacedMembers = "members that a later one of the same name replaces"
    }

    private var counts: [Kind: Int] = [:]
    private var names: [Kind: [String]] = [:]

    public init() {}

    public mutating func add(_ kind: Kind, _ name: String) {
        counts[kind, default: 0] += 1
        if counts[kind]! <= 3 { names[kind, default: []].append(name) }
    }

    /// "DIR: passed over 12 files that are no .jpg, .jpeg or .png (a.gif, b.webp, c.txt, …)", a line for each kind.
    public func notes(in source: String) -> [String] {
        Kind.allCases.compactMap { kind in
            guard let count = counts[kind], let names = names[kind] else { return nil }
            let shown = names.joined(separator: ", ") + (count > names.count ? ", …" : "")
            return "\(source): passed over \(count) \(kind.rawValue) (\(shown))"
        }
    }
}

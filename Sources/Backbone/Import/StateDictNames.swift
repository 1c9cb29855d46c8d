internal import Support

/// Which tensors of a state dict are a network's, and what torchvision calls them.
struct StateDictNames {
    /// What stood in front of the names: `module.encoder_q.`
    let prefix: String
    /// torchvision's name → the name in the file.
    let names: [String: String]
    /// Names in the file that do not begin with the prefix, in the order of the file: MoCo's key encoder and queue.
    let outside: [String]

    /// Parts of prefixes, with where they come from; a name may have several. Of two networks in one file the one with
    /// the earlier part counts.
    private static let parts = [
        "module.",  // DataParallel
        "model.", "net.", "network.", "resnet.",
        "encoder_q.",  // MoCo v1 and v2
        "base_encoder.",  // MoCo v3
        "backbone.", "encoder.", "feature_extractor.",
        "convnet.",  // SimCLR
        "online_network.", "online_encoder.",  // BYOL
        "teacher.", "student.",  // DINO
    ]
    /// Prefixes after which a network is one half of a contrastive method, whose last layer is a projection.
    static let contrastiveParts = ["encoder_q.", "base_encoder."]

    /// - Parameter prefix: What to take off; nil finds it.
    init(_ weights: ForeignWeights, prefix given: String?) throws(InputError) {
        let prefix = if let given { given } else { try Self.prefix(of: weights) }
        var names: [String: String] = [:]
        var outside: [String] = []
        for item in weights.items {
            guard item.name.hasPrefix(prefix) else {
                outside.append(item.name)
                continue
            }
            let name = Self.withoutParallel(String(item.name.dropFirst(prefix.count)))
            if let other = names.updateValue(item.name, forKey: name) {
                throw InputError(
                    weights.path, "\(other.printable) and \(item.name.printable) are both \(name.printable)",
                    remedy: "remove one of them")
            }
        }
        if names.isEmpty {
            throw InputError(
                weights.path, "no name begins with \(prefix.printable)",
                remedy: "its names are like \(weights.items.first?.name.printable ?? "none")")
        }
        self.prefix = prefix
        self.names = names
        self.outside = outside
    }

    /// Old AlexNets and VGGs were trained with their convolutions alone in DataParallel.
    private static func withoutParallel(_ name: String) -> String {
        let wrapped = "features.module."
        return name.hasPrefix(wrapped) ? "features." + name.dropFirst(wrapped.count) : name
    }

    /// What stands in front of the first layer of a network, if it is made of known parts.
    private static func prefix(of weights: ForeignWeights) throws(InputError) -> String {
        var known: [(ranks: [Int], prefix: String)] = []
        var unknown: [String] = []
        for item in weights.items {
            guard let prefix = front(of: item.name, weights) else { continue }
            if let ranks = ranks(prefix) { known.append((ranks, prefix)) } else { unknown.append(prefix) }
        }
        if let best = known.min(by: { $0.ranks.lexicographicallyPrecedes($1.ranks) }) { return best.prefix }
        if let other = unknown.first {
            throw InputError(
                weights.path, "its network's names begin with \(other.printable)",
                remedy: "name the prefix \(other.printable) to take it off")
        }
        return ""
    }

    /// The prefix of a name that is a network's first layer, given that the second is there, too.
    private static func front(of name: String, _ weights: ForeignWeights) -> String? {
        for (first, second) in [
            ("conv1.weight", "layer1.0.conv1.weight"), ("features.0.weight", "features.10.weight"),
            ("features.module.0.weight", "features.module.10.weight"),
        ] where name.hasSuffix(first) {
            let prefix = String(name.dropLast(first.count))
            if weights[prefix + second] != nil { return prefix }
        }
        return nil
    }

    /// The places of a prefix's parts in `parts`; nil when it is made of something else.
    private static func ranks(_ prefix: String) -> [Int]? {
        var rest = prefix[...]
        var ranks: [Int] = []
        while !rest.isEmpty {
            guard let rank = parts.firstIndex(where: { rest.hasPrefix($0) }) else { return nil }
            ranks.append(rank)
            rest = rest.dropFirst(parts[rank].count)
        }
        return ranks
    }
}

internal import Support

/// Which tensors of a state dict are a network's, and what torchvision calls them.
struct StateDictNames {
    /// What stood in front of the names: `module.encoder_q.`
    let prefix: String
    /// torchvision's name → the name in the file.
    let names: [String: String]
    /// Names in the file that do not begin with the prefix, in the order of the file: MoCo's key encoder and queue.
    let outside: [String]
    /// Which of several networks this is, for people: "MoCo's encoder of queries"; nil where names do not tell.
    let origin: String?

    /// Parts of prefixes, with where they come from; a name may have several. Of two networks in one file the one with
    /// the earlier part counts.
    private static let parts = [
        "module.",  // DataParallel
        "_orig_mod.",  // torch.compile
        "model.", "net.", "network.", "resnet.",
        "base_model.", "trunk.", "_feature_blocks.",  // VISSL
        "encoder_q.",  // MoCo v1 and v2
        "base_encoder.",  // MoCo v3
        "backbone.", "encoder.", "feature_extractor.",
        "convnet.",  // SimCLR
        "online_network.", "online_encoder.",  // BYOL
        "teacher.", "student.",  // DINO
        "l_to_ab.", "ab_to_l.",  // CMC
    ]
    /// Prefixes after which a network is one half of a contrastive method, whose last layer is a projection.
    static let contrastiveParts = ["encoder_q.", "base_encoder.", "l_to_ab.", "ab_to_l."]
    /// Prefixes after which a network sees some channels of Lab alone, as the authors of CMC name them.
    static let channelParts = [("l_to_ab.", 0..<1), ("ab_to_l.", 1..<3)]

    /// The channels of Lab that the network sees alone; nil where it sees all of its input.
    var channels: Range<Int>? { Self.channelParts.first { prefix.contains($0.0) }?.1 }

    /// What a part of the prefix, and of the names beside the network, says of where it comes from.
    private static let origins: [(prefix: String, beside: String, text: String)] = [
        ("encoder_q.", "", "MoCo's encoder of queries"),
        ("base_encoder.", "", "MoCo v3's base encoder"),
        ("online_network.", "", "BYOL's online network"), ("online_encoder.", "", "BYOL's online encoder"),
        ("_feature_blocks.", "", "VISSL's trunk"),
        ("teacher.", "", "the teacher"), ("student.", "", "the student"),
        ("l_to_ab.", "", "CMC's encoder of lightness"), ("ab_to_l.", "", "CMC's encoder of colours"),
        ("", "momentum_backbone.", "the online backbone"), ("", "momentum_encoder.", "the online encoder"),
        ("", "backbone_momentum.", "the online backbone"),
        ("", "target_network.", "the online network"), ("", "target_encoder.", "the online encoder"),
        ("encoder.", "predictor.", "SimSiam's encoder"),
        ("backbone.", "neck.", "MMSelfSup's backbone"),
        ("backbone.", "projector.", "the backbone under a projector"),
        ("backbone.", "projection_head.", "lightly's backbone"),
    ]

    /// - Parameter prefix: What to take off; nil finds it.
    init(_ weights: ForeignWeights, prefix given: String?) throws(InputError) {
        let prefix = if let given { given } else { try Self.prefix(of: weights) }
        let children = Self.children(after: prefix, weights)
        var names: [String: String] = [:]
        var outside: [String] = []
        for item in weights.items {
            guard item.name.hasPrefix(prefix) else {
                outside.append(item.name)
                continue
            }
            let name = Self.plain(String(item.name.dropFirst(prefix.count)), children)
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
        origin =
            Self.origins.first { origin in
                (origin.prefix.isEmpty || prefix.contains(origin.prefix))
                    && (origin.beside.isEmpty || outside.contains { $0.contains(origin.beside) })
            }?.text
    }

    /// What torchvision calls it.
    private static func plain(_ name: String, _ children: [String]) -> String {
        // Old AlexNets and VGGs were trained with their convolutions alone in DataParallel.
        let wrapped = "features.module."
        if name.hasPrefix(wrapped) { return "features." + name.dropFirst(wrapped.count) }
        if let point = name.firstIndex(of: "."), let number = Int(name[..<point]), children.indices.contains(number) {
            return children[number] + name[point...]
        }
        return name
    }

    /// The names of a ResNet's children where they are numbered, as lightly does: torch.nn.Sequential(*list(net.children())).
    private static func children(after prefix: String, _ weights: ForeignWeights) -> [String] {
        guard weights["\(prefix)0.weight"] != nil else { return [] }
        let stages = ["layer1", "layer2", "layer3", "layer4"]
        // Where the first stage is the third child, the third stage is the fifth.
        return [["conv1", "bn1"] + stages, ["conv1", "bn1", "relu", "maxpool"] + stages].first { names in
            weights["\(prefix)\(names.count - 4).0.conv1.weight"] != nil
        } ?? []
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
            ("0.weight", "4.0.conv1.weight"), ("0.weight", "2.0.conv1.weight"),
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

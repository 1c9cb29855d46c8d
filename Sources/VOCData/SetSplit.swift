internal import Foundation
public import Support

/// Image sets made by a rule where a data set brings none: training, validation and test images by share.
///
/// The SHA-256 of seed and id decides about each image alone, so that images that are added or removed move no other.
public struct SetSplit: Hashable, Sendable {
    /// Of training, validation and test images; they add up to 1.
    public let shares: [Double]
    public let seed: UInt64

    /// - Parameter shares: two (training, test) or three (training, validation, test); nil for any others.
    public init?(_ shares: [Double], seed: UInt64) {
        guard shares.count == 2 || shares.count == 3, shares.allSatisfy({ (0...1).contains($0) }),
            (shares.reduce(0, +) - 1).magnitude < 1e-6
        else { return nil }
        self.shares = shares.count == 3 ? shares : [shares[0], 0, shares[1]]
        self.seed = seed
    }

    /// train, val, test, and trainval for the first two together; without validation images trainval is train.
    public static let names = ["train", "val", "trainval", "test"]

    /// The set of an image: train, val or test.
    public func set(of id: String) -> String {
        // One letter may be written in two ways; the set must not depend on which.
        let text = "\(seed)\n\(id.precomposedStringWithCanonicalMapping)"
        let digest = SHA256.hex(Data(text.utf8))
        let place = Double(UInt64(digest.prefix(16), radix: 16)! >> 11) * 0x1p-53
        if place < shares[0] { return "train" }
        return place < shares[0] + shares[1] ? "val" : "test"
    }

    /// The images of a set, in their order; nil for a name that is none of `names`.
    func ids(_ name: String, of ids: [String]) -> [String]? {
        guard Self.names.contains(name) else { return nil }
        return ids.filter { id in
            let set = set(of: id)
            return set == name || (name == "trainval" && set != "test")
        }
    }

    /// Shares and seed, for the record of a run.
    public var json: JSON {
        [
            "train": .number(shares[0]), "val": .number(shares[1]), "test": .number(shares[2]),
            "seed": .string("\(seed)"),
        ]
    }

    /// "80 % train, 10 % val, 10 % test, seed 0"
    public var text: String {
        zip(["train", "val", "test"], shares).filter { $0.1 > 0 }.map { "\((100 * $0.1).fixed(0)) % \($0.0)" }
            .joined(separator: ", ") + ", seed \(seed)"
    }
}

public import Datasets
public import Support

/// A share of the labels of a data set, the same share of each class.
public struct LabelFraction: Hashable, Sendable {
    /// In (0, 1].
    public var share: Double

    public init(_ share: Double) {
        precondition(share > 0 && share <= 1, "a share of the labels lies in (0, 1], not \(share)")
        self.share = share
    }

    /// "5 %".
    public var text: String { "\(Self.percent(share)) %" }

    /// Without needless decimals.
    static func percent(_ share: Double) -> String {
        (0...3).lazy.map { (share * 100).fixed($0) }.first { Double($0).map { abs($0 - share * 100) < 1e-9 } ?? false }
            ?? (share * 100).fixed(4)
    }

    /// Indices of the images whose labels are used, ascending.
    ///
    /// Of each class the first round(share · n) of an order that depends on seed and class alone, so that a larger share
    /// of the same seed contains a smaller one.
    /// - Throws: `InputError` naming the data and the class of which no image is left.
    public func indices(of data: any ImageCollection, seed: UInt64) throws(InputError) -> [Int] {
        var byClass = [[Int]](repeating: [], count: data.classes.count)
        for i in 0..<data.count { if let label = data.label(i) { byClass[label].append(i) } }
        var chosen: [Int] = []
        for (label, members) in byClass.enumerated() {
            let count = Int((share * Double(members.count)).rounded())
            guard count > 0 else {
                throw InputError(
                    data.source,
                    "leaves no image of the class \(data.classes[label]) (\(members.count.counted("image"))) at \(text)",
                    remedy: "use larger fractions or more images")
            }
            var random = RandomStream(seed, UInt64(label), 0x73656d69)
            let order = random.permutation(members.count)
            chosen += order.prefix(count).map { members[$0] }
        }
        return chosen.sorted()
    }
}

internal import Support

/// Divisions of labelled rows that keep the share of each class.
public enum StratifiedSplit {
    /// The fold of each row, 0 ..< count: for each class as many rows in one as in another, consecutive rows together.
    ///
    /// The same division as scikit-learn's `StratifiedKFold(count)` without shuffling, which cross-validation there
    /// uses. Which fold gets the rest of a class follows from the classes in the order in which they first occur.
    public static func folds(_ labels: [Int], count: Int) -> [Int] {
        precondition(count > 1, "at least two folds are needed, got \(count)")
        var codes: [Int: Int] = [:]
        let encoded = labels.map { label in
            let code = codes[label] ?? codes.count
            codes[label] = code
            return code
        }
        // Every count-th of the sorted labels: the number of rows of each class in each fold.
        var sizes = [[Int]](repeating: [Int](repeating: 0, count: count), count: codes.count)
        for (position, code) in encoded.sorted().enumerated() { sizes[code][position % count] += 1 }
        var current = [Int](repeating: 0, count: codes.count)
        return encoded.map { code in
            while sizes[code][current[code]] == 0 { current[code] += 1 }
            sizes[code][current[code]] -= 1
            return current[code]
        }
    }

    /// Rows set aside: of each class the nearest whole number to `fraction`, but at least one and not all, drawn at
    /// random. Ascending. A class with a single row gives none.
    public static func heldOut(_ labels: [Int], fraction: Double, seed: UInt64) -> [Int] {
        var members: [Int: [Int]] = [:]
        for (row, label) in labels.enumerated() { members[label, default: []].append(row) }
        var result: [Int] = []
        for (label, rows) in members {
            var random = RandomStream(seed, UInt64(bitPattern: Int64(label)))
            let wanted = max(1, min(rows.count - 1, Int((fraction * Double(rows.count)).rounded())))
            if rows.count > 1 { result += random.permutation(rows.count).prefix(wanted).map { rows[$0] } }
        }
        return result.sorted()
    }
}

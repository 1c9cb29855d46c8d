/// Number of insertions, deletions, substitutions and swaps of neighbours that turn one word into the other
/// (Damerau–Levenshtein distance in its "optimal string alignment" form).
package func editDistance(_ first: String, _ second: String) -> Int {
    let a = Array(first.lowercased())
    let b = Array(second.lowercased())
    var beforeLast: [Int] = []
    var last = Array(0...b.count)
    for i in 0..<a.count {
        var current = [i + 1]
        for j in 0..<b.count {
            var cost = min(last[j + 1] + 1, current[j] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
            if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, beforeLast[j - 1] + 1) }
            current.append(cost)
        }
        beforeLast = last
        last = current
    }
    return last[b.count]
}

/// The candidate that was most likely meant, or nil when none is close; the first of equally close ones.
package func nearest(_ word: String, in candidates: [String]) -> String? {
    // Beyond a third of the letters a suggestion is more often noise than help.
    let limit = max(1, word.count / 3)
    let scored = candidates.map { ($0, editDistance(word, $0)) }
    if let best = scored.min(by: { $0.1 < $1.1 }), best.1 <= limit { return best.0 }
    return word.count < 3 ? nil : candidates.first { $0.lowercased().hasPrefix(word.lowercased()) }
}

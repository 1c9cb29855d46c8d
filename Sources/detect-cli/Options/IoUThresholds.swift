internal import Support

/// Overlaps that a match needs: ".5", ".5,.75", or the range ".5:.95" in steps of .05.
struct IoUThresholds: OptionValue, Hashable {
    let values: [Double]

    init(_ values: [Double]) { self.values = values }

    init?(argument: String) {
        let bounds = argument.split(separator: ":", omittingEmptySubsequences: false).map {
            Double(argument: String($0))
        }
        if bounds.count == 2, let low = bounds[0], let high = bounds[1], low >= 0, low <= high, high < 1 {
            // Hundredths, so that 0.55 is the number that is written so.
            let (first, last) = (Int((low * 100).rounded()), Int((high * 100).rounded()))
            guard abs(low * 100 - Double(first)) < 1e-9, abs(high * 100 - Double(last)) < 1e-9 else { return nil }
            values = stride(from: first, through: last, by: 5).map { Double($0) / 100 }
        } else if let list = [Double](argument: argument), list.allSatisfy({ (0..<1).contains($0) }),
            Set(list).count == list.count
        {
            values = list
        } else {
            return nil
        }
    }

    static var kind: String { "overlaps of at least 0 and less than 1, as .5 or .5,.75 or .5:.95" }
    var argument: String { values.map(\.argument).joined(separator: ",") }
}

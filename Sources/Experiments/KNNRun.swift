public import Probes
public import Support

/// Classifies images by their nearest neighbours among labelled ones.
public struct KNNRun {
    public var data: ProbeData
    public var probe: KNNProbe
    /// Numbers that the voters are kept in; nil for as they come.
    public var bankPrecision: BankPrecision?
    /// Whether a class may have no training image.
    public var allowsEmptyClasses = false
    public var threads = 2
    public var progress = ProgressBar.Style.automatic

    public enum BankPrecision: String, CaseIterable, Sendable {
        case fp32
        /// Half the memory.
        case bf16
    }

    public init(_ data: ProbeData, probe: KNNProbe) {
        self.data = data
        self.probe = probe
    }

    /// Without test data each training image is classified by the others.
    ///
    /// - Returns: The accuracies, and how the features were made.
    public func callAsFunction() throws -> (result: KNNResult, protocolJSON: JSON) {
        let (voters, queries) = try data.load(allowsEmptyClasses: allowsEmptyClasses, progress: progress)
        var bank = voters.features
        switch bankPrecision {
        case .bf16:
            bank.normalize()
            bank.roundToBFloat16()
        case .fp32: bank.expand()
        case nil: break
        }
        let result =
            if let queries {
                try probe.evaluate(train: bank, test: queries.features, threads: threads)
            } else {
                try probe.evaluateLeaveOneOut(bank, threads: threads)
            }
        return (result, voters.protocolJSON)
    }
}

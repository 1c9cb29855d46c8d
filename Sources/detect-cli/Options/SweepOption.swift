package import Experiments

/// `--sweep NAME=V,V`
extension Sweep: OptionValue {
    package init?(argument: String) {
        let parts = argument.split(separator: "=", omittingEmptySubsequences: false)
        guard parts.count == 2, let setting = Setting(rawValue: String(parts[0])),
            let values = [Double](argument: String(parts[1]))
        else { return nil }
        self.init(setting, values)
    }

    package static var kind: String {
        "NAME=V,V with a NAME of \(Setting.allCases.map(\.rawValue).joined(separator: ", ")) and values it can have"
    }
    package var argument: String { "\(setting.rawValue)=\(values.argument)" }
}

internal import Datasets
internal import Support

/// `--on-bad-image stop|skip`
package enum BadImageChoice: String, CaseIterable {
    case stop
    case skip

    var policy: BadImagePolicy {
        switch self {
        case .stop: .stop
        case .skip: .skip { Console.remark("\($0)", label: "skipped") }
        }
    }
}

extension ArgumentParser {
    func badImages() -> Option<BadImageChoice> {
        choice("on-bad-image", "an image that cannot be read ends the run, or is named and left out", default: .stop)
    }
}

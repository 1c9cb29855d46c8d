import Backbone
import Detection
import Support
import TestSupport
import Testing

/// `config.json` holds more than the settings, so it is written field by field: here is what keeps the two together.
@Suite(.tags(.unit), .tiered) struct FineTuneSettingsTests {
    private static var options: FineTuneOptions {
        var detector = DetectorConfig(
            network: NetworkConfig(.resnet50, stem: .imagenet), normalization: .imagenet, classes: ["cat", "dog"])
        detector.regionProposals = RegionProposalConfig()
        return FineTuneOptions(detector: detector)
    }

    /// A value other than the default, by setting.
    private static let others = [
        "scale": "320", "max-side": "1333", "max-proposals": "77", "roi": "align", "roi-size": "9",
        "anchor-scales": "4,8", "iterations": "123", "lr": "0.125", "schedule": "cosine", "milestones": "5,7",
        "warmup": "11", "rois": "32", "clip": "3", "train-difficult": "", "train-all": "", "batch-norm": "train",
        "freeze-stages": "3",
    ]

    @Test func everySettingIsRecorded() throws {
        let rows = FineTuneOptions.settings.flatMap(\.rows)
        for row in rows {
            let other = try #require(Self.others[row.name], "no other value of --\(row.name) is known here")
            var options = Self.options
            options.frozenStages = 1
            let before = options.json
            #expect(row.set(&options, other), "--\(row.name) \(other)")
            #expect(options.json != before, "--\(row.name) leaves config.json as it is")
        }
        #expect(Set(rows.map(\.name)) == Set(Self.others.keys))
    }
}

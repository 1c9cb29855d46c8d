import Backbone
import Detection
import Imaging
import Support
import TestSupport
import Testing

@Suite(.tags(.unit), .tiered) struct DetectorConfigTests {
    private static let config: DetectorConfig = {
        var config = DetectorConfig(
            network: NetworkConfig(.resnet50), normalization: .imagenet, classes: ["cat", "dog"])
        config.shortSide = 400
        config.proposals = 300
        return config
    }()

    @Test func roundTrip() throws {
        let parsed = try JSON.parse(Self.config.json.line.utf8)
        #expect(try DetectorConfig(json: parsed, file: "m") == Self.config)
    }

    private static let faster: DetectorConfig = {
        var config = Self.config
        config.network.regionNorm = true
        config.regionSize = 14
        config.regionOperator = .align
        config.regionProposals = RegionProposalConfig()
        config.regionProposals?.scales = [0.5, 4]
        return config
    }()

    @Test func fasterRoundTrip() throws {
        let parsed = try JSON.parse(Self.faster.json.line.utf8)
        #expect(try DetectorConfig(json: parsed, file: "m") == Self.faster)
        #expect(Self.faster.kind == .faster && Self.config.kind == .fast)
    }

    @Test(arguments: [
        Damage(field: "scales", value: nil), Damage(field: "scales", value: []), Damage(field: "scales", value: [0]),
        Damage(field: "ratios", value: [1, "2"]), Damage(field: "channels", value: 0),
        Damage(field: "minimum_side", value: -1), Damage(field: "candidates", value: 0), Damage(field: "nms", value: 2),
    ]) func aDamagedProposerIsRefused(_ damage: Damage) throws {
        let members = (Self.faster.json.members ?? []).map { member -> JSON.Member in
            guard member.name == "region_proposals" else { return member }
            let own = (member.value.members ?? []).compactMap { inner in
                inner.name == damage.field ? damage.value.map { JSON.Member(inner.name, $0) } : inner
            }
            return JSON.Member(member.name, .object(own))
        }
        let error = #expect(throws: InputError.self) { try DetectorConfig(json: .object(members), file: "m") }
        #expect(error?.problem.contains("\"region_proposals\"") == true)
    }

    @Test func defaultsAreFastRCNNs() {
        let config = DetectorConfig(network: NetworkConfig(.vgg16), normalization: .imagenet, classes: ["a"])
        #expect(config.shortSide == 600 && config.longSide == 1000 && config.proposals == 2000)
        #expect(config.inputSize(ImageSize(width: 500, height: 375)) == ImageSize(width: 800, height: 600))
        #expect(config.inputSize(ImageSize(width: 200, height: 500)) == ImageSize(width: 400, height: 1000))
    }

    struct Damage: Sendable, CustomTestStringConvertible {
        var field: String
        var value: JSON?
        var testDescription: String { "\(field): \(value?.line ?? "missing")" }
    }

    private static let damages: [Damage] =
        ["head", "arch", "stem", "normalization", "classes", "short_side", "long_side", "proposals"].flatMap {
            [Damage(field: $0, value: nil), Damage(field: $0, value: .null), Damage(field: $0, value: -1)]
        } + [
            Damage(field: "head", value: "masked"), Damage(field: "region_norm", value: 1),
            Damage(field: "arch", value: "lenet"),
            Damage(field: "stem", value: "wide"), Damage(field: "normalization", value: ["mean": [0, 0, 0]]),
            Damage(field: "normalization", value: ["mean": [0, 0, 0], "std": [1, 0, 1]]),
            Damage(field: "classes", value: []), Damage(field: "classes", value: ["cat", 3]),
            Damage(field: "short_side", value: 0), Damage(field: "long_side", value: 1_000_001),
            Damage(field: "proposals", value: "many"), Damage(field: "proposals", value: 1.5),
        ]

    @Test(arguments: damages) func aDamagedFieldIsNamed(_ damage: Damage) {
        let members = (Self.config.json.members ?? []).compactMap { member -> JSON.Member? in
            member.name == damage.field ? damage.value.map { JSON.Member(member.name, $0) } : member
        }
        let error = #expect(throws: InputError.self) {
            try DetectorConfig(json: .object(members), file: "model.safetensors")
        }
        #expect(error?.subject == "model.safetensors")
        #expect(error?.problem.contains("\"\(damage.field)\"") == true)
    }

    @Test func vggHasNoCIFARStem() {
        var members = Self.config.json.members ?? []
        for index in members.indices where members[index].name == "arch" { members[index].value = "vgg16" }
        for index in members.indices where members[index].name == "stem" { members[index].value = "cifar" }
        let error = #expect(throws: InputError.self) { try DetectorConfig(json: .object(members), file: "m") }
        #expect(error?.problem.contains("\"stem\"") == true)
    }
}

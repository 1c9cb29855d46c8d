internal import Backbone
internal import Foundation
internal import Support
internal import Torch

/// Turns weights of PyTorch into a weight file.
struct WeightsImportCommand: Command {
    static let name = "weights import"
    static let summary =
        "turns a PyTorch .pth or a safetensors file into a weight file, without running any of its code"
    static let example = """
        detect-cli weights import resnet50-0676ba61.pth --out resnet50.safetensors --objective supervised
        detect-cli weights import moco_v1.pth --out moco.safetensors --objective moco
        detect-cli weights import instdisc_resnet18.pth --fc projection --out instdisc.safetensors --objective instance
        """

    enum Pixels: String, CaseIterable {
        case imagenet, cifar10, lab

        var normalization: Normalization {
            switch self {
            case .imagenet: .imagenet
            case .cifar10: .cifar10
            case .lab: .lab
            }
        }
    }

    let file: Option<String>
    let out: Option<String>
    let architecture: Option<Architecture?>
    let stem: Option<Stem?>
    let last: Option<WeightImport.LastLayer>
    let prefix: Option<String?>
    let objective: Option<String>
    let imageSize: Option<Int?>
    let normalization: Option<Pixels?>
    let json: Option<String?>

    init(_ parser: ArgumentParser) {
        file = parser.positional("FILE", "a file of torch.save, or safetensors")
        out = parser.output(parser.required("out", "FILE", "the weight file to write"))
        parser.group("Network")
        architecture = parser.optionalChoice("arch", "the network in it", of: Architecture.self, shown: "by its shapes")
        stem = parser.optionalChoice("stem", "how a ResNet takes its input in", of: Stem.self, shown: "by its shapes")
        last = parser.choice(
            "fc",
            "what the last layer is: classes, or the projection of instance discrimination; none leaves it out",
            default: .auto,
            shown: "a projection with \(WeightImport.contrastiveDimension) rows or in MoCo's files, else a classifier")
        prefix = parser.optional(
            "prefix", "TEXT", "what to take off the names", shown: "module., model., backbone., encoder_q. and others")
        parser.group("Description")
        objective = parser.option("objective", "TEXT", "how it was trained, to be told later", default: "unknown")
        imageSize = parser.optional(
            "image-size", "N", "side of the images it was trained on", shown: "224, or 32 with the CIFAR stem",
            .between(1, 65536))
        normalization = parser.optionalChoice(
            "normalization", "mean and deviation of the pixels it was trained on; lab for the colours of cmc",
            of: Pixels.self,
            shown: "imagenet, cifar10 with the CIFAR stem, or lab in CMC's files")
        json = parser.json()
    }

    func run() throws {
        try Runtime.load()
        let source = try ForeignWeights(path: file.value)
        var options = WeightImport.Options()
        options.architecture = architecture.value
        options.stem = stem.value
        options.lastLayer = last.value
        options.prefix = prefix.value
        let plan = try WeightImport(source, options)
        let description = try description(plan)
        for (name, text) in lines(plan) { print("\(name.padded(12))\(text)") }
        try json.write(report(plan, description))
        try plan.write(description, to: out.value)
        print("\("written".padded(12))\(out.value)")
    }

    private func description(_ plan: WeightImport) throws -> WeightDescription {
        return plan.description(
            objective: objective.value, normalization: normalization.value?.normalization, imageSize: imageSize.value,
            details: [.init("sha256", .string(try checksum()))])
    }

    /// SHA-256 of the file, a piece at a time.
    private func checksum() throws -> String {
        let data = try Files.mapped(file.value)
        var hash = SHA256()
        for start in stride(from: 0, to: data.count, by: 1 << 20) {
            hash.update(data[start..<min(data.count, start + 1 << 20)])
        }
        return hash.finish()
    }

    private func lines(_ plan: WeightImport) -> [(String, String)] {
        func list(_ names: [String]) -> String {
            names.isEmpty ? "none" : "\(names.count): \(WeightImport.some(names))"
        }
        let source = plan.source
        let key = source.place.joined(separator: ".").printable
        let model = source.networkClass.map { "the pickled \($0.printable)" }
        let place = model.map { key.isEmpty ? $0 : "\(key), \($0)" } ?? (key.isEmpty ? "the whole file" : key)
        var lines = [
            ("file", "\(file.value) (\(source.format.rawValue), state dict: \(place))"), ("network", "\(plan.config)"),
            (
                "prefix",
                (plan.prefix.isEmpty ? "none" : "\(plan.prefix.printable) taken off")
                    + (plan.origin.map { ": \($0)" } ?? "")
            ),
            ("last layer", lastLayer(plan)),
            ("loaded", plan.loaded.count.counted("tensor")), ("missing", list(plan.missing)),
            ("unexpected", list(plan.unexpected)), ("left out", list(plan.outside)),
        ]
        if !plan.mismatched.isEmpty { lines.append(("misfits", list(plan.mismatched))) }
        if !source.others.isEmpty {
            lines.append(("no tensors", WeightImport.some(source.others.map(\.description), 12)))
        }
        if plan.counters > 0 { lines.append(("note", "\(plan.counters) counters of batch norm are set to 0")) }
        return lines
    }

    private func lastLayer(_ plan: WeightImport) -> String {
        switch plan.lastLayer {
        case .classifier: "a classifier of \((plan.config.classes ?? 0).counted("class"))"
        case .projection: "a projection to \(plan.projectionShape?[0] ?? 0) dimensions (--fc classifier keeps classes)"
        case .auto, .none: "none"
        }
    }

    private func report(_ plan: WeightImport, _ description: WeightDescription) -> JSON {
        func list(_ names: [String]) -> JSON { .array(names.map { .string($0) }) }
        return [
            "file": .string(file.value), "out": .string(out.value), "format": .string(plan.source.format.rawValue),
            "state_dict": list(plan.source.place), "prefix": .string(plan.prefix),
            "origin": plan.origin.map { .string($0) } ?? .null,
            "last_layer": .string(plan.lastLayer.rawValue), "description": description.json,
            "loaded": .array(
                plan.loaded.map { ["name": .string($0.name), "source": .string($0.source)] }),
            "missing": list(plan.missing), "mismatched": list(plan.mismatched), "unexpected": list(plan.unexpected),
            "left_out": list(plan.outside), "other_entries": list(plan.source.others.map(\.name)),
            "other_classes": .object(
                plan.source.others.filter { !$0.classes.isEmpty }.map {
                    JSON.Member($0.name, .array($0.classes.map { .string($0) }))
                }),
            "counters_set_to_zero": .integer(plan.counters),
        ]
    }
}

internal import Backbone
internal import Detection
internal import Foundation
internal import Support
internal import Torch

/// Writes the backbone of a weight file or of a detector for torchvision.
struct WeightsExportCommand: Command {
    static let name = "weights export"
    static let summary = "writes the backbone of a weight file or of a detector with torchvision's names alone"
    static let example = """
        detect-cli weights export runs/instance/weights.safetensors --out resnet18.safetensors
        detect-cli weights export runs/voc/model.safetensors --out backbone.safetensors
        """

    let file: Option<String>
    let out: Option<String>
    let withProjection: Option<Bool>

    init(_ parser: ArgumentParser) {
        file = parser.positional("FILE", "a weight file, or model.safetensors of a run of finetune")
        out = parser.output(parser.required("out", "FILE", "the safetensors file to write"))
        withProjection = parser.flag(
            "with-projection", "keep projection.*, too, for which torchvision's models have no place")
    }

    func run() throws {
        try Runtime.load()
        let (file, config, normalization, prefix) = try open()
        var tensors: [(name: String, tensor: Tensor)] = []
        var leftOut: [String] = []
        var check = WeightCheck()
        for entry in file.entries {
            let name = entry.name.hasPrefix(prefix) ? String(entry.name.dropFirst(prefix.count)) : nil
            if let name, !name.hasPrefix("norm."), withProjection.value || !name.hasPrefix("projection.") {
                tensors.append((name, file.mappedTensor(entry.name)!))
                check.examine(entry.name, tensors.last!.tensor)
            } else {
                leftOut.append(entry.name)
            }
        }
        try check.require(in: file.path)
        try SafetensorsFile.write(tensors, metadata: ["format": "pt"], to: out.value)
        print("\(out.value): \(config), \(tensors.count.counted("tensor"))")
        if !leftOut.isEmpty { print("left out: \(WeightImport.some(leftOut))") }
        if normalization.space != .rgb {
            print(
                "it takes \(normalization.space.rawValue), less \(normalization.mean), over "
                    + "\(normalization.standardDeviation)")
        }
        print("\nto load it:\n\(recipe(config))")
    }

    /// The file, its network with what it takes, and what stands in front of the network's names.
    private func open() throws -> (SafetensorsFile, NetworkConfig, Normalization, prefix: String) {
        let file = try SafetensorsFile(path: file.value)
        guard let text = file.metadata["detector"] else {
            let description = try WeightFile.open(file.path).description
            return (file, description.config, description.normalization, "")
        }
        guard let json = try? JSON.parse(text.utf8) else {
            throw InputError(file.path, "its description is not JSON", remedy: "give a model written by finetune")
        }
        let detector = try DetectorConfig(json: json, file: file.path)
        var config = detector.network
        // The batch norm that detectors have in front of their average is no part of torchvision's network.
        config.regionNorm = false
        let prefix = FastRCNN.backbonePrefix + "."
        guard WeightFile.recognize(shape: { file[prefix + $0]?.shape }) == config else {
            throw InputError(
                file.path, "is described as a detector on \(config) but holds another network",
                remedy: "give a model written by finetune")
        }
        return (file, config, detector.normalization, prefix)
    }

    /// Lines of Python with which torchvision's model takes the file strictly.
    private func recipe(_ config: NetworkConfig) -> String {
        let name = config.architecture.rawValue
        let isSequential = config.classifierPrefix != "fc."
        var lines = [
            "  import torch, torchvision, safetensors.torch",
            "  model = torchvision.models.\(name)(num_classes=\(config.classes ?? 1000))",
        ]
        if config.stem == .cifar {
            lines.append("  model.conv1 = torch.nn.Conv2d(3, 64, 3, padding=1, bias=False)")
            lines.append("  model.maxpool = torch.nn.Identity()")
        }
        if config.classes == nil {
            lines.append(isSequential ? "  del model.classifier[6]" : "  model.fc = torch.nn.Identity()")
        }
        let strict = withProjection.value ? ", strict=False" : ""
        lines.append("  model.load_state_dict(safetensors.torch.load_file(\"\(out.value)\")\(strict))")
        return lines.joined(separator: "\n")
    }
}

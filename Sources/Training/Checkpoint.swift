public import Support
public import Torch

/// Everything a run needs to go on exactly where it was: tensors and a state of plain values, in one safetensors file.
public struct Checkpoint {
    /// Those of a checkpoint that was read lie in the mapped file: to be copied from, never to be written to.
    public var tensors: [(name: String, tensor: Tensor)]
    public var state: JSON

    public init(tensors: [(name: String, tensor: Tensor)] = [], state: JSON = [:]) {
        self.tensors = tensors
        self.state = state
    }

    private static let key = "checkpoint"

    /// Writes beside the file and renames: the previous checkpoint stays until the new one is on the disk.
    public func write(to path: String) throws {
        try SafetensorsFile.write(tensors, metadata: [Self.key: state.line], to: path)
    }

    /// Throws `InputError` naming the file when it is damaged or no checkpoint.
    public static func read(_ path: String) throws -> Checkpoint {
        let file = try SafetensorsFile(path: path)
        guard let text = file.metadata[key], let state = try? JSON.parse(text.utf8) else {
            throw InputError(path, "is not a checkpoint", remedy: "give a file of a run's checkpoints folder")
        }
        // Mapped: whoever restores them copies them into their place, and a bank need not be in memory twice.
        return Checkpoint(tensors: file.entries.map { ($0.name, file.mappedTensor($0.name)!) }, state: state)
    }

    /// A tensor by its name; nil when there is none.
    public subscript(name: String) -> Tensor? { tensors.first { $0.name == name }?.tensor }

    /// The tensors whose names begin with `prefix` and a point, without it.
    public func tensors(_ prefix: String) -> [String: Tensor] {
        var result: [String: Tensor] = [:]
        for (name, tensor) in tensors where name.hasPrefix(prefix + ".") {
            result[String(name.dropFirst(prefix.count + 1))] = tensor
        }
        return result
    }

    /// Adds tensors under a prefix, as `tensors(_:)` finds them again.
    public mutating func add(_ prefix: String, _ tensors: [(name: String, tensor: Tensor)]) {
        self.tensors += tensors.map { ("\(prefix).\($0.name)", $0.tensor) }
    }
}

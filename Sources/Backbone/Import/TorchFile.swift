public import Foundation
internal import Support
public import Torch

/// A file of `torch.save` in the zip format of PyTorch 1.6 and later: NAME/data.pkl says what there is, NAME/data/KEY
/// are the storages. The file stays mapped; tensors are copied out one at a time.
public final class TorchFile {
    public let path: String
    public let heap: PickleHeap
    private let archive: ZipArchive
    /// "NAME/"
    private let root: String
    private var verified: Set<String> = []

    /// The number that begins the pickle of the format before 1.6, with the instruction that pushes it.
    static let legacyMagic: [UInt8] = [
        0x80, 0x02, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19,
    ]

    /// Reads the pickle; `path` names the file in errors.
    public init(_ data: Data, path: String) throws {
        archive = try ZipArchive(data, path: path)
        let pickles = archive.entries.filter { $0.name.hasSuffix("/data.pkl") }
        guard pickles.count == 1, let pickle = pickles.first else {
            throw InputError(
                path, "is a zip archive, but not one of torch.save (it has \(pickles.count) entries named data.pkl)",
                remedy: "give the .pth file itself")
        }
        let root = String(pickle.name.dropLast("data.pkl".count))
        if archive["\(root)constants.pkl"] != nil {
            throw InputError(
                path, "is a TorchScript program, not a file of weights",
                remedy: "save its weights with PyTorch: torch.save(torch.jit.load(FILE).state_dict(), OTHER)")
        }
        if let order = archive["\(root)byteorder"] {
            let isLittle = try archive.withContent(order, verified: true) { $0.elementsEqual("little".utf8) }
            guard isLittle else {
                throw InputError(path, "was written on a big-endian machine", remedy: "save it again on another one")
            }
        }
        guard pickle.size <= Unpickler.maximumLength else {
            throw InputError(
                path, "its pickle has \(pickle.size) bytes; at most \(Unpickler.maximumLength) are accepted")
        }
        let bytes = try archive.withContent(pickle, verified: true) { [UInt8]($0) }
        let archive = archive
        heap = try Unpickler.read(bytes, path: path) { archive["\(root)data/\($0)"]?.size }
        self.root = root
        self.path = path
    }

    /// Copies a tensor to the CPU in row-major order.
    ///
    /// - Throws: `InputError` when its storage is damaged or of a type that no network here has.
    public func tensor(_ tensor: TorchTensor) throws -> Tensor {
        let name = "\(root)data/\(tensor.storage.key)"
        guard let dtype = tensor.element.dtype, let entry = archive[name] else {
            throw InputError(path, "holds a tensor of torch.\(tensor.element.rawValue), which cannot be read")
        }
        // A checksum is computed once, however many tensors share the storage.
        let isNew = verified.insert(name).inserted
        return try archive.withContent(entry, verified: isNew) { tensor.copy(from: $0, dtype: dtype) }
    }
}

public import Foundation
internal import Support
public import Torch

/// A file of `torch.save`, in the zip format of PyTorch 1.6 and later (NAME/data.pkl says what there is, NAME/data/KEY
/// are the storages) or in the older one (`LegacyTorchFile`). The file stays mapped; tensors are copied out one at a time.
public final class TorchFile {
    private enum Layout {
        /// "NAME/" stands in front of the names.
        case zip(ZipArchive, root: String)
        case legacy(LegacyTorchFile)
    }

    public let path: String
    public let heap: PickleHeap
    private let layout: Layout
    private var verified: Set<String> = []

    /// Reads the pickle; `path` names the file in errors.
    public init(_ data: Data, path: String) throws {
        let data = data.startIndex == 0 ? data : Data(data)
        self.path = path
        if data.starts(with: [0x50, 0x4B]) {
            let (archive, root, heap) = try Self.archive(data, path: path)
            self.heap = heap
            layout = .zip(archive, root: root)
        } else {
            let file = try LegacyTorchFile(data, path: path)
            heap = file.heap
            layout = .legacy(file)
        }
    }

    private static func archive(_ data: Data, path: String) throws -> (ZipArchive, root: String, heap: PickleHeap) {
        let archive = try ZipArchive(data, path: path)
        let pickles = archive.entries.filter { $0.name.hasSuffix("/data.pkl") }
        guard pickles.count == 1, let pickle = pickles.first else {
            let names = WeightImport.some(archive.entries.map(\.name), 3)
            throw InputError(
                path,
                "is a zip archive, but not one of torch.save (it has \(pickles.count) entries named data.pkl"
                    + (pickles.isEmpty && !names.isEmpty ? "; it holds \(names))" : ")"),
                remedy: "unpack it and give the .pth file itself")
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
        return (archive, root, try Unpickler.read(bytes, path: path) { archive["\(root)data/\($0)"]?.size })
    }

    /// Copies a tensor to the CPU in row-major order.
    ///
    /// - Throws: `InputError` when its storage is damaged or of a type that no network here has.
    public func tensor(_ tensor: TorchTensor) throws -> Tensor {
        guard let dtype = tensor.element.dtype else { throw unreadable(tensor) }
        switch layout {
        case .legacy(let file): return file.withContent(tensor.storage) { tensor.copy(from: $0, dtype: dtype) }
        case .zip(let archive, let root):
            let name = "\(root)data/\(tensor.storage.key)"
            guard let entry = archive[name] else { throw unreadable(tensor) }
            // A checksum is computed once, however many tensors share the storage.
            let isNew = verified.insert(name).inserted
            return try archive.withContent(entry, verified: isNew) { tensor.copy(from: $0, dtype: dtype) }
        }
    }

    private func unreadable(_ tensor: TorchTensor) -> InputError {
        InputError(path, "holds a tensor of torch.\(tensor.element.rawValue), which cannot be read")
    }
}

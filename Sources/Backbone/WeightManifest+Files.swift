internal import Foundation
internal import Support

#if canImport(Glibc)
internal import Glibc
#endif

extension WeightManifest {
    /// Reads a folder's manifest; throws `InputError` naming the file, the entry and the field.
    public init(folder: String) throws {
        let path = "\(folder)/\(Self.fileName)"
        let data = try Files.read(path, limit: Self.maximumBytes)
        let json: JSON
        do {
            json = try JSON.parse(data)
        } catch {
            throw InputError(path, "is not valid JSON: \(error)")
        }
        try self.init(json: json, path: path)
    }

    /// Writes the manifest into a folder.
    public func write(folder: String) throws {
        try Files.writeAtomically(json.pretty, to: "\(folder)/\(Self.fileName)")
    }

    /// Bytes of a regular file.
    fileprivate static func size(of path: String) throws -> Int {
        var status = stat()
        guard stat(path, &status) == 0 else { throw Files.systemError(path, "cannot be read") }
        guard status.st_mode & S_IFMT == S_IFREG else { throw InputError(path, "is not a regular file") }
        return Int(status.st_size)
    }
}

extension WeightManifest.Entry {
    /// An entry for a weight file that exists: architecture and objective from its description, size and SHA-256
    /// from its bytes.
    public init(describing file: String, in folder: String, name: String, data: String, recipe: String) throws {
        let path = "\(folder)/\(file)"
        let description = try WeightFile.open(path).description
        self.init(
            name: name, file: file, architecture: description.config.architecture, objective: description.objective,
            data: data, recipe: recipe, size: try WeightManifest.size(of: path), sha256: try Self.digest(of: path))
    }

    /// Checks size and SHA-256 of the entry's file in the manifest's folder; throws `InputError` saying which differs.
    public func verify(in folder: String) throws {
        let path = "\(folder)/\(file)"
        let remedy = "download or write it again"
        let found = try WeightManifest.size(of: path)
        guard found == size else {
            throw InputError(path, "has \(found) bytes, the manifest says \(size)", remedy: remedy)
        }
        let digest = try Self.digest(of: path)
        guard digest == sha256 else {
            throw InputError(path, "has the SHA-256 \(digest), the manifest says \(sha256)", remedy: remedy)
        }
    }

    /// SHA-256 of a file, read piece by piece: weight files may be larger than the memory that is left.
    private static func digest(of path: String) throws -> String {
        guard let handle = FileHandle(forReadingAtPath: path) else { throw Files.systemError(path, "cannot be read") }
        var hash = SHA256()
        do {
            while let piece = try handle.read(upToCount: 1 << 20), !piece.isEmpty { hash.update(piece) }
        } catch {
            throw Files.systemError(path, "cannot be read")
        }
        return hash.finish()
    }
}

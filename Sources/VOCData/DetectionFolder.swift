internal import Support

/// A folder of detection files, one a class.
public struct DetectionFolder: Hashable, Sendable {
    public let path: String
    /// The file of each class that has one, as a path.
    public let files: [String: String]
    /// Names of text files that belong to none of the classes.
    public let unusedFiles: [String]

    /// Finds the file of each class: `CLASS.txt`, or any name that ends in `_CLASS.txt` (`comp4_det_test_car.txt`).
    ///
    /// Of several files for one class, the one for `set` is taken (`…_SET_CLASS.txt`).
    /// - Throws: `InputError` when the folder cannot be read, when no class has a file, and when a class has several
    ///   and `set` does not tell which.
    public init(_ path: String, classes: [String], set: String? = nil) throws {
        var candidates: [String: [String]] = [:]
        var unused: [String] = []
        for name in try Files.list(path) where name.hasSuffix(".txt") {
            let stem = String(name.dropLast(4))
            // The longest name wins: "big_cat" before "cat".
            let owner = classes.filter { name in
                let file = DetectionFile.fileName(ofClass: name)
                return stem == file || stem.hasSuffix("_\(file)")
            }.max { $0.utf8.count < $1.utf8.count }
            if let owner { candidates[owner, default: []].append(name) } else { unused.append(name) }
        }
        guard !candidates.isEmpty else {
            let example = DetectionFile.name(set: set ?? "test", class: classes.first ?? "CLASS")
            throw InputError(
                path, "holds no detection file for any of the \(classes.count.counted("class"))",
                remedy: "files are named like \(example) or CLASS.txt")
        }
        var files: [String: String] = [:]
        for (owner, names) in candidates {
            let ofSet =
                set.map { set in names.filter { $0.hasSuffix("_\(set)_\(DetectionFile.fileName(ofClass: owner)).txt") }
                } ?? []
            let choice = names.count == 1 ? names : ofSet
            guard let name = choice.first, choice.count == 1 else {
                throw InputError(
                    path, "holds several detection files for \"\(owner)\": " + names.joined(separator: ", "),
                    remedy: "leave one, or name the image set")
            }
            files[owner] = "\(path)/\(name)"
        }
        self.path = path
        self.files = files
        unusedFiles = unused
    }
}

internal import Foundation
internal import Imaging
internal import Support
internal import Synchronization

extension SyntheticDevkit {
    /// Called after each written image, from any thread, with the number done and the number in all.
    public typealias Progress = @Sendable (_ done: Int, _ total: Int) -> Void

    /// Writes `folder/VOC2007` with `JPEGImages`, `Annotations` and `ImageSets/Main`.
    ///
    /// Bytes depend on the options alone, not on the number of threads; a run that was interrupted is repeated by
    /// calling again with the same options.
    /// - Throws: `InputError` when the folder already holds another data set, or a file cannot be written.
    public func write(to folder: String, threads: Int, progress: Progress? = nil) throws {
        let root = "\(folder)/VOC2007"
        try claim(root, label: options)
        for name in ["JPEGImages", "Annotations", "ImageSets/Main"] { try Files.makeFolder("\(root)/\(name)") }
        let done = Atomic<Int>(0)
        let presence = try parallelMap(images, threads: threads) { index in
            let drawing = self.image(index)
            let id = Self.identifier(index)
            let annotation = Annotation(
                filename: "\(id).jpg", size: drawing.image.size, objects: drawing.objects)
            try Files.writeAtomically(
                drawing.image.encodedJPEG(quality: drawing.jpegQuality), to: "\(root)/JPEGImages/\(id).jpg")
            try Files.writeAtomically(annotation.xml, to: "\(root)/Annotations/\(id).xml")
            progress?(done.add(1, ordering: .relaxed).newValue, images)
            return presenceOfClasses(in: drawing.objects)
        }
        try writeImageSets(to: "\(root)/ImageSets/Main", presence: presence)
    }

    /// `000001` for index 0.
    public static func identifier(_ index: Int) -> String {
        let digits = String(index + 1)
        return String(repeating: "0", count: max(0, 6 - digits.count)) + digits
    }

    /// Indices of the images of each image set, ascending. `trainval` is `train` and `val` together.
    public var imageSets: [(name: String, indices: [Int])] {
        var random = RandomStream(seed, Purpose.split)
        let order = random.permutation(images)
        let train = Int((Double(images) * trainFraction).rounded())
        let trainval = min(images, train + Int((Double(images) * validationFraction).rounded()))
        return [
            ("train", order[..<train].sorted()), ("val", order[train..<trainval].sorted()),
            ("trainval", order[..<trainval].sorted()), ("test", order[trainval...].sorted()),
        ]
    }

    /// Per class 1 when it is present, 0 when only difficult objects are, −1 when it is absent.
    private func presenceOfClasses(in objects: [AnnotatedObject]) -> [Int] {
        classes.map { name in
            let members = objects.filter { $0.name == name }
            return members.isEmpty ? -1 : members.allSatisfy(\.isDifficult) ? 0 : 1
        }
    }

    private func writeImageSets(to folder: String, presence: [[Int]]) throws {
        for (name, indices) in imageSets {
            let ids = indices.map { Self.identifier($0) }
            try Files.writeAtomically(ids.map { "\($0)\n" }.joined(), to: "\(folder)/\(name).txt")
            for (classIndex, className) in classes.enumerated() {
                let lines = zip(ids, indices).map { "\($0) \(String(presence[$1][classIndex]).aligned(2))\n" }
                try Files.writeAtomically(lines.joined(), to: "\(folder)/\(className)_\(name).txt")
            }
        }
    }

    /// Makes the folder, or accepts one that was begun with the same options; never mixes two data sets.
    func claim(_ folder: String, label: String) throws {
        let marker = "\(folder)/synthetic.txt"
        if Files.isFolder(folder), try !Files.list(folder).isEmpty {
            guard Files.exists(marker), try Files.readText(marker) == label else {
                throw InputError(
                    folder, "holds other files already", remedy: "choose another folder, or remove this one")
            }
            return
        }
        try Files.makeFolder(folder)
        try Files.writeAtomically(label, to: marker)
    }

    /// All options that decide the bytes, a line each.
    var options: String {
        """
        drawn images, not photographs
        images \(images)
        seed \(seed)
        size \(imageSize.width)x\(imageSize.height)
        train \(trainFraction) val \(validationFraction)
        objects \(objectLimit) of \(extents.lowerBound) to \(extents.upperBound)
        style \(style.rawValue)
        classes \(classes.joined(separator: " "))

        """
    }
}

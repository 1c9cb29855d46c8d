internal import Foundation
internal import Imaging
internal import Support
internal import Synchronization

extension SyntheticDevkit {
    /// Writes an image folder for classification: `folder/train/<class>/0001.jpg` and `folder/val/<class>/…`.
    ///
    /// Each image shows one object near its middle; `images` plays no part. Bytes depend on the options alone.
    /// - Parameters:
    ///   - imagesPerClass: images of each class in `train`
    ///   - validationPerClass: images of each class in `val`
    ///   - side: pixels of the square images
    /// - Throws: `InputError` for numbers out of range, a folder that already holds something else, or a file that
    ///   cannot be written.
    public func writeClassification(
        to folder: String, imagesPerClass: Int, validationPerClass: Int, side: Int = 80, threads: Int,
        progress: Progress? = nil
    ) throws {
        guard imagesPerClass >= 0, validationPerClass >= 0, imagesPerClass + validationPerClass > 0 else {
            throw InputError("images per class", "must not be negative, nor both zero")
        }
        guard (16...1024).contains(side) else { throw InputError("side", "\(side) is not between 16 and 1024") }
        let perClass = imagesPerClass + validationPerClass
        try claim(
            folder, label: options + "side \(side) train \(imagesPerClass) val \(validationPerClass) per class\n")
        for (split, count) in [("train", imagesPerClass), ("val", validationPerClass)] where count > 0 {
            for name in classes { try Files.makeFolder("\(folder)/\(split)/\(name)") }
        }
        let total = classes.count * perClass
        let done = Atomic<Int>(0)
        try parallelFor(total, threads: threads) { index in
            let (classIndex, number) = index.quotientAndRemainder(dividingBy: perClass)
            let isTraining = number < imagesPerClass
            let drawing = classificationImage(classIndex: classIndex, number: number, side: side)
            let digits = String((isTraining ? number : number - imagesPerClass) + 1)
            let name = String(repeating: "0", count: max(0, 4 - digits.count)) + digits
            try Files.writeAtomically(
                drawing.image.encodedJPEG(quality: drawing.jpegQuality),
                to: "\(folder)/\(isTraining ? "train" : "val")/\(classes[classIndex])/\(name).jpg")
            progress?(done.add(1, ordering: .relaxed).newValue, total)
        }
    }
}

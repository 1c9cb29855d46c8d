public import Foundation
public import Imaging
internal import Support

/// The official binary files of CIFAR-10 and CIFAR-100: records of one label byte (two in CIFAR-100: coarse, fine) and
/// 32×32 red, green and blue values. Source: Krizhevsky, "Learning multiple layers of features from tiny images", 2009.
public struct CIFARBinary: ImageCollection {
    public enum Split: String, CaseIterable, Sendable { case train, test }

    public let source: String
    public let classes: [String]
    public let notes: [String]
    private let files: [(name: String, bytes: Data)]
    private let starts: [Int]
    private let labelBytes: Int

    private static let side = 32
    private static let trainFiles = (1...5).map { "data_batch_\($0).bin" }

    /// Whether a folder holds such files.
    public static func isFound(in folder: String) -> Bool {
        ["data_batch_1.bin", "test_batch.bin", "train.bin"].contains { Files.exists("\(folder)/\($0)") }
    }

    /// Opens the files of a split; those of `data_batch_*.bin` that are there count.
    ///
    /// - Throws: `InputError` naming the file that is missing, of a wrong length, or has a label out of range.
    public init(folder: String, split: Split) throws {
        let isFine = !Files.exists("\(folder)/data_batch_1.bin") && Files.exists("\(folder)/train.bin")
        let wanted =
            switch split {
            case .train: isFine ? ["train.bin"] : Self.trainFiles.filter { Files.exists("\(folder)/\($0)") }
            case .test: [isFine ? "test.bin" : "test_batch.bin"]
            }
        guard !wanted.isEmpty else {
            throw InputError(folder, "has no data_batch_*.bin", remedy: "unpack the binary version of CIFAR there")
        }
        labelBytes = isFine ? 2 : 1
        let record = labelBytes + 3 * Self.side * Self.side
        let classCount = isFine ? 100 : 10
        var files: [(name: String, bytes: Data)] = []
        var starts = [0]
        for name in wanted {
            let path = "\(folder)/\(name)"
            let bytes = try Files.read(path)
            guard !bytes.isEmpty, bytes.count % record == 0 else {
                throw InputError(
                    path, "has \(bytes.count) bytes, no multiple of a record's \(record)",
                    remedy: "download it again")
            }
            let labels = stride(from: labelBytes - 1, to: bytes.count, by: record).map { bytes[$0] }
            if let bad = labels.firstIndex(where: { $0 >= classCount }) {
                throw InputError(path, "record \(bad) has the label \(labels[bad])", remedy: "download it again")
            }
            files.append((name, bytes))
            starts.append(starts[starts.count - 1] + bytes.count / record)
        }
        source = folder
        self.files = files
        self.starts = starts
        let list = "\(folder)/\(isFine ? "fine_label_names.txt" : "batches.meta.txt")"
        let names = Self.classNames(list, classCount)
        classes = names ?? (0..<classCount).map(String.init)
        let missing = split == .train && !isFine ? Self.trainFiles.filter { !wanted.contains($0) } : []
        notes =
            (missing.isEmpty ? [] : ["\(folder): has no \(missing.joined(separator: ", "))"])
            + (names == nil && Files.exists(list)
                ? ["\(list): does not name \(classCount) classes; they are numbered"] : [])
    }

    /// Those of the text file beside the data; nil where it does not name them all.
    private static func classNames(_ path: String, _ count: Int) -> [String]? {
        let lines = ((try? Files.readLines(path)) ?? []).map(\.text).filter { !$0.isEmpty }
        return lines.count == count ? lines : nil
    }

    public var count: Int { starts[starts.count - 1] }

    public func name(_ i: Int) -> String {
        let (file, record) = place(i)
        return "\(files[file].name)/\(record)"
    }

    public func label(_ i: Int) -> Int? {
        let (file, record) = place(i)
        return Int(files[file].bytes[record * (labelBytes + 3 * Self.side * Self.side) + labelBytes - 1])
    }

    /// The image of a record: its three planes become interleaved pixels.
    public func pixels(_ i: Int) -> Image? {
        let (file, record) = place(i)
        let plane = Self.side * Self.side
        let start = record * (labelBytes + 3 * plane) + labelBytes
        let pixels: [UInt8] = files[file].bytes.withUnsafeBytes { (bytes: UnsafeRawBufferPointer) in
            [UInt8](unsafeUninitializedCapacity: 3 * plane) { (out: inout UnsafeMutableBufferPointer<UInt8>, filled) in
                for position in 0..<plane {
                    for channel in 0..<3 { out[3 * position + channel] = bytes[start + channel * plane + position] }
                }
                filled = 3 * plane
            }
        }
        return Image(size: ImageSize(width: Self.side, height: Self.side), pixels: pixels)
    }

    /// The image as a PNG file.
    public func data(_ i: Int) throws -> Data { try pixels(i)!.encodedPNG() }

    private func place(_ i: Int) -> (file: Int, record: Int) {
        precondition(i >= 0 && i < count, "image \(i) of \(count)")
        let file = starts.lastIndex { $0 <= i }!
        return (file, i - starts[file])
    }
}

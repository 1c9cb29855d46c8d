internal import Backbone
internal import Boxes
internal import Datasets
internal import Foundation
internal import Imaging
internal import Proposals
internal import Support
internal import Torch
internal import VOCData

/// A parser of bytes from outside, with what must hold whatever the bytes are.
public enum FuzzTarget: String, CaseIterable, Sendable {
    /// VOC annotations.
    case annotation
    case imageSet = "image-set"
    /// Text files: what image sets, class lists and image lists have in common.
    case text
    /// Lists of images with labels.
    case imageList = "image-list"
    /// Archives of images.
    case tar
    /// comp4 detection files.
    case detections
    /// JPEG and PNG: headers with EXIF, and small images as a whole, damaged and turned ones included.
    case image
    case safetensors
    /// Our proposal files.
    case proposals
    /// MATLAB files of proposals.
    case matlab
    /// Proposals as lines of text.
    case boxText = "box-text"
    /// Files of `torch.save`.
    case torch
    /// What is in them.
    case pickle

    /// Parses the bytes.
    ///
    /// - Throws: `FuzzFailure` when what is parsed breaks a rule, or when anything but an `InputError` is thrown.
    public func run(_ bytes: [UInt8]) throws(FuzzFailure) {
        let data = Data(bytes)
        do {
            switch self {
            case .annotation: try annotation(data)
            case .imageSet: try imageSet(data)
            case .text: try text(data)
            case .imageList: try imageList(data)
            case .tar: try tar(data)
            case .detections: try detections(data)
            case .image: try image(data)
            case .safetensors: try safetensors(data)
            case .proposals: try proposals(data)
            case .matlab: try matlab(data)
            case .boxText: try boxText(data)
            case .torch: try torch(data)
            case .pickle: try pickle(bytes)
            }
        } catch let failure as FuzzFailure {
            throw failure
        } catch let error as InputError {
            if error.description.contains(where: \.isNewline) { throw FuzzFailure("an error of several lines") }
            if error.problem.isEmpty { throw FuzzFailure("an error that says nothing") }
        } catch {
            throw FuzzFailure("an error of another kind: \(error)")
        }
    }

    private func annotation(_ data: Data) throws {
        let annotation = try Annotation.parse(data, name: "input")
        for object in annotation.objects where !object.box.isFinite { throw FuzzFailure("a box that is not finite") }
        for policy in BadAnnotationPolicy.allCases where policy != .stop {
            let checked = try annotation.checked(policy, file: "input").annotation
            if policy == .keep { continue }
            for object in checked.objects where BoxIssue.find(in: object.box, size: annotation.size) != nil {
                // Clipping at the frame leaves boxes that are sound, down to slivers of less than a pixel.
                if policy == .skip || object.box.area <= 0 || object.box.minX < 0 || object.box.minY < 0 {
                    throw FuzzFailure("a bad box under \(policy.rawValue)")
                }
            }
        }
        let again = try Annotation.parse(Data(annotation.xml.utf8), name: "what was written")
        guard again.objects.map(\.name) == annotation.objects.map(\.name), again.filename == annotation.filename,
            again.size == annotation.size
        else { throw FuzzFailure("an annotation that does not read back") }
    }

    private func imageSet(_ data: Data) throws {
        for hasLabels in [false, true] {
            // Some ids are known, so that lines are taken apart.
            for line in try ImageSetLine.parse(
                data, name: "input", hasLabels: hasLabels, isImage: { $0.utf8.count % 3 == 1 })
            {
                let parts = line.id.split(separator: "/", omittingEmptySubsequences: false)
                if parts.contains(where: { $0.isEmpty || $0 == "." || $0 == ".." }) {
                    throw FuzzFailure("an id that leads out of its folder")
                }
            }
        }
    }

    private func text(_ data: Data) throws {
        let lines = try TextFile.lines(data, name: "input", escapes: true)
        for (index, line) in lines.enumerated() {
            guard line.number == index + 1, line.text == TextFile.trimmed(line.text),
                !line.text.utf8.contains(where: { $0 == 0x0A || $0 == 0x0D })
            else { throw FuzzFailure("a line with its end") }
        }
        let escaped = String(escaping: data)
        if String(validating: data, as: UTF8.self) == nil, !data.contains(UInt8(ascii: "\\")),
            escaped.unescapedBytes != [UInt8](data)
        {
            throw FuzzFailure("bytes that do not come back")
        }
        _ = try TextFile.text(data, name: "input")
    }

    private func imageList(_ data: Data) throws {
        let list = try ImageList(data, path: "folder/list.txt")
        for i in 0..<list.count {
            guard !list.name(i).isEmpty, list.label(i).map({ list.classes.indices.contains($0) }) ?? true
            else {
                throw FuzzFailure("an image that is none")
            }
        }
    }

    private func tar(_ data: Data) throws {
        let images = try TarImages(data, path: "input.tar")
        var names: Set<String> = []
        for i in 0..<images.count {
            let parts = images.name(i).split(separator: "/", omittingEmptySubsequences: false)
            guard !parts.contains(where: { $0.isEmpty || $0 == "." || $0 == ".." }) else {
                throw FuzzFailure("an image that lies outside the archive")
            }
            guard images.label(i).map({ images.classes.indices.contains($0) }) ?? images.classes.isEmpty else {
                throw FuzzFailure("an image of no class")
            }
            guard names.insert("\(images.label(i) ?? -1)/\(images.name(i))").inserted else {
                throw FuzzFailure("one name for two images")
            }
            guard try images.data(i).count <= data.count else { throw FuzzFailure("an image larger than the archive") }
        }
        if images.notes.contains(where: { $0.contains(where: \.isNewline) }) {
            throw FuzzFailure("a note of several lines")
        }
    }

    private func detections(_ data: Data) throws {
        let ids = ["000001", "000002", "a b"]
        let index = Dictionary(uniqueKeysWithValues: zip(ids, ids.indices))
        let found = try DetectionFile.parse(data, name: "input", imageIndex: index, unknownImages: .ignore)
        guard found.scores.allSatisfy(\.isFinite), found.boxes.allSatisfy(\.isFinite) else {
            throw FuzzFailure("a number that is not finite")
        }
        let text = DetectionFile.text(found, ids: ids, fullPrecision: true)
        let again = try DetectionFile.parse(Data(text.utf8), name: "what was written", imageIndex: index)
        guard again.scores == found.scores, again.imageIndices == found.imageIndices else {
            throw FuzzFailure("detections that do not read back")
        }
        let truth = found.boxes.prefix(3).map { LabeledBox(box: $0, classIndex: 0) }
        if truth.isEmpty { return }
        let ap = try VOCEvaluator(ids: ids, objects: [Array(truth), [], []], classes: ["c"]).evaluate(byClass: [found])
        guard let value = ap.meanAveragePrecision, (0...1).contains(value) else {
            throw FuzzFailure("an average precision of \(ap)")
        }
    }

    private func image(_ data: Data) throws {
        let header = try ImageHeader.read(data, name: "input")
        guard header.size.width > 0, header.size.height > 0 else { throw FuzzFailure("an image without pixels") }
        let decoding = ImageDecoding(turnsByEXIF: true) { _ in }
        let upright = try Image.decode(data, name: "input", pixelLimit: 1 << 14, decoding: decoding)
        guard upright.size == header.uprightSize else {
            throw FuzzFailure("an image of another size when it is turned")
        }
        // Memory that is taken again holds what was there before: pixels that nobody wrote would show it.
        for size in [1, 2, 3, 4] { _ = Self.noise(size * upright.pixels.count / 3) }
        let again = try Image.decode(data, name: "input", pixelLimit: 1 << 14, decoding: decoding)
        guard again.pixels == upright.pixels else { throw FuzzFailure("other pixels the second time") }
        let image = try Image.decode(data, name: "input", pixelLimit: 1 << 14)
        guard image.size == header.size else { throw FuzzFailure("an image of another size than its header says") }
    }

    /// Bytes that are written and freed by whoever drops them.
    @inline(never) private static func noise(_ count: Int) -> [UInt8] { [UInt8](repeating: 0xA5, count: count) }

    private func safetensors(_ data: Data) throws {
        let file = try SafetensorsFile(data, path: "input")
        for entry in file.entries {
            guard let tensor = file.tensor(entry.name), tensor.shape == entry.shape else {
                throw FuzzFailure("a tensor that cannot be read")
            }
        }
    }

    private func proposals(_ data: Data) throws {
        let file = try ProposalFile(data, path: "input")
        var count = 0
        for index in file.ids.indices {
            for box in file.boxes(at: index) {
                guard box.isFinite, box.area > 0 else { throw FuzzFailure("a box that is no proposal") }
                count += 1
            }
        }
        guard count == file.boxCount else { throw FuzzFailure("\(count) boxes of \(file.boxCount)") }
    }

    private func matlab(_ data: Data) throws {
        func visit(_ value: MATFile.Value) {
            switch value {
            case .matrix(let matrix):
                for row in 0..<min(matrix.rows, 8) where matrix.columns > 0 {
                    _ = matrix[row, 0]
                    _ = matrix[row, matrix.columns - 1]
                }
                if matrix.rows > 0, matrix.columns > 0 { _ = matrix[matrix.rows - 1, matrix.columns - 1] }
            case .cells(let cells): cells.forEach(visit)
            case .text, .other: break
            }
        }
        for variable in try MATFile(data, name: "input", maximumLength: 1 << 22).variables { visit(variable.value) }
    }

    private func boxText(_ data: Data) throws {
        for order in BoxNotation.Order.allCases {
            let boxes = try BoxText.read(data, name: "input", notation: BoxNotation(order: order, base: 1))
            var report = ProposalImport()
            for box in boxes.values.flatMap({ report.add($0, width: 500, height: 375) }) {
                guard box.area > 0, box.minX >= 0, box.maxX <= 500, box.minY >= 0, box.maxY <= 375 else {
                    throw FuzzFailure("a box outside the frame")
                }
            }
        }
    }

    private func torch(_ data: Data) throws {
        let weights = try ForeignWeights(data, path: "input")
        for item in weights.items.prefix(64) where item.dtype != nil && item.shape.reduce(1, *) <= 1 << 16 {
            let tensor: Tensor
            do { tensor = try weights.tensor(item.name) } catch is InputError { continue }
            guard tensor.shape == item.shape, tensor.dtype == item.dtype else {
                throw FuzzFailure("a tensor of another shape than it is said to have")
            }
        }
        if weights.others.contains(where: { $0.description.isEmpty && !$0.name.isEmpty }) {
            throw FuzzFailure("something left out that has no name")
        }
        let plan = try WeightImport(weights)
        guard plan.loaded.allSatisfy({ weights[$0.source] != nil }) else { throw FuzzFailure("a tensor of no file") }
    }

    private func pickle(_ bytes: [UInt8]) throws {
        let heap = try Unpickler.read(bytes, path: "input") { $0.utf8.count <= 2 ? 1 << 10 : nil }
        for tensor in heap.tensors {
            let last = zip(tensor.shape, tensor.strides).reduce(tensor.offset) { $0 + max(0, $1.0 - 1) * $1.1 }
            guard tensor.count == 0 || (0..<1 << 10).contains(last) else {
                throw FuzzFailure("a tensor outside its storage")
            }
        }
        // Each byte that is no UTF-8 reads as one character of three bytes.
        if heap.foreignNames(in: heap.root).contains(where: { $0.unicodeScalars.count > bytes.count }) {
            throw FuzzFailure("a name longer than the pickle")
        }
        for member in heap.members(heap.root) ?? [] where member.key.unicodeScalars.count > bytes.count {
            throw FuzzFailure("a text longer than the pickle")
        }
    }
}

/// What must never happen has happened.
public struct FuzzFailure: Error, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }
}

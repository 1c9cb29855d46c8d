public import Boxes
internal import Foundation
public import Reporting
internal import Support

/// Proposals in files that other programs made.
public struct ForeignProposals: Sendable {
    public enum Format: String, Hashable, Sendable, CaseIterable {
        /// MATLAB 5: `boxes`, a cell array with a matrix of four columns for each image, or such a matrix.
        case mat
        /// Four numbers a line; in a file for a whole set, behind the image's id.
        case text
    }

    private enum Source: Sendable {
        case matrices([String: MATMatrix])
        case boxes([String: [Box]])
        /// A file for each image.
        case files([String: String])
    }

    private let source: Source
    private let notation: BoxNotation
    private let format: Format
    private let path: String

    /// Opens a file with the proposals of a whole set, or a folder with a file for each image.
    ///
    /// The cells of a MATLAB file belong to the images in the order of the set, unless the file names them in a cell
    /// array `images`. A folder holds ID.mat, ID_boxes.mat or ID.txt.
    /// - Parameter ids: the images of the set, in its order.
    /// - Throws: `InputError` naming the file and what is wrong in it.
    public init(_ path: String, format: Format, notation: BoxNotation, ids: [String]) throws {
        self.path = path
        self.notation = notation
        self.format = format
        if Files.isFolder(path) {
            let names = Set(try Files.list(path))
            let endings = format == .mat ? [".mat", "_boxes.mat"] : [".txt"]
            source = .files(
                Dictionary(
                    uniqueKeysWithValues: ids.compactMap { id in
                        endings.lazy.map { id + $0 }.first(where: names.contains).map { (id, "\(path)/\($0)") }
                    }))
        } else {
            switch format {
            case .mat: source = .matrices(try Self.matrices(MATFile(contentsOf: path), path: path, ids: ids))
            case .text: source = .boxes(try BoxText.read(Files.read(path), name: path, notation: notation))
            }
        }
    }

    /// The boxes of an image as they stand in the file; nil when there are none for it.
    public func boxes(for id: String) throws -> [Box]? {
        switch source {
        case .matrices(let matrices): return try matrices[id].map { try boxes($0, name: "\(path), image \(id)") }
        case .boxes(let boxes): return boxes[id]
        case .files(let files):
            guard let file = files[id] else { return nil }
            if format == .text { return try BoxText.readOne(Files.read(file), name: file, notation: notation) }
            guard case .matrix(let matrix)? = try MATFile(contentsOf: file)["boxes"] else {
                throw InputError(file, "has no matrix \"boxes\"")
            }
            return try boxes(matrix, name: file)
        }
    }

    private static func matrices(_ file: MATFile, path: String, ids: [String]) throws -> [String: MATMatrix] {
        guard case .cells(let cells)? = file["boxes"] else {
            throw InputError(
                path, "has no cell array \"boxes\"", remedy: "give a folder when there is a file for each image")
        }
        var names = ids
        if case .cells(let images)? = file["images"] {
            names = try images.map {
                guard case .text(let name) = $0 else { throw InputError(path, "\"images\" has a cell that is no text") }
                return name
            }
            guard Set(names).count == names.count else { throw InputError(path, "\"images\" names an image twice") }
        }
        guard names.count == cells.count else {
            throw InputError(
                path, "has boxes for \(cells.count.counted("image")), but \(names.count) are named",
                remedy: "give the image set the file was made for")
        }
        return try Dictionary(
            uniqueKeysWithValues: zip(names, cells).map { name, cell in
                switch cell {
                case .matrix(let matrix): return (name, matrix)
                default: throw InputError(path, "the cell of image \(name) is no matrix of numbers")
                }
            })
    }

    private func boxes(_ matrix: MATMatrix, name: String) throws -> [Box] {
        if matrix.rows == 0 { return [] }
        guard matrix.columns == 4 else {
            throw InputError(name, "\"boxes\" is \(matrix.rows)x\(matrix.columns), not of four columns")
        }
        return (0..<matrix.rows).map { notation.box(matrix[$0, 0], matrix[$0, 1], matrix[$0, 2], matrix[$0, 3]) }
    }
}

/// What importing did to the boxes of some images.
public struct ProposalImport: Hashable, Sendable {
    public private(set) var images = 0
    public private(set) var boxes = 0
    /// Reached outside the image.
    public private(set) var clipped = 0
    /// Not finite, inverted, or wholly outside.
    public private(set) var dropped = 0

    public init() {}

    /// The boxes of an image, cut at its frame and without those of which nothing is left.
    public mutating func add(_ boxes: [Box], width: Double, height: Double) -> [Box] {
        images += 1
        let kept = boxes.compactMap { box -> Box? in
            guard box.isFinite, box.minX < box.maxX, box.minY < box.maxY else {
                dropped += 1
                return nil
            }
            let inside = box.clipped(width: width, height: height)
            if inside.area <= 0 {
                dropped += 1
                return nil
            }
            if inside != box { clipped += 1 }
            return inside
        }
        self.boxes += kept.count
        return kept
    }

    /// What became of the boxes, and how well they cover the objects.
    public func report(_ quality: ProposalQuality) -> Report {
        let share = Double(clipped + dropped) / Double(max(1, boxes + dropped))
        let isDoubtful = share > 0.01 || quality.recall50 ?? 1 < 0.5
        let note = "note: many boxes outside the image, or a low recall, usually mean another order or base"
        let table = quality.table(
            [
                ("images", .integer(images)), ("boxes", .integer(boxes)),
                ("boxes per image", .number(quality.boxesPerImage, as: .number(decimals: 1))),
                ("cut at the frame", .integer(clipped)), ("left out, nothing inside", .integer(dropped)),
            ], notes: isDoubtful ? [note] : [])
        return Report("Imported proposals", [.table(table)])
    }
}

internal import Foundation
internal import Support

/// Writes a safetensors file whose first tensor comes row by row, so that memory never holds all of it.
///
/// Room for the header is kept at the front and filled in at the end, when the number of rows is known.
public final class SafetensorsRowWriter {
    private let file: AtomicFile
    private let name: String
    private let width: Int
    private let dtype: DType
    private let metadata: [String: String]
    /// Bytes kept for length and header.
    private let headerSize: Int
    public private(set) var rows = 0

    /// - Parameters:
    ///   - name: of the tensor [rows, width] that `append` fills.
    ///   - others: names of the tensors that `finish` will add behind it.
    /// - Throws: `InputError` naming the file.
    public init(
        _ path: String, name: String, width: Int, dtype: DType, others: [String], metadata: [String: String]
    ) throws {
        file = try AtomicFile(path)
        self.name = name
        self.width = width
        self.dtype = dtype
        self.metadata = metadata
        // Names may need escapes; type, two sizes and two offsets of 19 digits with their keys stay under 160 bytes.
        let entries = ([name] + others).reduce(0) { $0 + 6 * $1.utf8.count + 160 }
        headerSize = (SafetensorsFile.header([], metadata).count + entries) / 8 * 8
        try [UInt8](repeating: 0x20, count: headerSize).withUnsafeBytes(file.append)
    }

    /// Adds rows [n, width]; they are converted to the file's type.
    public func append(_ values: Tensor) throws {
        precondition(values.rank == 2 && values.size(1) == width, "rows of \(width) values, not \(values)")
        try values.detach().to(dtype: dtype).withBytes(file.append)
        rows += values.size(0)
    }

    /// Adds the other tensors, in the order of the names given before, and puts the file in place.
    public func finish(_ others: [(name: String, tensor: Tensor)]) throws {
        for (_, tensor) in others { try tensor.detach().withBytes(file.append) }
        let header = SafetensorsFile.header(
            [(name, dtype, [rows, width])] + others.map { ($0.name, $0.tensor.dtype, $0.tensor.shape) }, metadata,
            minimum: headerSize)
        precondition(header.count == headerSize, "\(headerSize) bytes were kept for a header of \(header.count)")
        try header.withUnsafeBytes { try file.overwrite(at: 0, $0) }
        try file.commit()
    }
}

internal import CZlib
internal import Foundation
internal import Support

/// Decompression of zlib streams of unknown length.
enum Inflation {
    /// The decompressed bytes.
    ///
    /// - Parameter limit: more bytes than this are refused before they are kept.
    /// - Throws: `InputError` naming the file when the stream is damaged, cut short or too long.
    static func inflate(_ data: Data, limit: Int, name: String) throws -> Data {
        // zlib keeps the address of its stream and refuses another.
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        stream.initialize(to: z_stream())
        defer { stream.deallocate() }
        guard inflateInit_(stream, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw InputError(name, "cannot be decompressed: zlib has no memory")
        }
        defer { inflateEnd(stream) }
        var result = Data()
        var chunk = [UInt8](repeating: 0, count: 1 << 18)
        var input = [UInt8](data)
        let inputCount = input.count
        guard inputCount <= Int(UInt32.max) else { throw InputError(name, "has a compressed part that is too long") }
        try input.withUnsafeMutableBufferPointer { source in
            stream.pointee.next_in = source.baseAddress
            stream.pointee.avail_in = uInt(inputCount)
            while true {
                let chunkCount = chunk.count
                let code = chunk.withUnsafeMutableBufferPointer { target -> Int32 in
                    stream.pointee.next_out = target.baseAddress
                    stream.pointee.avail_out = uInt(chunkCount)
                    return CZlib.inflate(stream, Z_NO_FLUSH)
                }
                let produced = chunkCount - Int(stream.pointee.avail_out)
                guard result.count + produced <= limit else {
                    throw InputError(name, "inflates to more than \(limit) bytes")
                }
                result.append(contentsOf: chunk[..<produced])
                if code == Z_STREAM_END { return }
                guard code == Z_OK, produced > 0 || stream.pointee.avail_in > 0 else {
                    throw InputError(name, "has a damaged compressed part", remedy: "fetch the file again")
                }
            }
        }
        return result
    }
}

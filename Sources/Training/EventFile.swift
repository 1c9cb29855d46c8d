internal import Foundation
internal import Glibc
internal import Support

/// A TensorBoard event file: scalars over steps, appended and handed to the system one by one.
///
/// Each record is a length (u64), the masked CRC-32C of those eight bytes, an `Event` message of Protocol Buffers, and
/// the masked CRC-32C of the message. Source: the record format and `event.proto` of TensorFlow.
public final class EventFile {
    public let path: String
    private let descriptor: Int32
    private let clock: () -> Double

    /// Opens the file, or begins it; cut before the first record that is damaged or of a later step.
    ///
    /// - Parameter clock: Seconds since 1970; the system's if nil.
    /// - Throws: `InputError` naming the file.
    public init(
        _ path: String, keepingStepsThrough lastStep: Int = .max,
        clock: (() -> Double)? = nil
    ) throws {
        self.path = path
        self.clock = clock ?? { Date().timeIntervalSince1970 }
        let records = Files.exists(path) ? Self.records(try Files.read(path)) : []
        let kept = records.prefix { ($0.step ?? 0) <= lastStep }.last?.end ?? 0
        descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Files.systemError(path, "cannot be written") }
        if ftruncate(descriptor, off_t(kept)) != 0 {
            let failure = Files.systemError(path, "cannot be cut back")
            close(descriptor)
            throw failure
        }
        if kept == 0 {
            var message = Message()
            message.double(1, self.clock())  // wall_time
            message.bytes(3, Array("brain.Event:2".utf8))  // file_version
            try write(message)
        }
    }

    deinit { close(descriptor) }

    /// Appends one scalar for each value; values that are not finite are left to TensorBoard to mark.
    public func append(step: Int, _ values: [(name: String, value: Double)]) throws {
        var summary = Message()
        for (name, value) in values {
            var item = Message()
            item.bytes(1, Array(name.utf8))  // tag
            item.float(2, Float(value))  // simple_value
            summary.bytes(1, item.content)  // value
        }
        var event = Message()
        event.double(1, clock())
        event.integer(2, step)
        event.bytes(5, summary.content)
        try write(event)
    }

    private func write(_ message: Message) throws {
        try Self.record(message.content).withUnsafeBytes {
            try Files.writeAll($0, to: descriptor, path: path)
        }
    }

    // MARK: Records

    private static func record(_ message: [UInt8]) -> [UInt8] {
        let length = littleEndian(UInt64(message.count))
        return length + littleEndian(maskedChecksum(length[...])) + message + littleEndian(maskedChecksum(message[...]))
    }

    /// The undamaged records from the front: where each ends, and its step if it has one.
    private static func records(_ file: Data) -> [(end: Int, step: Int?)] {
        let bytes = [UInt8](file)
        var found: [(end: Int, step: Int?)] = []
        var start = 0
        while bytes.count - start >= 16 {
            let length = number(UInt64.self, bytes[start..<start + 8])
            guard length <= UInt64(bytes.count - start - 16),
                number(UInt32.self, bytes[start + 8..<start + 12]) == maskedChecksum(bytes[start..<start + 8])
            else { break }
            let end = start + 12 + Int(length)
            let message = bytes[start + 12..<end]
            guard number(UInt32.self, bytes[end..<end + 4]) == maskedChecksum(message) else { break }
            start = end + 4
            found.append((start, step(of: message)))
        }
        return found
    }

    /// Field 2 of our own events: it follows the nine bytes of the wall time.
    private static func step(of message: ArraySlice<UInt8>) -> Int? {
        var rest = message.dropFirst(9)
        guard rest.popFirst() == 2 << 3 else { return nil }
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            guard let byte = rest.popFirst() else { return nil }
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return Int(truncatingIfNeeded: value) }
        }
        return nil
    }

    private static func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }

    private static func number<Value: FixedWidthInteger>(_ type: Value.Type, _ bytes: ArraySlice<UInt8>) -> Value {
        bytes.reversed().reduce(0) { $0 << 8 | Value($1) }
    }

    /// CRC-32C (Castagnoli), rotated and shifted as the format asks, so that a checksum of checksums stays one.
    private static func maskedChecksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        let crc = ~bytes.reduce(~UInt32(0)) { crc, byte in
            table[Int((crc ^ UInt32(byte)) & 0xff)] ^ crc >> 8
        }
        return (crc >> 15 | crc << 17) &+ 0xa282_ead8
    }

    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { crc, _ in crc & 1 == 1 ? crc >> 1 ^ 0x82f6_3b78 : crc >> 1 }
    }
}

/// A message of Protocol Buffers under construction: the four kinds of field that events need.
private struct Message {
    var content: [UInt8] = []

    mutating func integer(_ field: UInt64, _ value: Int) {
        varint(field << 3)
        varint(UInt64(bitPattern: Int64(value)))
    }

    mutating func double(_ field: UInt64, _ value: Double) {
        varint(field << 3 | 1)
        withUnsafeBytes(of: value.bitPattern.littleEndian) { content += $0 }
    }

    mutating func bytes(_ field: UInt64, _ value: [UInt8]) {
        varint(field << 3 | 2)
        varint(UInt64(value.count))
        content += value
    }

    mutating func float(_ field: UInt64, _ value: Float) {
        varint(field << 3 | 5)
        withUnsafeBytes(of: value.bitPattern.littleEndian) { content += $0 }
    }

    private mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            content.append(UInt8(rest & 0x7f | 0x80))
            rest >>= 7
        }
        content.append(UInt8(rest))
    }
}

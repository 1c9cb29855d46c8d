internal import Foundation
internal import Torch

/// What the processor of this machine can do, as Linux tells it.
enum Processor {
    private static let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""

    static let model = String(field("model name"))
    static let flags = Set(field("flags").split(separator: " ").map(String.init))

    /// The precision that is fast here: bf16 where the processor multiplies it itself, else fp32.
    static var fastPrecision: Precision { flags.contains("avx512_bf16") || flags.contains("amx_bf16") ? .bf16 : .fp32 }

    private static func field(_ name: String) -> Substring {
        let line = text.split(separator: "\n").first { $0.hasPrefix(name) } ?? ""
        return line.drop { $0 != ":" }.dropFirst(2)
    }
}

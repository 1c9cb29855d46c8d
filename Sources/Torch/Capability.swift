internal import Foundation
internal import Support

/// What libtorch computes with on a processor, under the environment variables that it and oneDNN obey.
public struct Capability: Sendable {
    /// The kernels that libtorch has of its own operators, and this project of its three.
    public enum Kernels: String, Sendable, Comparable {
        /// For any processor; there are no operators of our own.
        case plain = "default"
        case avx2
        case avx512

        /// What a processor must have for them, beside those before.
        fileprivate var needs: [String] {
            switch self {
            case .plain: []
            case .avx2: ["avx2", "fma", "f16c"]
            case .avx512: ["avx512f", "avx512bw", "avx512dq", "avx512vl", "fma"]
            }
        }

        public static func < (a: Kernels, b: Kernels) -> Bool { a.needs.count < b.needs.count }
    }

    private let sets: Set<String>
    private let environment: [String: String]

    /// Of this process.
    public static let here = Capability(
        of: Processor.instructionSets, environment: ProcessInfo.processInfo.environment)

    /// - Parameter sets: What the processor has, by Linux's names.
    public init(of sets: Set<String>, environment: [String: String]) {
        self.sets = sets
        self.environment = environment
    }

    private func lacks(_ needs: [String]) -> [String] { needs.filter { !sets.contains($0) } }

    private var requested: Kernels? { environment["ATEN_CPU_CAPABILITY"].flatMap(Kernels.init) }

    private var widest: Kernels { [.avx512, .avx2].first { lacks($0.needs).isEmpty } ?? .plain }

    public var kernels: Kernels { requested ?? widest }

    /// Why libtorch cannot run: it would die at the first instruction that the processor lacks. Nil when it can.
    public var refusal: (problem: String, remedy: String)? {
        guard let requested, requested > widest else { return nil }
        let missing = lacks(requested.needs).joined(separator: ", ")
        return (
            "ATEN_CPU_CAPABILITY asks for \(requested.rawValue), and this processor lacks \(missing)",
            "unset it, or set it to \(widest.rawValue)"
        )
    }

    /// Whether oneDNN multiplies bfloat16 in the processor's instructions for it. Elsewhere it, or libtorch in its stead,
    /// converts to float32 and back, and float32 itself is faster.
    public var multipliesBFloat16: Bool {
        sets.contains("avx512_bf16") && !Self.setsWithoutBFloat16.contains(oneDNNLimit)
    }

    /// Whether oneDNN multiplies whole tiles of bfloat16 (AMX), many times as fast as vectors.
    public var multipliesTiles: Bool {
        sets.contains("amx_bf16")
            && (oneDNNLimit.isEmpty || ["default", "all"].contains(oneDNNLimit) || oneDNNLimit.contains("amx"))
    }

    /// The precision that is fast here: bf16 where the processor multiplies it itself, else fp32.
    public var fastPrecision: Precision { multipliesBFloat16 ? .bf16 : .fp32 }

    /// The widest instruction set that oneDNN is told to use, in lower case; empty when all.
    private var oneDNNLimit: String {
        (environment["ONEDNN_MAX_CPU_ISA"] ?? environment["DNNL_MAX_CPU_ISA"] ?? "").lowercased()
    }

    /// Of the names that oneDNN knows; it ignores others.
    private static let setsWithoutBFloat16: Set = [
        "sse41", "avx", "avx2", "avx2_vnni", "avx2_vnni_2", "avx512_core", "avx512_core_vnni",
    ]
}

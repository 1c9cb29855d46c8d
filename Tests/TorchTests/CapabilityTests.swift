import Support
import TestSupport
import Testing
import Torch

/// What is said of processors that this machine need not have.
@Suite(.tags(.unit), .tiered) struct CapabilityTests {
    static let nehalem: Set = ["pni", "ssse3", "sse4_1", "sse4_2", "popcnt"]
    static let haswell = nehalem.union(["avx", "avx2", "fma", "f16c", "bmi1", "bmi2", "abm", "movbe"])
    static let skylake = haswell.union(["avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl"])
    static let zen4 = skylake.union(["avx512_vnni", "avx512_bf16"])

    @Test func withoutWishesTheWidestIsTaken() {
        let kernels = [Self.nehalem, Self.haswell, Self.skylake, Self.zen4].map {
            Capability(of: $0, environment: [:]).kernels
        }
        #expect(kernels == [.plain, .avx2, .avx512, .avx512])
        // libtorch's kernels for AVX2 use fused products, too; a virtual machine may hide them.
        #expect(Capability(of: Self.haswell.subtracting(["fma"]), environment: [:]).kernels == .plain)
    }

    @Test(arguments: [
        (nehalem, "avx2", "avx2, fma, f16c", "default"), (nehalem, "avx512", "avx512f", "default"),
        (haswell, "avx512", "avx512f, avx512bw, avx512dq, avx512vl", "avx2"),
        (skylake.subtracting(["avx512vl"]), "avx512", "avx512vl", "avx2"),
    ])
    func whatTheProcessorLacksIsRefused(_ sets: Set<String>, _ wish: String, _ missing: String, _ remedy: String) {
        let refusal = Capability(of: sets, environment: ["ATEN_CPU_CAPABILITY": wish]).refusal
        #expect(refusal?.problem.contains("asks for \(wish), and this processor lacks \(missing)") == true)
        #expect(refusal?.remedy == "unset it, or set it to \(remedy)")
    }

    /// libtorch ignores what it does not know, and says so.
    @Test(arguments: [
        (nehalem, "default"), (haswell, "avx2"), (haswell, "default"), (zen4, "avx512"), (haswell, "AVX512"),
    ])
    func whatItHasIsNot(_ sets: Set<String>, _ wish: String) {
        #expect(Capability(of: sets, environment: ["ATEN_CPU_CAPABILITY": wish]).refusal == nil)
    }

    @Test func bfloat16NeedsInstructionsThatOneDNNMayUse() {
        for sets in [Self.nehalem, Self.haswell, Self.skylake] {
            #expect(!Capability(of: sets, environment: [:]).multipliesBFloat16)
        }
        for variable in ["ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"] {
            for (limit, isFast) in [
                ("SSE41", false), ("avx2", false), ("AVX512_CORE_VNNI", false), ("AVX512_CORE_BF16", true),
                ("DEFAULT", true), ("nonsense", true),
            ] {
                #expect(Capability(of: Self.zen4, environment: [variable: limit]).multipliesBFloat16 == isFast)
            }
        }
    }

    /// The program runs, so it has what it was built for; and what cpuid says is what Linux says of this machine.
    @Test func thisProcessor() {
        #expect(Processor.setsBuiltFor.isSubset(of: Processor.instructionSets))
        #expect(Capability.here.refusal == nil)
    }
}

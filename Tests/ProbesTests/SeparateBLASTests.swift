import Glibc
import Probes
import TestSupport
import Testing
import Torch

/// libtorch and OpenBLAS define the same functions; neither may answer for the other.
@Suite(.tags(.unit), .tiered) struct SeparateBLASTests {
    @Test func bothKeepTheirOwn() throws {
        // A matrix product in each, so that both are loaded.
        let ones = [Float](repeating: 1, count: 600 * 8)
        #expect(Tensor(ones, shape: [600, 8]).matmul(Tensor(ones, shape: [8, 600])).floats.allSatisfy { $0 == 8 })
        _ = try NearestNeighbors.search(queries: ones, bank: ones, dimension: 8, k: 1)
        // What a library calls is looked up among the program's global symbols first.
        for name in ["sgemm_", "cblas_sgemm", "dgemm_"] { #expect(dlsym(nil, name) == nil, "\(name)") }
    }
}

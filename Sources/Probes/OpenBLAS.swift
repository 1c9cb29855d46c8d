internal import COpenBLAS
internal import Glibc
internal import Support

/// OpenBLAS's functions. The first use loads it; traps when that fails outside of `SingleThreadedBLAS.scope`.
let openBLAS: OpenBLASFunctions = {
    do {
        return try loaded.get()
    } catch {
        fatalError("\(error)")
    }
}()

/// Throws `InputError` where OpenBLAS cannot be used.
func requireOpenBLAS() throws(InputError) { _ = try loaded.get() }

/// Opened, not linked: it starts its threads when it is loaded, and among the program's own libraries its BLAS would
/// replace libtorch's.
private let loaded: Result<OpenBLASFunctions, InputError> = {
    let file = "libopenblas.so.0"
    func failure(_ problem: String) -> Result<OpenBLASFunctions, InputError> {
        .failure(InputError(file, problem, remedy: "run `make setup`, or `apt-get install libopenblas-dev`"))
    }
    guard let library = dlopen(file, RTLD_LAZY | RTLD_LOCAL) else {
        return failure(dlerror().map { String(cString: $0) } ?? "cannot be opened")
    }
    guard let sgemm = dlsym(library, "cblas_sgemm"), let sdot = dlsym(library, "cblas_sdot"),
        let saxpy = dlsym(library, "cblas_saxpy"), let getThreads = dlsym(library, "openblas_get_num_threads"),
        let setThreads = dlsym(library, "openblas_set_num_threads")
    else { return failure(dlerror().map { String(cString: $0) } ?? "lacks a function") }
    func cast<Function>(_ symbol: UnsafeMutableRawPointer) -> Function { unsafeBitCast(symbol, to: Function.self) }
    return .success(
        OpenBLASFunctions(
            sgemm: cast(sgemm), sdot: cast(sdot), saxpy: cast(saxpy), get_num_threads: cast(getThreads),
            set_num_threads: cast(setThreads)))
}()

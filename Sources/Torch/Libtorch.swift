internal import CTorch
internal import Glibc

/// libtorch's functions. The first use loads it; traps when it cannot be loaded and nobody asked `Runtime.load` before.
let libtorch: CTFunctions = {
    do {
        return try loaded.get()
    } catch {
        fatalError("\(error)")
    }
}()

/// Opened, not linked: loading libtorch takes a third of a second, and much of what the program does needs no tensor.
/// Its symbols stay its own, so that its BLAS and another library's do not replace each other.
private let loaded: Result<CTFunctions, TorchError> = {
    if let refusal = Capability.here.refusal { return .failure(TorchError("\(refusal.problem); \(refusal.remedy)")) }
    let file = "libCTorch.so"
    let remedy = "it belongs beside the program, and libtorch where it lay when both were built: run `make build`"
    guard let library = dlopen(file, RTLD_LAZY | RTLD_LOCAL) else {
        let reason = dlerror().map { String(cString: $0) } ?? "\(file) cannot be opened"
        return .failure(TorchError("\(reason); \(remedy)"))
    }
    guard let symbol = dlsym(library, "ct_functions") else {
        return .failure(TorchError("\(file) has no ct_functions; \(remedy)"))
    }
    typealias Functions = @convention(c) () -> UnsafePointer<CTFunctions>
    let functions = unsafeBitCast(symbol, to: Functions.self)().pointee
    guard functions.byte_count == MemoryLayout<CTFunctions>.size else {
        return .failure(TorchError("\(file) is of another build; \(remedy)"))
    }
    return .success(functions)
}()

extension Runtime {
    /// Loads libtorch now, where a missing one can still be told; otherwise the first tensor does.
    public static func load() throws(TorchError) { _ = try loaded.get() }
}

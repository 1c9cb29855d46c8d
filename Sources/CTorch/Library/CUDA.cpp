#include "GPU.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <torch/version.h>

#include <dlfcn.h>

#include <string>
#include <utility>

namespace gpu {

const c10::DeviceType type = c10::kCUDA;

// libtorch_cuda lies beside libtorch_cpu, in builds that have it.
void load() {
    static const std::string failure = [] {
        Dl_info info;
        void *inside = reinterpret_cast<void *>(static_cast<int (*)()>(&at::get_num_threads));
        if (!dladdr(inside, &info)) return std::string("libtorch_cpu was not found in memory");
        std::string folder(info.dli_fname);
        folder.erase(folder.rfind('/') + 1);
        if (!dlopen((folder + "libtorch_cuda.so").c_str(), RTLD_NOW | RTLD_GLOBAL)) return std::string(dlerror());
        return std::string();
    }();
    TORCH_CHECK(failure.empty(), failure);
}

int32_t device_count() {
    return at::hasCUDA() ? static_cast<int32_t>(at::detail::getCUDAHooks().deviceCount()) : 0;
}

void synchronize(c10::DeviceIndex index) { at::detail::getCUDAHooks().deviceSynchronize(index); }

void empty_cache() { c10::getDeviceAllocator(type)->emptyCache(); }

namespace {

// at::cuda::CUDAGraph, called by the names of its members: its header wants those of CUDA, which the build does without.
class CUDAGraph final : public Graph {
public:
    CUDAGraph() { member<void(void *, bool)>("C1Eb")(memory, /*keep_graph=*/false); }
    ~CUDAGraph() override { destroy(memory); }
    CUDAGraph(const CUDAGraph &) = delete;

    void capture_begin() override { begin(memory, Pool(), /*cudaStreamCaptureModeGlobal=*/0); }
    void capture_end() override { end(memory); }
    void replay() override { launch(memory); }

private:
    using Pool = std::pair<unsigned long long, unsigned long long>;

    // All are looked up before the object is made.
    template <typename Function>
    static Function *member(const char *mangled) {
        const auto name = std::string("_ZN2at4cuda9CUDAGraph") + mangled;
        void *symbol = dlsym(RTLD_DEFAULT, name.c_str());
        TORCH_CHECK(symbol, "libtorch ", TORCH_VERSION, " here cannot capture graphs: it has no ", name);
        return reinterpret_cast<Function *>(symbol);
    }

    void (*destroy)(void *) = member<void(void *)>("D1Ev");
    void (*begin)(void *, Pool, int) =
        member<void(void *, Pool, int)>("13capture_beginESt4pairIyyE21cudaStreamCaptureMode");
    void (*end)(void *) = member<void(void *)>("11capture_endEv");
    void (*launch)(void *) = member<void(void *)>("6replayEv");

    // Some hundred bytes in torch 2.11 to 2.13.
    alignas(64) std::byte memory[4096] = {};
};

}  // namespace

std::unique_ptr<Graph> Graph::make() { return std::make_unique<CUDAGraph>(); }

}  // namespace gpu

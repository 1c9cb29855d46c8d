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
    ~CUDAGraph() override { member<void(void *)>("D1Ev")(memory); }
    CUDAGraph(const CUDAGraph &) = delete;

    void capture_begin() override {
        constexpr int globalMode = 0;  // cudaStreamCaptureModeGlobal
        member<void(void *, Pool, int)>("13capture_beginESt4pairIyyE21cudaStreamCaptureMode")(memory, Pool(), globalMode);
    }
    void capture_end() override { member<void(void *)>("11capture_endEv")(memory); }
    void replay() override { member<void(void *)>("6replayEv")(memory); }

private:
    using Pool = std::pair<unsigned long long, unsigned long long>;

    template <typename Function>
    static Function *member(const char *mangled) {
        const auto name = std::string("_ZN2at4cuda9CUDAGraph") + mangled;
        void *symbol = dlsym(RTLD_DEFAULT, name.c_str());
        TORCH_CHECK(symbol, "libtorch ", TORCH_VERSION, " here cannot capture graphs: it has no ", name);
        return reinterpret_cast<Function *>(symbol);
    }

    // Some hundred bytes in torch 2.11 to 2.13.
    alignas(64) std::byte memory[4096] = {};
};

}  // namespace

std::unique_ptr<Graph> Graph::make() { return std::make_unique<CUDAGraph>(); }

}  // namespace gpu

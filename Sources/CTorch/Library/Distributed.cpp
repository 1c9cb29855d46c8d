// Many processes by c10d: a store by which they find each other, groups of processes, and the means of gradients.
//
// The backends' own headers need those of Gloo, NCCL and CUDA, so their constructors are called by the names that libtorch exports
// (the same in torch 2.11 to 2.13).

#include "Distributed.h"
#include "Handles.h"

#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/functions/accumulate_grad.h>
#include <torch/csrc/distributed/c10d/GroupRegistry.hpp>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <torch/csrc/distributed/c10d/reducer.hpp>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include <dlfcn.h>

namespace {

using Store = c10::intrusive_ptr<c10d::Store>;
using Backend = c10::intrusive_ptr<c10d::Backend>;
using Options = c10::intrusive_ptr<c10d::Backend::Options>;
using Milliseconds = std::chrono::milliseconds;

}  // namespace

// Null in a libtorch without Gloo.
__attribute__((weak)) Options gloo_options(Milliseconds) asm(
    "_ZN4c10d16ProcessGroupGloo7Options14create_defaultENSt6chrono8durationIlSt5ratioILl1ELl1000EEEE");
__attribute__((weak)) void construct_gloo(void *, const Store &, int rank, int size, Options) asm(
    "_ZN4c10d16ProcessGroupGlooC1ERKN3c1013intrusive_ptrINS_5StoreENS1_6detail34intrusive_target_default_null_typeIS3_EEEE"
    "iiNS2_INS0_7OptionsENS5_ISA_EEEE");

namespace {

// An object whose class is libtorch's alone. Its first base is T, whose destructor is virtual, so it is destroyed by the library
// that knows all of it. 488 bytes of Gloo, some 1150 of NCCL in torch 2.11 to 2.13.
template <typename T, typename Construct>
c10::intrusive_ptr<T> made(const Construct &construct) {
    void *memory = operator new(1 << 14);
    try {
        construct(memory);
    } catch (...) {
        operator delete(memory);
        throw;
    }
    return c10::intrusive_ptr<T>::unsafe_steal_from_new(static_cast<T *>(memory));
}

Backend make_gloo(const Store &store, int rank, int size, Milliseconds timeout) {
    TORCH_CHECK(construct_gloo && gloo_options, "this libtorch has no Gloo");
    return made<c10d::Backend>([&](void *memory) {
        construct_gloo(memory, c10::make_intrusive<c10d::PrefixStore>("gloo", store), rank, size, gloo_options(timeout));
    });
}

// Once libtorch_cuda is loaded.
template <typename Function>
Function *nccl(const char *member) {
    const auto name = std::string("_ZN4c10d16ProcessGroupNCCL") + member;
    void *symbol = dlsym(RTLD_DEFAULT, name.c_str());
    TORCH_CHECK(symbol, "this libtorch has no NCCL: ", name);
    return reinterpret_cast<Function *>(symbol);
}

Backend make_nccl(const Store &store, int rank, int size, Milliseconds timeout) {
    const auto construct_options = nccl<void(void *, bool)>("7OptionsC1Eb");
    const auto construct = nccl<void(void *, Store, int, int, Options)>(
        "C1EN3c1013intrusive_ptrINS_5StoreENS1_6detail34intrusive_target_default_null_typeIS3_EEEEiiNS2_INS0_7OptionsENS5_IS8_EEEE");
    auto options = made<c10d::Backend::Options>([&](void *memory) { construct_options(memory, /*is_high_priority_stream=*/false); });
    options->timeout = timeout;
    return made<c10d::Backend>(
        [&](void *memory) { construct(memory, c10::make_intrusive<c10d::PrefixStore>("nccl", store), rank, size, options); });
}

// The leaves that get a gradient from `loss`.
std::unordered_set<const c10::TensorImpl *> leaves(const at::Tensor &loss) {
    std::unordered_set<const c10::TensorImpl *> found;
    std::unordered_set<torch::autograd::Node *> seen;
    std::vector<torch::autograd::Node *> open;
    auto visit = [&](torch::autograd::Node *node) {
        if (node && seen.insert(node).second) open.push_back(node);
    };
    visit(loss.grad_fn().get());
    while (!open.empty()) {
        const auto node = open.back();
        open.pop_back();
        if (const auto leaf = dynamic_cast<torch::autograd::AccumulateGrad *>(node))
            found.insert(leaf->variable.unsafeGetTensorImpl());
        for (const auto &edge : node->next_edges()) visit(edge.function.get());
    }
    return found;
}

// Says nothing of a gradient whose strides along sides of 1 are others than its parameter's: there is only one element on them.
struct Warnings : c10::WarningHandler {
    void process(const c10::Warning &warning) override {
        if (warning.msg().find("Grad strides do not match") == std::string::npos) c10::WarningHandler::process(warning);
    }
};

constexpr int errors = 2;

const Store &store(CTStore *handle) { return *reinterpret_cast<const Store *>(handle); }

}  // namespace

// The least severity that libtorch logs.
extern int FLAGS_caffe2_log_level;

namespace distributed {

bool has_gloo(void) { return construct_gloo && gloo_options; }
bool has_nccl(void) { return dlsym(RTLD_DEFAULT, "_ZN4c10d16ProcessGroupNCCL7OptionsC1Eb") != nullptr; }

CTStore *store_make(const char *host, int32_t port, int32_t listener, const char *prefix, int64_t milliseconds, CTError error) {
    return guarded<CTStore *>(error, nullptr, [&] {
        // Whoever calls says what went wrong; libtorch would write its stack besides.
        if (!getenv("TORCH_CPP_LOG_LEVEL")) FLAGS_caffe2_log_level = errors;
        c10d::TCPStoreOptions options;
        options.port = static_cast<uint16_t>(port);
        options.isServer = listener >= 0;
        // Left alone it would listen on every address of the machine.
        if (listener >= 0) options.masterListenFd = listener;
        options.waitWorkers = false;
        options.timeout = Milliseconds(milliseconds);
        Store made = c10::make_intrusive<c10d::PrefixStore>(prefix, c10::make_intrusive<c10d::TCPStore>(host, options));
        return reinterpret_cast<CTStore *>(new Store(std::move(made)));
    });
}

bool store_set(CTStore *handle, const char *key, const char *value, CTError error) {
    return guarded(error, false, [&] { return store(handle)->set(key, value), true; });
}

char *store_get(CTStore *handle, const char *key, int64_t milliseconds, CTError error) {
    return guarded<char *>(error, nullptr, [&] {
        store(handle)->wait({key}, Milliseconds(milliseconds));
        return strdup(store(handle)->get_to_str(key).c_str());
    });
}

int32_t store_has(CTStore *handle, const char *key, CTError error) {
    return guarded(error, -1, [&] { return store(handle)->check({key}) ? 1 : 0; });
}

int64_t store_add(CTStore *handle, const char *key, CTError error) {
    return guarded<int64_t>(error, -1, [&] { return store(handle)->add(key, 1); });
}

bool group_make(CTStore *handle, const char *name, int32_t rank, int32_t size, bool has_gpu, int64_t milliseconds, CTError error) {
    return guarded(error, false, [&] {
        const Store own = c10::make_intrusive<c10d::PrefixStore>(name, store(handle));
        const Milliseconds timeout(milliseconds);
        auto group = c10::make_intrusive<c10d::ProcessGroup>(own, rank, size);
        group->setBackend(c10::DeviceType::CPU, c10d::ProcessGroup::GLOO, make_gloo(own, rank, size, timeout));
        if (has_gpu) group->setBackend(c10::DeviceType::CUDA, c10d::ProcessGroup::NCCL, make_nccl(own, rank, size, timeout));
        group->setDefaultBackend(c10d::ProcessGroup::GLOO);
        c10d::register_process_group(name, group);
        // For good: a backend's last reference is not to go while other libraries are taken down.
        new c10::intrusive_ptr<c10d::ProcessGroup>(std::move(group));
        return true;
    });
}

CTReducer *reducer_make(const char *name, CTTensor *loss, CTTensor *const *handles, int64_t count, int64_t first_bytes,
                        int64_t bytes, CTError error) {
    return guarded<CTReducer *>(error, nullptr, [&] {
        const auto group = c10d::resolve_process_group(name);
        const auto reached = leaves(borrow(loss));
        std::vector<at::Tensor> parameters;
        for (int64_t i = 0; i < count; ++i)
            if (reached.count(borrow(handles[i]).unsafeGetTensorImpl())) parameters.push_back(borrow(handles[i]));
        TORCH_CHECK(!parameters.empty(), "the loss depends on no parameter");
        c10d::verify_params_across_processes(group, parameters, std::nullopt);
        // Gradients come from the last layer on.
        std::reverse(parameters.begin(), parameters.end());
        const std::vector<bool> sparse(parameters.size(), false);
        auto buckets = std::get<0>(c10d::compute_bucket_assignment_by_size(
            parameters, {static_cast<size_t>(first_bytes), static_cast<size_t>(bytes)}, sparse));
        static Warnings warnings;
        c10::WarningUtils::set_warning_handler(&warnings);
        auto reducer = std::make_unique<c10d::Reducer>(
            parameters, buckets, group, sparse, bytes, /*find_unused_parameters=*/false, /*gradient_as_bucket_view=*/true,
            std::unordered_map<size_t, std::string>{}, first_bytes, /*skip_all_reduce_unused_params=*/false,
            /*use_python_reducer=*/false, std::vector<int64_t>{});
        // These buckets for good. By itself it would make others after the first step, so that a run that was resumed had its sums
        // in another order.
        reducer->push_rebuilt_params_for_all_indices();
        TORCH_CHECK(reducer->rebuild_buckets(), "the buckets of gradients cannot be fixed");
        return reinterpret_cast<CTReducer *>(reducer.release());
    });
}

bool reducer_prepare(CTReducer *handle, CTError error) {
    return guarded(error, false, [&] {
        auto &reducer = *reinterpret_cast<c10d::Reducer *>(handle);
        reducer.prepare_for_forward();
        reducer.prepare_for_backward({});
        return true;
    });
}

void reducer_release(CTReducer *handle) { delete reinterpret_cast<c10d::Reducer *>(handle); }

}  // namespace distributed

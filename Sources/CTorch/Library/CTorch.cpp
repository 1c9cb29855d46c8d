#include "../CTorch.h"
#include "FreedMemory.h"
#include "Distributed.h"
#include "GPU.h"
#include "Handles.h"

#include <ATen/Parallel.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/grad_mode.h>
#include <ATen/Context.h>
#include <ATen/Functions.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <torch/version.h>


#include <atomic>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

namespace {

at::Generator &generator(CTGenerator *handle) { return *reinterpret_cast<at::Generator *>(handle); }

// Device types as the caller numbers them: 0 the CPU, 1 a GPU.
at::DeviceType device_type(int64_t code) { return code == 1 ? gpu::type : static_cast<at::DeviceType>(code); }

c10::IValue toIValue(const CTValue &value) {
    const auto count = static_cast<size_t>(value.integer);
    switch (value.kind) {
    case CT_NONE: return c10::IValue();
    case CT_TENSOR: {
        auto handle = static_cast<CTTensor *>(const_cast<void *>(value.pointer));
        return c10::IValue(borrow(handle));
    }
    case CT_INT: return c10::IValue(value.integer);
    case CT_DOUBLE: return c10::IValue(value.real);
    case CT_BOOL: return c10::IValue(value.integer != 0);
    case CT_INTS: return c10::IValue(at::IntArrayRef(static_cast<const int64_t *>(value.pointer), count));
    case CT_DOUBLES: return c10::IValue(at::ArrayRef<double>(static_cast<const double *>(value.pointer), count));
    case CT_BOOLS: {
        c10::List<bool> list;
        for (size_t i = 0; i < count; ++i) list.push_back(static_cast<const bool *>(value.pointer)[i]);
        return c10::IValue(std::move(list));
    }
    case CT_TENSORS: {
        c10::List<at::Tensor> list;
        auto handles = static_cast<CTTensor *const *>(value.pointer);
        list.reserve(count);
        for (size_t i = 0; i < count; ++i) list.push_back(borrow(handles[i]));
        return c10::IValue(std::move(list));
    }
    case CT_OPTIONAL_TENSORS: {
        c10::List<std::optional<at::Tensor>> list;
        auto handles = static_cast<CTTensor *const *>(value.pointer);
        for (size_t i = 0; i < count; ++i)
            list.push_back(handles[i] ? std::optional<at::Tensor>(borrow(handles[i])) : std::nullopt);
        return c10::IValue(std::move(list));
    }
    case CT_STRING: return c10::IValue(std::string(static_cast<const char *>(value.pointer)));
    case CT_GENERATOR:
        return c10::IValue(generator(static_cast<CTGenerator *>(const_cast<void *>(value.pointer))));
    case CT_DEVICE:
        return c10::IValue(at::Device(device_type(value.integer), static_cast<int8_t>(value.real)));
    case CT_SCALARS: {
        c10::List<std::optional<at::Scalar>> list;
        for (size_t i = 0; i < count; ++i) list.push_back(at::Scalar(static_cast<const double *>(value.pointer)[i]));
        return c10::IValue(std::move(list));
    }
    }
    TORCH_CHECK(false, "unknown argument kind");
}

void release_error(char *error) { free(error); }

void tensor_release(CTTensor *tensor) {
    liveTensors.fetch_sub(1, std::memory_order_relaxed);
    c10::intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>::reclaim(reinterpret_cast<c10::TensorImpl *>(tensor));
}

CTTensor *tensor_retain(CTTensor *tensor) { return wrap(borrow(tensor)); }
int64_t tensor_live_count(void) { return liveTensors.load(std::memory_order_relaxed); }
int64_t tensor_rank(CTTensor *tensor) { return borrow(tensor).dim(); }

void tensor_sizes(CTTensor *tensor, int64_t *sizes) {
    auto source = borrow(tensor).sizes();
    std::copy(source.begin(), source.end(), sizes);
}

void tensor_strides(CTTensor *tensor, int64_t *strides) {
    auto source = borrow(tensor).strides();
    std::copy(source.begin(), source.end(), strides);
}

int32_t tensor_dtype(CTTensor *tensor) { return static_cast<int32_t>(borrow(tensor).scalar_type()); }
int32_t tensor_device_type(CTTensor *tensor) {
    const auto type = borrow(tensor).device().type();
    return type == gpu::type ? 1 : static_cast<int32_t>(type);
}
int32_t tensor_device_index(CTTensor *tensor) { return borrow(tensor).device().index(); }

bool tensor_is_contiguous(CTTensor *tensor, int32_t memory_format) {
    return borrow(tensor).is_contiguous(static_cast<at::MemoryFormat>(memory_format));
}

int64_t tensor_byte_count(CTTensor *tensor) { return static_cast<int64_t>(borrow(tensor).nbytes()); }
void *tensor_data(CTTensor *tensor) { return borrow(tensor).data_ptr(); }

CTTensor *tensor_from_bytes(const void *bytes, size_t byte_count, const int64_t *sizes, int64_t rank, int32_t dtype,
                            CTError error) {
    return guarded<CTTensor *>(error, nullptr, [&] {
        auto tensor = at::empty(at::IntArrayRef(sizes, static_cast<size_t>(rank)), static_cast<at::ScalarType>(dtype));
        TORCH_CHECK(tensor.nbytes() == byte_count, "expected ", tensor.nbytes(), " bytes, got ", byte_count);
        if (byte_count > 0) std::memcpy(tensor.data_ptr(), bytes, byte_count);
        return wrap(std::move(tensor));
    });
}

CTTensor *tensor_from_memory(const void *bytes, size_t byte_count, const int64_t *sizes, int64_t rank, int32_t dtype,
                             void *owner, void (*release)(void *), CTError error) {
    // Released with the last reference, or here when no tensor comes of it.
    std::shared_ptr<void> keeper(owner, release);
    return guarded<CTTensor *>(error, nullptr, [&] {
        auto tensor = at::from_blob(const_cast<void *>(bytes), at::IntArrayRef(sizes, static_cast<size_t>(rank)),
                                    [keeper](void *) {}, at::TensorOptions(static_cast<at::ScalarType>(dtype)));
        TORCH_CHECK(tensor.nbytes() == byte_count, "expected ", tensor.nbytes(), " bytes, got ", byte_count);
        return wrap(std::move(tensor));
    });
}

CTOperator *operator_find(const char *name, const char *overload, CTError error) {
    return guarded<CTOperator *>(error, nullptr, [&] {
        auto handle = c10::Dispatcher::singleton().findSchemaOrThrow(name, overload);
        return reinterpret_cast<CTOperator *>(new c10::OperatorHandle(handle));
    });
}

int64_t operator_call(CTOperator *op, const CTValue *arguments, int64_t argument_count, CTTensor **results,
                      int64_t capacity, CTError error) {
    return guarded<int64_t>(error, -1, [&]() -> int64_t {
        auto &handle = *reinterpret_cast<c10::OperatorHandle *>(op);
        const auto &schema = handle.schema();
        const auto &formals = schema.arguments();
        TORCH_CHECK(static_cast<size_t>(argument_count) <= formals.size(), schema.name(), " takes ", formals.size(),
                    " arguments, got ", argument_count);
        torch::jit::Stack stack;
        stack.reserve(formals.size());
        for (int64_t i = 0; i < argument_count; ++i) stack.push_back(toIValue(arguments[i]));
        for (size_t i = static_cast<size_t>(argument_count); i < formals.size(); ++i) {
            TORCH_CHECK(formals[i].default_value().has_value(), schema.name(), " needs argument ", formals[i].name());
            stack.push_back(*formals[i].default_value());
        }
        handle.callBoxed(stack);
        int64_t count = 0;
        auto put = [&](const at::Tensor &tensor) {
            TORCH_CHECK(count < capacity, schema.name(), " returned more tensors than expected");
            results[count] = tensor.defined() ? wrap(tensor) : nullptr;
            ++count;
        };
        try {
            for (const auto &value : stack) {
                if (value.isTensor()) {
                    put(value.toTensor());
                } else if (value.isTensorList()) {
                    for (const at::Tensor &tensor : value.toTensorVector()) put(tensor);
                }
            }
        } catch (...) {
            for (int64_t i = 0; i < count; ++i)
                if (results[i]) tensor_release(results[i]);
            throw;
        }
        return count;
    });
}

bool backward(CTTensor *tensor, CTTensor *gradient, CTTensor *const *leaves, int64_t leaf_count, bool keep_graph,
              CTError error) {
    return guarded(error, false, [&] {
        std::vector<at::Tensor> inputs;
        for (int64_t i = 0; i < leaf_count; ++i) inputs.push_back(borrow(leaves[i]));
        borrow(tensor).backward(gradient ? borrow(gradient) : at::Tensor(), keep_graph, false,
                                leaf_count ? std::optional<at::TensorList>(inputs) : std::nullopt);
        return true;
    });
}

CTTensor *gradient(CTTensor *tensor) {
    const auto &gradient = borrow(tensor).grad();
    return gradient.defined() ? wrap(gradient) : nullptr;
}

void set_gradient(CTTensor *tensor, CTTensor *gradient) {
    borrow(tensor).mutable_grad() = gradient ? borrow(gradient) : at::Tensor();
}

bool requires_gradient(CTTensor *tensor) { return borrow(tensor).requires_grad(); }

bool set_requires_gradient(CTTensor *tensor, bool value, CTError error) {
    return guarded(error, false, [&] {
        borrow(tensor).set_requires_grad(value);
        return true;
    });
}

double item_double(CTTensor *tensor, CTError error) {
    return guarded(error, 0.0, [&] { return borrow(tensor).item().toDouble(); });
}

int64_t item_int(CTTensor *tensor, CTError error) {
    return guarded<int64_t>(error, 0, [&] { return borrow(tensor).item().toLong(); });
}

bool set_gradient_mode(bool enabled) {
    bool before = at::GradMode::is_enabled();
    at::GradMode::set_enabled(enabled);
    return before;
}

bool set_autocast(int32_t device, bool enabled, int32_t dtype) {
    auto type = device_type(device);
    bool before = at::autocast::is_autocast_enabled(type);
    at::autocast::set_autocast_enabled(type, enabled);
    if (enabled) at::autocast::set_autocast_dtype(type, static_cast<at::ScalarType>(dtype));
    return before;
}

void clear_autocast_cache(void) { at::autocast::clear_cache(); }

CTGenerator *generator_make(int32_t device, int32_t device_index, uint64_t seed, CTError error) {
    return guarded<CTGenerator *>(error, nullptr, [&] {
        auto type = device_type(device);
        at::Generator made = type == at::kCPU
            ? at::make_generator<at::CPUGeneratorImpl>(seed)
            : at::globalContext().getAcceleratorHooksInterface(type).getNewGenerator(static_cast<int8_t>(device_index));
        made.set_current_seed(seed);
        return reinterpret_cast<CTGenerator *>(new at::Generator(std::move(made)));
    });
}

void generator_release(CTGenerator *handle) { delete &generator(handle); }

CTTensor *generator_state(CTGenerator *handle, CTError error) {
    return guarded<CTTensor *>(error, nullptr, [&] { return wrap(generator(handle).get_state()); });
}

bool generator_set_state(CTGenerator *handle, CTTensor *state, CTError error) {
    return guarded(error, false, [&] {
        generator(handle).set_state(borrow(state));
        return true;
    });
}

int32_t thread_count(void) { return at::get_num_threads(); }
void set_thread_count(int32_t count) { at::set_num_threads(count); }

const char *version(void) { return TORCH_VERSION; }

bool load_cuda(CTError error) {
    return guarded(error, false, [&] { return gpu::load(), true; });
}

int32_t cuda_device_count(void) {
    try {
        return gpu::device_count();
    } catch (...) {
        return 0;
    }
}

bool cuda_synchronize(int32_t device_index, CTError error) {
    return guarded(error, false, [&] { return gpu::synchronize(static_cast<int8_t>(device_index)), true; });
}

// A graph, and the stream of its own that its thread works in meanwhile: the default one cannot be captured.
struct Graph {
    explicit Graph(at::Device device)
        : graph(gpu::Graph::make()), guard(device.type()), deviceBefore(guard.exchangeDevice(device)),
          before(guard.getStream(device)) {
        try {
            // What was begun in the other stream is to be finished before this one reads it.
            guard.synchronizeDevice(device.index());
            guard.exchangeStream(guard.getStreamFromGlobalPool(device));
        } catch (...) {
            guard.uncheckedSetDevice(deviceBefore);
            throw;
        }
    }

    // After a failure of the device, waiting for it fails as well.
    ~Graph() {
        try {
            guard.synchronizeDevice(before.device_index());
        } catch (...) {
        }
        guard.uncheckedSetDevice(deviceBefore);
        try {
            guard.exchangeStream(before);
        } catch (...) {
        }
    }

    std::unique_ptr<gpu::Graph> graph;
    c10::impl::VirtualGuardImpl guard;
    at::Device deviceBefore;
    c10::Stream before;
};

gpu::Graph &graph(CTGraph *handle) { return *reinterpret_cast<Graph *>(handle)->graph; }

CTGraph *graph_make(int32_t device_index, CTError error) {
    return guarded<CTGraph *>(error, nullptr, [&] {
        TORCH_CHECK(gpu::device_count() > 0, "there is no GPU whose work could be captured");
        return reinterpret_cast<CTGraph *>(new Graph(at::Device(gpu::type, static_cast<int8_t>(device_index))));
    });
}

bool graph_begin(CTGraph *handle, CTError error) {
    return guarded(error, false, [&] {
        // The graph gets memory of its own; what the steps before have left in the allocator would stand beside it.
        const auto &owner = *reinterpret_cast<Graph *>(handle);
        owner.guard.synchronizeDevice(owner.before.device_index());
        gpu::empty_cache();
        graph(handle).capture_begin();
        return true;
    });
}

bool graph_end(CTGraph *handle, CTError error) {
    return guarded(error, false, [&] { return graph(handle).capture_end(), true; });
}

bool graph_replay(CTGraph *handle, CTError error) {
    return guarded(error, false, [&] { return graph(handle).replay(), true; });
}

void graph_release(CTGraph *handle) { delete reinterpret_cast<Graph *>(handle); }

}  // namespace

extern "C" __attribute__((visibility("default"))) const CTFunctions *ct_functions(void) {
    // Where oneDNN does not serve, libtorch asks NNPACK, which serves batches that oneDNN has taken already, and says at every
    // convolution when it has no kernels for the processor.
    at::globalContext().setUserEnabledNNPACK(false);
    static const CTFunctions functions{
        .byte_count = sizeof(CTFunctions),
        .release_error = release_error,
        .tensor_release = tensor_release,
        .tensor_retain = tensor_retain,
        .tensor_live_count = tensor_live_count,
        .tensor_rank = tensor_rank,
        .tensor_sizes = tensor_sizes,
        .tensor_strides = tensor_strides,
        .tensor_dtype = tensor_dtype,
        .tensor_device_type = tensor_device_type,
        .tensor_device_index = tensor_device_index,
        .tensor_is_contiguous = tensor_is_contiguous,
        .tensor_byte_count = tensor_byte_count,
        .tensor_data = tensor_data,
        .tensor_from_bytes = tensor_from_bytes,
        .tensor_from_memory = tensor_from_memory,
        .operator_find = operator_find,
        .operator_call = operator_call,
        .backward = backward,
        .gradient = gradient,
        .set_gradient = set_gradient,
        .requires_gradient = requires_gradient,
        .set_requires_gradient = set_requires_gradient,
        .item_double = item_double,
        .item_int = item_int,
        .set_gradient_mode = set_gradient_mode,
        .set_autocast = set_autocast,
        .clear_autocast_cache = clear_autocast_cache,
        .generator_make = generator_make,
        .generator_release = generator_release,
        .generator_state = generator_state,
        .generator_set_state = generator_set_state,
        .thread_count = thread_count,
        .set_thread_count = set_thread_count,
        .version = version,
        .keep_freed_memory = keep_freed_memory,
        .load_cuda = load_cuda,
        .cuda_device_count = cuda_device_count,
        .cuda_synchronize = cuda_synchronize,
        .graph_make = graph_make,
        .graph_begin = graph_begin,
        .graph_end = graph_end,
        .graph_replay = graph_replay,
        .graph_release = graph_release,
        .has_gloo = distributed::has_gloo,
        .has_nccl = distributed::has_nccl,
        .store_make = distributed::store_make,
        .store_set = distributed::store_set,
        .store_get = distributed::store_get,
        .store_has = distributed::store_has,
        .store_add = distributed::store_add,
        .group_make = distributed::group_make,
        .reducer_make = distributed::reducer_make,
        .reducer_prepare = distributed::reducer_prepare,
        .reducer_release = distributed::reducer_release,
    };
    return &functions;
}

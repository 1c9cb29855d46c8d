// A stand-in for a GPU where there is none, for tests: `--device cuda` then means this device (libtorch's PrivateUse1),
// which computes on the CPU and is strict where CUDA is.
//
// Every operator runs on the CPU, but only if all its tensors and its generator are of the device. Graphs are captured
// as CUDA captures them: operators are noted and their effects undone, replays do them on the same memory, and what CUDA
// refuses meanwhile fails: reading values, copies from the host, random generators. What stays unseen: the order of
// streams, which are names here; CUDA's own kernels; and operators of the CPU that get a generator of the device.
#include "../FreedMemory.h"
#include "../GPU.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/autocast_mode.h>
#include <ATen/detail/PrivateUse1HooksInterface.h>
#include <ATen/native/CPUFallback.h>
#include <ATen/native/Resize.h>
#include <ATen/ops/as_strided_native.h>
#include <ATen/ops/view_native.h>
#include <c10/core/DeviceType.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <torch/library.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <set>

namespace {

constexpr auto kType = c10::DeviceType::PrivateUse1;
const c10::Device kDevice(kType, 0);

// MARK: Memory

// New memory holds what no computation should meet: 3e38 in float32, indices out of every range.
constexpr int kUnwritten = 0x7F;

// Never destroyed: libtorch's own statics release tensors later.
struct Blocks {
    std::mutex mutex;
    std::map<void *, size_t> sizes;
};
Blocks &blocks = *new Blocks;

void release(void *pointer) {
    {
        std::lock_guard lock(blocks.mutex);
        blocks.sizes.erase(pointer);
    }
    free(pointer);
}

struct Memory final : c10::Allocator {
    c10::DataPtr allocate(size_t size) override {
        if (size == 0) return {nullptr, nullptr, &release, kDevice};
        void *pointer = aligned_alloc(64, (size + 63) / 64 * 64);
        TORCH_CHECK(pointer, "the stand-in device has no memory for ", size, " bytes");
        memset(pointer, kUnwritten, size);
        std::lock_guard lock(blocks.mutex);
        blocks.sizes[pointer] = size;
        return {pointer, pointer, &release, kDevice};
    }
    c10::DeleterFnPtr raw_deleter() const override { return &release; }
    void copy_data(void *target, const void *source, size_t size) const override { memcpy(target, source, size); }
};

Memory memory;
const auto registered = (c10::SetAllocator(kType, &memory), true);

// MARK: Streams

thread_local c10::StreamId currentStream = 0;

struct Guard final : c10::impl::DeviceGuardImplInterface {
    c10::DeviceType type() const override { return kType; }
    c10::Device exchangeDevice(c10::Device) const override { return kDevice; }
    c10::Device getDevice() const override { return kDevice; }
    void setDevice(c10::Device) const override {}
    void uncheckedSetDevice(c10::Device) const noexcept override {}
    c10::DeviceIndex deviceCount() const noexcept override { return 1; }
    c10::Stream getStream(c10::Device) const override { return c10::Stream(c10::Stream::UNSAFE, kDevice, currentStream); }
    c10::Stream getDefaultStream(c10::Device) const override { return c10::Stream(c10::Stream::UNSAFE, kDevice, 0); }
    c10::Stream getNewStream(c10::Device, int) const override { return c10::Stream(c10::Stream::UNSAFE, kDevice, 1); }
    c10::Stream getStreamFromGlobalPool(c10::Device, bool) const override {
        return c10::Stream(c10::Stream::UNSAFE, kDevice, 1);
    }
    c10::Stream exchangeStream(c10::Stream stream) const override {
        const auto before = currentStream;
        currentStream = stream.id();
        return c10::Stream(c10::Stream::UNSAFE, kDevice, before);
    }
    void record(void **, const c10::Stream &, c10::DeviceIndex, c10::EventFlag) const override {}
    void block(void *, const c10::Stream &) const override {}
    bool queryEvent(void *) const override { return true; }
    void destroyEvent(void *, c10::DeviceIndex) const noexcept override {}
    bool queryStream(const c10::Stream &) const override { return true; }
    void synchronizeStream(const c10::Stream &) const override {}
    void synchronizeDevice(c10::DeviceIndex) const override {}
};

C10_REGISTER_GUARD_IMPL(PrivateUse1, Guard);

// MARK: Generators

std::mutex generatorMutex;
// Kept, so that no other generator can come to lie where one of them was.
std::map<c10::GeneratorImpl *, at::Generator> &generators = *new std::map<c10::GeneratorImpl *, at::Generator>;

struct Hooks final : at::PrivateUse1HooksInterface {
    bool isBuilt() const override { return true; }
    bool isAvailable() const override { return true; }
    bool hasPrimaryContext(c10::DeviceIndex) const override { return true; }
    c10::DeviceIndex deviceCount() const override { return 1; }
    c10::DeviceIndex getCurrentDevice() const override { return 0; }
    void setCurrentDevice(c10::DeviceIndex) const override {}
    c10::DeviceIndex exchangeDevice(c10::DeviceIndex) const override { return 0; }
    c10::DeviceIndex maybeExchangeDevice(c10::DeviceIndex) const override { return 0; }
    c10::Allocator *getPinnedMemoryAllocator() const override { return c10::GetAllocator(c10::kCPU); }
    // One of the CPU that is known to be the device's: its operators run there.
    at::Generator getNewGenerator(c10::DeviceIndex) const override {
        auto made = at::make_generator<at::CPUGeneratorImpl>();
        std::lock_guard lock(generatorMutex);
        generators.emplace(made.unsafeGetGeneratorImpl(), made);
        return made;
    }
};

const auto hooked = (c10::register_privateuse1_backend("standin"), at::RegisterPrivateUse1HooksInterface(new Hooks), true);

// MARK: Graphs

struct Note {
    c10::OperatorHandle op;
    torch::jit::Stack arguments;
    // The tensors that the operator returned when it was captured.
    std::vector<at::Tensor> results;
};

std::recursive_mutex captureMutex;
std::vector<Note> *capture = nullptr;
// Operators that run inside of another.
thread_local int depth = 0;

void refuse_while_capturing(const char *what) {
    std::lock_guard lock(captureMutex);
    TORCH_CHECK(!capture, what, ": operation not permitted when stream is capturing");
}

std::vector<at::Tensor> tensors(const torch::jit::Stack &stack, size_t count) {
    std::vector<at::Tensor> all;
    for (size_t i = stack.size() - count; i < stack.size(); ++i) {
        const auto &value = stack[i];
        if (value.isTensor()) {
            all.push_back(value.toTensor());
        } else if (value.isTensorList()) {
            for (const at::Tensor &tensor : value.toTensorVector()) all.push_back(tensor);
        } else if (value.isOptionalTensorList()) {
            for (const std::optional<at::Tensor> &tensor : value.toOptionalTensorVector())
                all.push_back(tensor.value_or(at::Tensor()));
        }
    }
    return all;
}

// MARK: Operators

// The same memory as a tensor of the CPU.
at::Tensor on_host(const at::Tensor &tensor) {
    if (tensor.is_cpu()) return tensor;
    return at::from_blob(tensor.data_ptr(), tensor.sizes(), tensor.strides(), tensor.options().device(at::kCPU));
}

void run_on_host(const c10::OperatorHandle &op, torch::jit::Stack *stack) {
    ++depth;
    try {
        at::native::cpu_fallback(op, stack);
    } catch (...) {
        --depth;
        throw;
    }
    --depth;
}

c10::OperatorHandle find(const char *name, const char *overload = "") {
    return c10::Dispatcher::singleton().findSchemaOrThrow(name, overload);
}

// The operator that does the same on the host, its arguments made to fit: convolutions have names of their own here,
// and batch norm's schema does not say that it changes the running statistics.
c10::OperatorHandle host_operator(const c10::OperatorHandle &op, torch::jit::Stack *stack) {
    const auto &name = op.schema().name();
    if (name == "aten::native_batch_norm") {
        const bool hasStatistics = stack->end()[-5].isTensor() && stack->end()[-5].toTensor().defined();
        return hasStatistics ? find("aten::_native_batch_norm_legit") : op;
    }
    if (name == "aten::convolution_overrideable") return find("aten::convolution");
    if (name != "aten::convolution_backward_overrideable") return op;
    // grad_output, input, weight; stride, padding, dilation, transposed, output_padding, groups, output_mask
    const auto outputs = stack->end()[-10].toTensor().size(1);
    stack->insert(stack->end() - 7, c10::IValue(std::vector<int64_t>{outputs}));
    return find("aten::convolution_backward");
}

// Operators whose results have a size that the host has to be told.
bool waits(const std::string &name) {
    static const std::set<std::string> names{"aten::nonzero", "aten::masked_select", "aten::_unique2", "aten::unique_dim"};
    return names.contains(name);
}

void fallback(const c10::OperatorHandle &asked, torch::jit::Stack *stack) {
    const auto op = host_operator(asked, stack);
    const auto &schema = op.schema();
    const auto count = schema.arguments().size();
    for (const auto &tensor : tensors(*stack, count))
        TORCH_CHECK(!tensor.defined() || tensor.device() == kDevice || (tensor.is_cpu() && tensor.dim() == 0),
                    schema.operator_name(), ": expected all tensors to be on the same device, but found at least two, ",
                    tensor.device(), " and ", kDevice);
    std::lock_guard lock(captureMutex);
    for (size_t i = stack->size() - count; i < stack->size(); ++i) {
        if (!(*stack)[i].isGenerator()) continue;
        auto generator = (*stack)[i].toGenerator();
        std::lock_guard lock(generatorMutex);
        TORCH_CHECK(generators.contains(generator.unsafeGetGeneratorImpl()), schema.operator_name(),
                    ": expected a generator of the device");
        TORCH_CHECK(!capture, schema.operator_name(), ": the generator is not registered with the graph");
    }
    if (!capture || depth > 0) return run_on_host(op, stack);
    if (waits(schema.name())) refuse_while_capturing(schema.name().c_str());
    Note note{op, torch::jit::Stack(stack->end() - count, stack->end()), {}};
    run_on_host(op, stack);
    note.results = tensors(*stack, schema.returns().size());
    capture->push_back(std::move(note));
}

at::Tensor empty_memory_format(at::IntArrayRef size, std::optional<at::ScalarType> dtype, std::optional<at::Layout>,
                               std::optional<at::Device>, std::optional<bool>,
                               std::optional<at::MemoryFormat> format) {
    return at::detail::empty_generic(size, &memory, c10::DispatchKeySet(c10::DispatchKey::PrivateUse1),
                                     dtype.value_or(at::kFloat), format);
}

at::Tensor empty_strided(at::IntArrayRef size, at::IntArrayRef stride, std::optional<at::ScalarType> dtype,
                         std::optional<at::Layout>, std::optional<at::Device>, std::optional<bool>) {
    return at::detail::empty_strided_generic(size, stride, &memory, c10::DispatchKeySet(c10::DispatchKey::PrivateUse1),
                                             dtype.value_or(at::kFloat));
}

at::Tensor copy_from(const at::Tensor &source, const at::Tensor &target, bool non_blocking) {
    // Within another operator its tensors go to the host and back, which is no copy of the program's.
    if (depth == 0 && source.device() != target.device()) refuse_while_capturing("a copy between devices");
    std::lock_guard lock(captureMutex);
    on_host(target).copy_(on_host(source));
    if (capture && depth == 0) {
        static const auto op = find("aten::_copy_from");
        capture->push_back({op, {source, target, non_blocking}, {}});
    }
    return target;
}

at::Tensor copy_from_and_resize(const at::Tensor &source, const at::Tensor &target) {
    target.resize_(source.sizes());
    return copy_from(source, target, false);
}

at::Scalar local_scalar_dense(const at::Tensor &tensor) {
    refuse_while_capturing("reading a value");
    return on_host(tensor).item();
}

const at::Tensor &resize_(const at::Tensor &tensor, at::IntArrayRef size, std::optional<at::MemoryFormat> format) {
    if (tensor.sizes() == size) return tensor;
    // Results without a size yet are made by operators.
    if (tensor.numel() > 0) refuse_while_capturing("a change of size");
    TORCH_CHECK(!format || *format == at::MemoryFormat::Contiguous, "the stand-in device resizes to contiguous memory");
    auto *impl = tensor.unsafeGetTensorImpl();
    const auto bytes = static_cast<size_t>(
        at::detail::computeStorageNbytesContiguous(size, tensor.itemsize(), tensor.storage_offset()));
    if (const auto had = tensor.storage().nbytes(); had < bytes) {
        auto fresh = memory.allocate(bytes);
        if (had > 0) memcpy(fresh.get(), tensor.storage().data(), had);
        tensor.storage().set_data_ptr_noswap(std::move(fresh));
        tensor.storage().set_nbytes(bytes);
    }
    impl->set_sizes_contiguous(size);
    return tensor;
}

TORCH_LIBRARY_IMPL(_, PrivateUse1, library) {
    library.fallback(torch::CppFunction::makeFromBoxedFunction<&fallback>());
}

TORCH_LIBRARY_IMPL(aten, PrivateUse1, library) {
    library.impl("empty.memory_format", &empty_memory_format);
    library.impl("empty_strided", &empty_strided);
    library.impl("as_strided", &at::native::as_strided_tensorimpl);
    library.impl("view", &at::native::view);
    library.impl("_copy_from", &copy_from);
    library.impl("_copy_from_and_resize", &copy_from_and_resize);
    library.impl("_local_scalar_dense", &local_scalar_dense);
    library.impl("resize_", &resize_);
    library.impl("convolution_overrideable", torch::CppFunction::makeFromBoxedFunction<&fallback>());
    library.impl("convolution_backward_overrideable", torch::CppFunction::makeFromBoxedFunction<&fallback>());
}

// Mixed precision: the operators that CUDA has in bfloat16 and float32.
TORCH_LIBRARY_IMPL(_, AutocastPrivateUse1, library) { library.fallback(torch::CppFunction::makeFallthrough()); }

TORCH_LIBRARY_IMPL(aten, AutocastPrivateUse1, m) {
#define LOWER_PRECISION(...) KERNEL_PRIVATEUSEONE(__VA_ARGS__, lower_precision_fp)
#define FLOAT32(...) KERNEL_PRIVATEUSEONE(__VA_ARGS__, fp32)
    AT_FORALL_LOWER_PRECISION_FP(LOWER_PRECISION)
    AT_FORALL_FP32(FLOAT32)
#define OWN_FLOAT32(...) KERNEL_PRIVATEUSEONE(__VA_ARGS__, fp32_set_opt_dtype)
    AT_FORALL_FP32_SET_OPT_DTYPE(OWN_FLOAT32)
#define PROMOTED(...) KERNEL_PRIVATEUSEONE(__VA_ARGS__, promote)
    AT_FORALL_PROMOTE(PROMOTED)
}

}  // namespace

namespace gpu {

const c10::DeviceType type = kType;

// Every operator copies its tensors.
void load() { keep_freed_memory(); }
int32_t device_count() { return 1; }
void synchronize(c10::DeviceIndex) {}
void empty_cache() {}

namespace {

class StandInGraph final : public Graph {
public:
    ~StandInGraph() override {
        std::lock_guard lock(captureMutex);
        if (capture == &notes) capture = nullptr;
        if (getenv("DETECT_STAND_IN_VERBOSE"))
            fprintf(stderr, "stand-in: %zu operators captured, replayed %d times\n", notes.size(), replays);
    }

    void capture_begin() override {
        TORCH_CHECK(currentStream != 0, "graphs must be captured on a non-default stream");
        std::scoped_lock lock(captureMutex, blocks.mutex);
        TORCH_CHECK(!capture, "a capture is under way");
        for (auto [pointer, size] : blocks.sizes) before[pointer] = std::string(static_cast<char *>(pointer), size);
        capture = &notes;
    }

    // Nothing has been done: what was there is as it was, what came is unwritten.
    void capture_end() override {
        std::scoped_lock lock(captureMutex, blocks.mutex);
        capture = nullptr;
        for (auto [pointer, size] : blocks.sizes) {
            const auto old = before.find(pointer);
            if (old != before.end() && old->second.size() == size) {
                memcpy(pointer, old->second.data(), size);
            } else {
                memset(pointer, kUnwritten, size);
            }
        }
        before.clear();
    }

    void replay() override {
        ++replays;
        // What was noted lies below the recording of gradients.
        at::AutoDispatchBelowADInplaceOrView guard;
        for (auto &note : notes) {
            auto stack = note.arguments;
            if (note.op.schema().name() == "aten::_copy_from") {
                note.op.callBoxed(stack);
                continue;
            }
            run_on_host(note.op, &stack);
            const auto results = tensors(stack, note.op.schema().returns().size());
            for (size_t i = 0; i < results.size(); ++i) {
                if (!results[i].defined() || results[i].is_same(note.results[i])) continue;
                TORCH_CHECK(results[i].sizes() == note.results[i].sizes(), note.op.schema().name(),
                            " gives another size when it is replayed");
                on_host(note.results[i]).copy_(on_host(results[i]));
            }
        }
    }

private:
    std::vector<Note> notes;
    std::map<void *, std::string> before;
    int replays = 0;
};

}  // namespace

std::unique_ptr<Graph> Graph::make() { return std::make_unique<StandInGraph>(); }

}  // namespace gpu

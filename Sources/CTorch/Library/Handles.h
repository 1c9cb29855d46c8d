// How tensors and failures leave this library.
#pragma once

#include "../CTorch.h"

#include <ATen/core/Tensor.h>
#include <c10/util/Exception.h>

#include <atomic>
#include <cstring>

inline std::atomic<int64_t> liveTensors{0};

namespace {

inline CTTensor *wrap(at::Tensor tensor) {
    liveTensors.fetch_add(1, std::memory_order_relaxed);
    return reinterpret_cast<CTTensor *>(tensor.unsafeReleaseTensorImpl());
}

// Borrows without touching the reference count.
inline const at::Tensor &borrow(CTTensor *const &handle) {
    static_assert(sizeof(at::Tensor) == sizeof(CTTensor *), "at::Tensor is one intrusive pointer");
    return *reinterpret_cast<const at::Tensor *>(&handle);
}

// Runs `body`; turns whatever it throws into a message and returns `failure`.
template <typename Result, typename Body>
Result guarded(CTError error, Result failure, Body body) noexcept {
    try {
        return body();
    } catch (const c10::Error &e) {
        *error = strdup(e.what_without_backtrace());
    } catch (const std::exception &e) {
        *error = strdup(e.what());
    } catch (...) {
        *error = strdup("unknown C++ exception");
    }
    return failure;
}

}  // namespace

#pragma once
// What the operators of this library share.

#include "InstructionSets.h"

#include <ATen/Functions.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;
using OptionalTensor = std::optional<Tensor>;

constexpr auto channelsLast = at::MemoryFormat::ChannelsLast;

void checkOnCPU(const Tensor &tensor) {
    TORCH_CHECK(tensor.device().is_cpu(), "tensors on the CPU, not on ", tensor.device());
}

void checkOnCPU(const OptionalTensor &tensor) {
    if (tensor) checkOnCPU(*tensor);
}

// Calls body with a value of the type that stands for the tensor's elements.
template <typename Body>
void withElements(const Tensor &tensor, const Body &body) {
    if (tensor.scalar_type() == at::kFloat) return body(float());
    TORCH_CHECK(tensor.scalar_type() == at::kBFloat16, "float32 or bfloat16, not ", tensor.scalar_type());
    body(uint16_t());
}

template <typename T>
const T *elements(const Tensor &tensor) { return static_cast<const T *>(tensor.const_data_ptr()); }
template <typename T>
T *mutableElements(const Tensor &tensor) { return static_cast<T *>(tensor.mutable_data_ptr()); }
template <typename T>
const T *elementsOrNull(const OptionalTensor &tensor) { return tensor ? elements<T>(*tensor) : nullptr; }

} // namespace

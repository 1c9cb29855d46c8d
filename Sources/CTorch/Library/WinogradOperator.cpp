// detect::winograd_convolution, an operator of libtorch's dispatcher on the CPU, with its gradient.

#include "Winograd.h"

#include <ATen/Functions.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;
using OptionalTensor = std::optional<Tensor>;

constexpr auto channelsLast = at::MemoryFormat::ChannelsLast;

winograd::Shape shapeOf(const Tensor &x, const Tensor &weight) {
    TORCH_CHECK(x.dim() == 4 && weight.dim() == 4 && weight.size(2) == 3 && weight.size(3) == 3 &&
                    weight.size(1) == x.size(1),
                "images [N, C, H, W] and weights [O, C, 3, 3], not ", x.sizes(), " and ", weight.sizes());
    TORCH_CHECK(x.size(1) % winograd::channelStep == 0 && weight.size(0) % winograd::channelStep == 0,
                "channels must be multiples of ", winograd::channelStep, ": ", weight.sizes());
    TORCH_CHECK(x.scalar_type() == at::kFloat && weight.scalar_type() == at::kFloat, "float32 alone");
    return {x.size(0), x.size(2), x.size(3), x.size(1), weight.size(0)};
}

// The transform of `weight`, already channels-last.
Tensor prepared(const Tensor &weight, bool transposed) {
    auto result = at::empty({winograd::points * weight.size(0) * weight.size(1)}, weight.options());
    winograd::prepare(weight.const_data_ptr<float>(), weight.size(1), weight.size(0), transposed,
                      result.mutable_data_ptr<float>());
    return result;
}

const float *valuesOrNull(const OptionalTensor &tensor) { return tensor ? tensor->const_data_ptr<float>() : nullptr; }

OptionalTensor contiguous(const OptionalTensor &tensor, at::MemoryFormat format, at::IntArrayRef sizes) {
    if (!tensor) return std::nullopt;
    TORCH_CHECK(tensor->sizes() == sizes && tensor->scalar_type() == at::kFloat, "float32 of ", sizes, ", not ",
                tensor->scalar_type(), " of ", tensor->sizes());
    return tensor->contiguous(format);
}

Tensor convolution(const Tensor &x, const Tensor &weight, const OptionalTensor &bias, const OptionalTensor &other,
                   bool relu) {
    const auto shape = shapeOf(x, weight);
    auto y = at::empty({shape.images, shape.outputs, shape.height, shape.width}, x.options().memory_format(channelsLast));
    const auto pixels = x.contiguous(channelsLast);
    const auto shift = contiguous(bias, at::MemoryFormat::Contiguous, {shape.outputs});
    const auto sum = contiguous(other, channelsLast, y.sizes());
    const auto transform = prepared(weight.contiguous(channelsLast), false);
    winograd::convolve(shape, pixels.const_data_ptr<float>(), transform.const_data_ptr<float>(), valuesOrNull(shift),
                       valuesOrNull(sum), relu, y.mutable_data_ptr<float>());
    return y;
}

struct Convolution : torch::autograd::Function<Convolution> {
    static Tensor forward(AutogradContext *context, const Tensor &x, const Tensor &weight, const OptionalTensor &bias) {
        context->save_for_backward({x, weight});
        context->saved_data["has bias"] = bias.has_value();
        return convolution(x, weight, bias, std::nullopt, false);
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        const auto saved = context->get_saved_variables();
        const auto x = saved[0].contiguous(channelsLast), weight = saved[1].contiguous(channelsLast);
        const auto dy = gradients[0].contiguous(channelsLast);
        const auto shape = shapeOf(x, weight);
        variable_list result(3);
        if (context->needs_input_grad(0)) {
            result[0] = at::empty_like(x);
            const winograd::Shape back{shape.images, shape.height, shape.width, shape.outputs, shape.inputs};
            const auto transform = prepared(weight, true);
            winograd::convolve(back, dy.const_data_ptr<float>(), transform.const_data_ptr<float>(), nullptr, nullptr, false,
                               result[0].mutable_data_ptr<float>());
        }
        if (context->needs_input_grad(1)) {
            result[1] = at::empty_like(weight);
            winograd::weightGradient(shape, x.const_data_ptr<float>(), dy.const_data_ptr<float>(),
                                     result[1].mutable_data_ptr<float>());
        }
        // Only tensors that were given are numbered.
        if (context->saved_data["has bias"].toBool() && context->needs_input_grad(2)) result[2] = dy.sum({0, 2, 3});
        return result;
    }
};

Tensor convolutionWithGradient(const Tensor &x, const Tensor &weight, const OptionalTensor &bias,
                               const OptionalTensor &other, bool relu) {
    const auto isRecorded = [](const OptionalTensor &tensor) { return tensor && tensor->requires_grad(); };
    if (at::GradMode::is_enabled() && (isRecorded(x) || isRecorded(weight) || isRecorded(bias) || isRecorded(other))) {
        TORCH_CHECK(!other && !relu, "addition and ReLU have no gradient here");
        return Convolution::apply(x, weight, bias);
    }
    at::AutoDispatchBelowADInplaceOrView guard;
    return convolution(x, weight, bias, other, relu);
}

// Autocast wants the convolution in a smaller type: libtorch's own.
Tensor convolutionInAutocast(const Tensor &x, const Tensor &weight, const OptionalTensor &bias, const OptionalTensor &other,
                             bool relu) {
    auto y = at::conv2d(x, weight, bias, 1, 1);
    if (other) y = y.add(*other);
    return relu ? y.relu() : y;
}

} // namespace

// Without the instructions there is no such operator.
TORCH_LIBRARY_FRAGMENT(detect, library) {
    if (winograd::isSupported())
        library.def("winograd_convolution(Tensor x, Tensor weight, Tensor? bias, Tensor? other, bool relu) -> Tensor");
}

TORCH_LIBRARY_IMPL(detect, CPU, library) {
    if (winograd::isSupported()) library.impl("winograd_convolution", &convolution);
}

TORCH_LIBRARY_IMPL(detect, Autograd, library) {
    if (winograd::isSupported()) library.impl("winograd_convolution", &convolutionWithGradient);
}

TORCH_LIBRARY_IMPL(detect, AutocastCPU, library) {
    if (winograd::isSupported()) library.impl("winograd_convolution", &convolutionInAutocast);
}

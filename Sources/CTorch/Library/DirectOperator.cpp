// detect::direct_convolution, an operator of libtorch's dispatcher on the CPU, with its gradient.

#include "DirectConvolution.h"

#include "Operators.h"

#include <ATen/autocast_mode.h>

#include <algorithm>

namespace {

using at::IntArrayRef;

direct::Shape shapeOf(const Tensor &x, const Tensor &weight, IntArrayRef stride, IntArrayRef padding) {
    TORCH_CHECK(x.dim() == 4 && weight.dim() == 4 && weight.size(1) == x.size(1),
                "images [N, C, H, W] and weights [O, C, kH, kW], not ", x.sizes(), " and ", weight.sizes());
    TORCH_CHECK(x.size(1) % direct::channelStep == 0 && weight.size(0) % direct::channelStep == 0,
                "channels must be multiples of ", direct::channelStep, ": ", weight.sizes());
    TORCH_CHECK(weight.scalar_type() == at::kFloat, "weights of float32, not ", weight.scalar_type());
    TORCH_CHECK(stride.size() == 2 && padding.size() == 2 && stride[0] > 0 && stride[1] > 0 && padding[0] >= 0 && padding[1] >= 0,
                "stride ", stride, " and padding ", padding);
    direct::Shape shape{x.size(0), x.size(2), x.size(3), x.size(1), weight.size(0), {weight.size(2), weight.size(3)},
                        {stride[0], stride[1]}, {padding[0], padding[1]}};
    TORCH_CHECK(shape.height + 2 * padding[0] >= shape.kernel[0] && shape.width + 2 * padding[1] >= shape.kernel[1],
                "a kernel of ", weight.sizes(), " is larger than the padded image of ", x.sizes());
    return shape;
}

enum class Pass { forward, imageGradient, weightGradient };

// Whether direct sums are faster than libtorch's convolution, by measurements on two cores (Benchmarks/NOTES.md): where few rows
// meet many weights, of which libtorch brings all into another order at every step. In bfloat16 its products take half the
// time, but its gradient of the weights is slow.
bool pays(Pass pass, const direct::Shape &shape, bool isHalf) {
    const int64_t rows = shape.images * shape.resultHeight() * shape.resultWidth();
    const bool isPoint = shape.kernel[0] * shape.kernel[1] == 1, isStrided = shape.stride[0] * shape.stride[1] > 1;
    if (!isHalf) return rows <= (!isPoint ? 8192 : isStrided ? 2048 : 1024);
    if (pass != Pass::weightGradient) return rows <= std::min<int64_t>(512, shape.inputs * shape.outputs / 64);
    return rows <= (isStrided && !isPoint ? 2048 : 512);
}

bool pays(const direct::Shape &shape, bool isHalf) {
    return pays(Pass::forward, shape, isHalf) || pays(Pass::imageGradient, shape, isHalf) || pays(Pass::weightGradient, shape, isHalf);
}

bool isHalf(const Tensor &x) { return x.scalar_type() == at::kBFloat16; }

Tensor convolution(const Tensor &x, const Tensor &weight, const OptionalTensor &bias, IntArrayRef stride, IntArrayRef padding,
                   bool always) {
    checkOnCPU(x);
    checkOnCPU(weight);
    checkOnCPU(bias);
    const auto shape = shapeOf(x, weight, stride, padding);
    if (!always && !pays(Pass::forward, shape, isHalf(x)))
        return at::conv2d(x, weight.to(x.scalar_type()), bias ? OptionalTensor(bias->to(x.scalar_type())) : std::nullopt, stride,
                          padding);
    auto y = at::empty({shape.images, shape.outputs, shape.resultHeight(), shape.resultWidth()},
                       x.options().memory_format(channelsLast));
    const auto pixels = x.contiguous(channelsLast), w = weight.contiguous(channelsLast);
    OptionalTensor shift;
    if (bias) {
        TORCH_CHECK(bias->sizes() == IntArrayRef{shape.outputs}, "a bias of ", shape.outputs, ", not ", bias->sizes());
        shift = bias->to(at::kFloat).contiguous();
    }
    withElements(x, [&](auto element) {
        using T = decltype(element);
        direct::convolve(shape, elements<T>(pixels), w.const_data_ptr<float>(), elementsOrNull<float>(shift), mutableElements<T>(y));
    });
    return y;
}

struct Convolution : torch::autograd::Function<Convolution> {
    static Tensor forward(AutogradContext *context, const Tensor &x, const Tensor &weight, const OptionalTensor &bias,
                          IntArrayRef stride, IntArrayRef padding, bool always) {
        context->save_for_backward({x, weight});
        context->saved_data["has bias"] = bias.has_value();
        context->saved_data["stride"] = stride;
        context->saved_data["padding"] = padding;
        context->saved_data["always"] = always;
        return convolution(x, weight, bias, stride, padding, always);
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        TORCH_CHECK(!at::GradMode::is_enabled(), "the gradient has no gradient of its own");
        const auto saved = context->get_saved_variables();
        const auto x = saved[0].contiguous(channelsLast), weight = saved[1].contiguous(channelsLast);
        const auto stride = context->saved_data["stride"].toIntVector(), padding = context->saved_data["padding"].toIntVector();
        const bool always = context->saved_data["always"].toBool();
        const auto shape = shapeOf(x, weight, stride, padding);
        const auto isDirect = [&](Pass pass) { return always || pays(pass, shape, isHalf(x)); };
        const bool needsImage = context->needs_input_grad(0), needsWeight = context->needs_input_grad(1);
        const bool directImage = needsImage && isDirect(Pass::imageGradient),
                   directWeight = needsWeight && isDirect(Pass::weightGradient);
        variable_list result(6);
        if (needsImage != directImage || needsWeight != directWeight) {
            const auto others = at::convolution_backward(
                gradients[0].to(x.scalar_type()), x, weight.to(x.scalar_type()), std::nullopt, stride, padding, {1, 1}, false, {0, 0},
                1, {needsImage && !directImage, needsWeight && !directWeight, false});
            if (!directImage) result[0] = std::get<0>(others);
            if (needsWeight && !directWeight) result[1] = std::get<1>(others).to(at::kFloat);
        }
        Tensor dy;
        // Only tensors that were given are numbered.
        const bool needsBias = context->saved_data["has bias"].toBool() && context->needs_input_grad(2);
        if (directImage || directWeight || needsBias) dy = gradients[0].to(at::kFloat).contiguous(channelsLast);
        withElements(x, [&](auto element) {
            using T = decltype(element);
            if (directImage) {
                result[0] = at::empty_like(x);
                direct::imageGradient(shape, dy.const_data_ptr<float>(), weight.const_data_ptr<float>(),
                                      mutableElements<T>(result[0]));
            }
            if (directWeight) {
                result[1] = at::empty_like(weight);
                direct::weightGradient(shape, elements<T>(x), dy.const_data_ptr<float>(),
                                       result[1].mutable_data_ptr<float>());
            }
        });
        if (needsBias) result[2] = dy.sum({0, 2, 3});
        return result;
    }
};

Tensor convolutionWithGradient(const Tensor &x, const Tensor &weight, const OptionalTensor &bias, IntArrayRef stride,
                               IntArrayRef padding, bool always) {
    const auto isRecorded = [](const OptionalTensor &tensor) { return tensor && tensor->requires_grad(); };
    if (at::GradMode::is_enabled() && (isRecorded(x) || isRecorded(weight) || isRecorded(bias)) &&
        (always || pays(shapeOf(x, weight, stride, padding), isHalf(x))))
        return Convolution::apply(x, weight, bias, stride, padding, always);
    if (!always && !pays(Pass::forward, shapeOf(x, weight, stride, padding), isHalf(x))) {
        // Without gradients a step that pays only backwards ends here, its images in bfloat16 already.
        const auto type = x.scalar_type();
        return at::conv2d(x, weight.to(type), bias ? OptionalTensor(bias->to(type)) : bias, stride, padding);
    }
    at::AutoDispatchBelowADInplaceOrView guard;
    return convolution(x, weight, bias, stride, padding, always);
}

// Images become bfloat16, as for libtorch's own convolutions; weights stay as they are.
Tensor convolutionInAutocast(const Tensor &x, const Tensor &weight, const OptionalTensor &bias, IntArrayRef stride,
                             IntArrayRef padding, bool always) {
    if (!always && !pays(shapeOf(x, weight, stride, padding), true)) return at::conv2d(x, weight, bias, stride, padding);
    c10::impl::ExcludeDispatchKeyGuard guard(c10::DispatchKey::AutocastCPU);
    return convolutionWithGradient(at::autocast::cached_cast(at::kBFloat16, x, at::kCPU), weight, bias, stride, padding, always);
}

} // namespace

// Without the instructions there is no such operator. It is libtorch's conv2d where that is faster, but `always` by direct
// sums on request.
TORCH_LIBRARY_FRAGMENT(detect, library) {
    if (instructions::isSupported())
        library.def(
            "direct_convolution(Tensor x, Tensor weight, Tensor? bias, int[2] stride, int[2] padding, bool always) -> Tensor");
}

TORCH_LIBRARY_IMPL(detect, CPU, library) {
    if (instructions::isSupported()) library.impl("direct_convolution", &convolution);
}

TORCH_LIBRARY_IMPL(detect, AutogradCPU, library) {
    if (instructions::isSupported()) library.impl("direct_convolution", &convolutionWithGradient);
}

TORCH_LIBRARY_IMPL(detect, AutocastCPU, library) {
    if (instructions::isSupported()) library.impl("direct_convolution", &convolutionInAutocast);
}

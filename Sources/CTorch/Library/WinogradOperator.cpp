// detect::winograd_convolution, an operator of libtorch's dispatcher on the CPU, with its gradient.

#include "Winograd.h"

#include "Operators.h"

#include <ATen/autocast_mode.h>

namespace {

winograd::Shape shapeOf(const Tensor &x, const Tensor &weight) {
    TORCH_CHECK(x.dim() == 4 && weight.dim() == 4 && weight.size(2) == 3 && weight.size(3) == 3 &&
                    weight.size(1) == x.size(1),
                "images [N, C, H, W] and weights [O, C, 3, 3], not ", x.sizes(), " and ", weight.sizes());
    TORCH_CHECK(x.size(1) % winograd::channelStep == 0 && weight.size(0) % winograd::channelStep == 0,
                "channels must be multiples of ", winograd::channelStep, ": ", weight.sizes());
    TORCH_CHECK(weight.scalar_type() == at::kFloat, "weights of float32, not ", weight.scalar_type());
    return {x.size(0), x.size(2), x.size(3), x.size(1), weight.size(0)};
}

// The transform of `weight`, already channels-last.
Tensor prepared(const Tensor &weight, bool transposed) {
    auto result = at::empty({winograd::points * weight.size(0) * weight.size(1)}, weight.options());
    winograd::prepare(weight.const_data_ptr<float>(), weight.size(1), weight.size(0), transposed,
                      result.mutable_data_ptr<float>());
    return result;
}

Tensor convolution(const Tensor &x, const Tensor &weight, const OptionalTensor &bias, const OptionalTensor &other,
                   bool relu) {
    checkOnCPU(x);
    checkOnCPU(weight);
    checkOnCPU(bias);
    checkOnCPU(other);
    const auto shape = shapeOf(x, weight);
    auto y = at::empty({shape.images, shape.outputs, shape.height, shape.width}, x.options().memory_format(channelsLast));
    const auto pixels = x.contiguous(channelsLast);
    OptionalTensor shift, sum;
    if (bias) {
        TORCH_CHECK(bias->sizes() == at::IntArrayRef{shape.outputs}, "a bias of ", shape.outputs, ", not ", bias->sizes());
        shift = bias->to(at::kFloat).contiguous();
    }
    if (other) {
        TORCH_CHECK(other->sizes() == y.sizes(), "shapes ", y.sizes(), " and ", other->sizes());
        sum = other->to(x.scalar_type()).contiguous(channelsLast);
    }
    const auto transform = prepared(weight.contiguous(channelsLast), false);
    withElements(x, [&](auto element) {
        using T = decltype(element);
        winograd::convolve(shape, elements<T>(pixels), transform.const_data_ptr<float>(), elementsOrNull<float>(shift),
                           elementsOrNull<T>(sum), relu, mutableElements<T>(y));
    });
    return y;
}

// The gradient of the images.
Tensor imageGradient(const winograd::Shape &shape, const Tensor &weight, const Tensor &dy) {
    const winograd::Shape back{shape.images, shape.height, shape.width, shape.outputs, shape.inputs};
    auto dx = at::empty({shape.images, shape.inputs, shape.height, shape.width}, dy.options().memory_format(channelsLast));
    const auto transform = prepared(weight, true);
    withElements(dy, [&](auto element) {
        using T = decltype(element);
        winograd::convolve<T>(back, elements<T>(dy), transform.const_data_ptr<float>(), nullptr, nullptr, false,
                              mutableElements<T>(dx));
    });
    return dx;
}

Tensor weightGradient(const winograd::Shape &shape, const Tensor &x, const Tensor &weight, const Tensor &dy) {
    // In bfloat16 direct sums are faster where maps are small beside the weights or leave much of the last tiles empty.
    const int64_t tiles = shape.images * ((shape.height + 3) / 4) * ((shape.width + 3) / 4);
    const bool pays = tiles >= shape.inputs * shape.outputs / 120 &&
        12 * tiles <= shape.images * shape.height * shape.width;
    if (x.scalar_type() == at::kBFloat16 && !pays) {
        const auto gradients = at::convolution_backward(dy, x, weight.to(at::kBFloat16), std::nullopt, {1, 1}, {1, 1}, {1, 1},
                                                        false, {0, 0}, 1, {false, true, false});
        return std::get<1>(gradients).to(at::kFloat);
    }
    auto gradient = at::empty_like(weight);
    withElements(x, [&](auto element) {
        using T = decltype(element);
        winograd::weightGradient(shape, elements<T>(x), elements<T>(dy), gradient.mutable_data_ptr<float>());
    });
    return gradient;
}

struct Convolution : torch::autograd::Function<Convolution> {
    static Tensor forward(AutogradContext *context, const Tensor &x, const Tensor &weight, const OptionalTensor &bias) {
        context->save_for_backward({x, weight});
        context->saved_data["has bias"] = bias.has_value();
        return convolution(x, weight, bias, std::nullopt, false);
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        TORCH_CHECK(!at::GradMode::is_enabled(), "the gradient has no gradient of its own");
        const auto saved = context->get_saved_variables();
        const auto x = saved[0].contiguous(channelsLast), weight = saved[1].contiguous(channelsLast);
        const auto dy = gradients[0].to(x.scalar_type()).contiguous(channelsLast);
        const auto shape = shapeOf(x, weight);
        variable_list result(3);
        if (context->needs_input_grad(0)) result[0] = imageGradient(shape, weight, dy);
        if (context->needs_input_grad(1)) result[1] = weightGradient(shape, x, weight, dy);
        // Only tensors that were given are numbered.
        if (context->saved_data["has bias"].toBool() && context->needs_input_grad(2))
            result[2] = dy.sum({0, 2, 3}, false, at::kFloat);
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

// Images that autocast has made bfloat16 already stay so, with weights as they are; others it has to convert first.
Tensor convolutionInAutocast(const Tensor &x, const Tensor &weight, const OptionalTensor &bias, const OptionalTensor &other,
                             bool relu) {
    if (x.scalar_type() == at::kBFloat16) {
        c10::impl::ExcludeDispatchKeyGuard guard(c10::DispatchKey::AutocastCPU);
        return convolutionWithGradient(x, weight, bias, other, relu);
    }
    auto y = at::conv2d(x, weight, bias, 1, 1);
    if (other) y = y.add(*other);
    return relu ? y.relu() : y;
}

} // namespace

// Without the instructions there is no such operator.
TORCH_LIBRARY_FRAGMENT(detect, library) {
    if (instructions::isSupported())
        library.def("winograd_convolution(Tensor x, Tensor weight, Tensor? bias, Tensor? other, bool relu) -> Tensor");
}

TORCH_LIBRARY_IMPL(detect, CPU, library) {
    if (instructions::isSupported()) library.impl("winograd_convolution", &convolution);
}

TORCH_LIBRARY_IMPL(detect, AutogradCPU, library) {
    if (instructions::isSupported()) library.impl("winograd_convolution", &convolutionWithGradient);
}

TORCH_LIBRARY_IMPL(detect, AutocastCPU, library) {
    if (instructions::isSupported()) library.impl("winograd_convolution", &convolutionInAutocast);
}

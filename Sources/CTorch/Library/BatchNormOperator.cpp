// detect::batch_norm, an operator of libtorch's dispatcher on the CPU, with its gradient.

#include "BatchNorm.h"

#include "Operators.h"

#include <cmath>

namespace {

batchnorm::Shape shapeOf(const Tensor &x) { return {x.size(0) * x.size(2) * x.size(3), x.size(1)}; }

void check(const Tensor &tensor, int64_t channels) {
    checkOnCPU(tensor);
    TORCH_CHECK(tensor.scalar_type() == at::kFloat && tensor.sizes() == at::IntArrayRef{channels} && tensor.is_contiguous(),
                "float32 [", channels, "], not ", tensor.scalar_type(), tensor.sizes());
}

// What normalisation in this batch keeps for the gradient, all [C].
struct Normalised {
    Tensor y, mean, inverseDeviation;
};

Normalised normalise(const Tensor &x, const Tensor &weight, const Tensor &bias, const Tensor &runningMean,
                     const Tensor &runningVariance, double momentum, double epsilon, const OptionalTensor &other, bool relu) {
    TORCH_CHECK(x.dim() == 4 && x.size(1) % batchnorm::channelStep == 0 && x.numel() > 0,
                "images [N, C, H, W] with channels in multiples of ", batchnorm::channelStep, ", not ", x.sizes());
    checkOnCPU(x);
    checkOnCPU(other);
    const auto shape = shapeOf(x);
    for (const auto &tensor : {weight, bias, runningMean, runningVariance}) check(tensor, shape.channels);
    const auto input = x.contiguous(channelsLast);
    OptionalTensor sum;
    if (other) {
        TORCH_CHECK(other->sizes() == x.sizes(), "shapes ", x.sizes(), " and ", other->sizes());
        sum = other->to(x.scalar_type()).contiguous(channelsLast);
    }
    Normalised result{at::empty_like(input), at::empty_like(weight), at::empty_like(weight)};
    const auto scale = at::empty_like(weight), shift = at::empty_like(weight);
    auto mean = result.mean.mutable_data_ptr<float>(), deviation = result.inverseDeviation.mutable_data_ptr<float>();
    withElements(input, [&](auto element) {
        using T = decltype(element);
        // The variance for now.
        batchnorm::statistics(shape, elements<T>(input), mean, deviation);
        const auto w = weight.const_data_ptr<float>(), b = bias.const_data_ptr<float>();
        const auto m = runningMean.mutable_data_ptr<float>(), v = runningVariance.mutable_data_ptr<float>();
        // A single value varies by nothing.
        const double unbiased = static_cast<double>(shape.rows) / std::max<int64_t>(1, shape.rows - 1);
        const auto scales = scale.mutable_data_ptr<float>(), shifts = shift.mutable_data_ptr<float>();
        for (int64_t c = 0; c < shape.channels; ++c) {
            m[c] = static_cast<float>((1 - momentum) * m[c] + momentum * mean[c]);
            v[c] = static_cast<float>((1 - momentum) * v[c] + momentum * unbiased * deviation[c]);
            deviation[c] = static_cast<float>(1 / std::sqrt(deviation[c] + epsilon));
            scales[c] = w[c] * deviation[c];
            shifts[c] = b[c] - mean[c] * scales[c];
        }
        batchnorm::apply(shape, elements<T>(input), scale.const_data_ptr<float>(), shift.const_data_ptr<float>(),
                         elementsOrNull<T>(sum), relu, mutableElements<T>(result.y));
    });
    // A graph that has kept the old values must notice.
    for (const auto &tensor : {runningMean, runningVariance})
        if (!tensor.is_inference()) tensor.unsafeGetTensorImpl()->bump_version();
    return result;
}

struct BatchNorm : torch::autograd::Function<BatchNorm> {
    static Tensor forward(AutogradContext *context, const Tensor &x, const Tensor &weight, const Tensor &bias,
                          const Tensor &runningMean, const Tensor &runningVariance, double momentum, double epsilon,
                          const OptionalTensor &other, bool relu) {
        auto result = normalise(x, weight, bias, runningMean, runningVariance, momentum, epsilon, other, relu);

        context->save_for_backward(
            {x, relu ? result.y : Tensor(), weight, result.mean, result.inverseDeviation});
        context->saved_data["has other"] = other.has_value();
        return result.y;
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        TORCH_CHECK(!at::GradMode::is_enabled(), "the gradient has no gradient of its own");
        const auto saved = context->get_saved_variables();
        const auto x = saved[0].contiguous(channelsLast), y = saved[1], weight = saved[2], mean = saved[3],
                   inverseDeviation = saved[4];
        const auto dy = gradients[0].to(x.scalar_type()).contiguous(channelsLast);
        const auto shape = shapeOf(x);
        const bool hasOther = context->saved_data["has other"].toBool();
        // x, weight, bias, two running statistics, two numbers, other, relu
        variable_list result(9);
        result[0] = at::empty_like(x);
        result[1] = at::empty_like(weight);
        result[2] = at::empty_like(weight);
        // Without ReLU the gradient of what was added is dy itself.
        if (hasOther) result[7] = y.defined() ? at::empty_like(x) : dy;
        const auto slope = at::empty_like(weight), shift = at::empty_like(weight), scale = at::empty_like(weight);
        withElements(x, [&](auto element) {
            using T = decltype(element);
            const T *results = y.defined() ? elements<T>(y) : nullptr;
            const auto m = mean.const_data_ptr<float>(), deviation = inverseDeviation.const_data_ptr<float>();
            auto sum = result[2].mutable_data_ptr<float>(), product = result[1].mutable_data_ptr<float>();
            batchnorm::gradientSums(shape, elements<T>(dy), results, elements<T>(x), m, sum, product);
            const auto w = weight.const_data_ptr<float>();
            const auto scales = scale.mutable_data_ptr<float>(), slopes = slope.mutable_data_ptr<float>(),
                       shifts = shift.mutable_data_ptr<float>();
            for (int64_t c = 0; c < shape.channels; ++c) {
                // dx = γ/σ · (d − mean of d − x̂ · mean of d · x̂), x̂ = (x − µ)/σ, as scale · d + slope · x + shift.
                const double s = w[c] * static_cast<double>(deviation[c]);
                const double perValue = static_cast<double>(product[c]) * deviation[c] * deviation[c] / shape.rows;
                scales[c] = static_cast<float>(s);
                slopes[c] = static_cast<float>(-s * perValue);
                shifts[c] = static_cast<float>(s * (perValue * m[c] - sum[c] / shape.rows));
                product[c] *= deviation[c];
            }
            T *dOther = hasOther && results ? mutableElements<T>(result[7]) : nullptr;
            batchnorm::gradient(shape, elements<T>(dy), results, elements<T>(x), scale.const_data_ptr<float>(),
                                slope.const_data_ptr<float>(), shift.const_data_ptr<float>(), mutableElements<T>(result[0]),
                                dOther);
        });
        return result;
    }
};

Tensor batchNorm(const Tensor &x, const Tensor &weight, const Tensor &bias, const Tensor &runningMean,
                 const Tensor &runningVariance, double momentum, double epsilon, const OptionalTensor &other, bool relu) {
    return normalise(x, weight, bias, runningMean, runningVariance, momentum, epsilon, other, relu).y;
}

Tensor batchNormWithGradient(const Tensor &x, const Tensor &weight, const Tensor &bias, const Tensor &runningMean,
                             const Tensor &runningVariance, double momentum, double epsilon, const OptionalTensor &other,
                             bool relu) {
    return BatchNorm::apply(x, weight, bias, runningMean, runningVariance, momentum, epsilon, other, relu);
}

} // namespace

// Without the instructions there is no such operator.
TORCH_LIBRARY_FRAGMENT(detect, library) {
    if (instructions::isSupported())
        library.def("batch_norm(Tensor x, Tensor weight, Tensor bias, Tensor(a!) running_mean, Tensor(b!) running_var, "
                    "float momentum, float eps, Tensor? other, bool relu) -> Tensor");
}

TORCH_LIBRARY_IMPL(detect, CPU, library) {
    if (instructions::isSupported()) library.impl("batch_norm", &batchNorm);
}

TORCH_LIBRARY_IMPL(detect, AutogradCPU, library) {
    if (instructions::isSupported()) library.impl("batch_norm", &batchNormWithGradient);
}

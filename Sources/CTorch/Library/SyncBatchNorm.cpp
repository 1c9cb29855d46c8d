// detect::sync_batch_norm: batch norm in training whose statistics are those of all processes' images together, with its gradient,
// by operators of libtorch on any device. Each process may have another number of images.

#include "Operators.h"

#include <torch/csrc/distributed/c10d/GroupRegistry.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace {

using Group = c10::intrusive_ptr<c10d::ProcessGroup>;

// [C] as it is broadcast over x [N, C, …].
Tensor perChannel(const Tensor &values, const Tensor &x) {
    std::vector<int64_t> shape(static_cast<size_t>(x.dim()), 1);
    shape[1] = -1;
    return values.reshape(shape);
}

std::vector<int64_t> allButChannels(const Tensor &x) {
    std::vector<int64_t> dimensions{0};
    for (int64_t d = 2; d < x.dim(); ++d) dimensions.push_back(d);
    return dimensions;
}

// Where the group can exchange a tensor: where it is, or on the CPU.
at::Device meetingPlace(const Tensor &x, const Group &group) {
    const auto served = group->getDeviceTypes();
    const bool isServed = std::any_of(served.begin(), served.end(), [&](auto device) { return device.type() == x.device().type(); });
    return isServed ? x.device() : at::Device(at::kCPU);
}

struct Statistics {
    // [C] float64, and how many values each is of.
    Tensor mean, variance;
    double count;
};

// Of all processes: means and sums of squares are joined in the order of ranks, in float64 (Chan et al. 1983).
Statistics statistics(const Tensor &x, const Group &group) {
    const auto dimensions = allButChannels(x);
    const auto rows = static_cast<double>(x.numel() / x.size(1));
    const auto [variance, mean] = at::var_mean(x.to(at::kFloat), dimensions, /*correction=*/std::optional<at::Scalar>(0));
    const auto channels = x.size(1);
    auto own = at::cat({mean.to(at::kDouble), variance.to(at::kDouble) * rows, at::full({1}, rows, mean.options().dtype(at::kDouble))});
    std::vector<Tensor> input{own.to(meetingPlace(own, group))};
    std::vector<std::vector<Tensor>> all(1);
    for (int i = 0; i < group->getSize(); ++i) all[0].push_back(at::empty_like(input[0]));
    group->allgather(all, input)->wait();
    const auto gathered = at::stack(all[0]).to(own.device());  // [W, 2C + 1]
    const auto counts = gathered.narrow(1, 2 * channels, 1), means = gathered.narrow(1, 0, channels);
    const auto total = counts.sum(0);
    const auto joined = (means * counts).sum(0) / total;
    const auto squares = (gathered.narrow(1, channels, channels) + counts * (means - joined).square()).sum(0);
    return {joined, squares / total, total.item<double>()};
}

struct SyncBatchNorm : torch::autograd::Function<SyncBatchNorm> {
    static Tensor forward(AutogradContext *context, const Tensor &x, const Tensor &weight, const Tensor &bias,
                          const Tensor &runningMean, const Tensor &runningVariance, double momentum, double epsilon,
                          const std::string &name) {
        const auto group = c10d::resolve_process_group(name);
        const auto all = statistics(x, group);
        runningMean.mul_(1 - momentum).add_(all.mean.to(runningMean.scalar_type()), momentum);
        runningVariance.mul_(1 - momentum)
            .add_((all.variance * (all.count / std::max(1., all.count - 1))).to(runningVariance.scalar_type()), momentum);
        const auto inverse = (all.variance + epsilon).rsqrt();
        const auto scale = weight.to(at::kDouble) * inverse, shift = bias.to(at::kDouble) - all.mean * scale;
        auto y = (x.to(at::kFloat) * perChannel(scale.to(at::kFloat), x)).add_(perChannel(shift.to(at::kFloat), x));
        context->save_for_backward({x, weight, all.mean, inverse});
        context->saved_data["count"] = all.count;
        context->saved_data["group"] = name;
        return y.to(x.scalar_type());
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        const auto saved = context->get_saved_variables();
        const auto x = saved[0], weight = saved[1], mean = saved[2], inverse = saved[3];
        const auto group = c10d::resolve_process_group(context->saved_data["group"].toStringRef());
        const auto rows = context->saved_data["count"].toDouble();
        const auto dimensions = allButChannels(x);
        const auto d = gradients[0].to(at::kFloat);
        const auto normalised = (x.to(at::kFloat) - perChannel(mean.to(at::kFloat), x)).mul_(perChannel(inverse.to(at::kFloat), x));
        const auto sum = d.sum(dimensions).to(at::kDouble), product = (d * normalised).sum(dimensions).to(at::kDouble);
        // Gradients of weight and bias are of this process's images: those of parameters are joined elsewhere.
        variable_list result(8);
        result[1] = product.to(weight.scalar_type());
        result[2] = sum.to(weight.scalar_type());
        const auto own = at::cat({sum, product});
        std::vector<Tensor> sums{own.to(meetingPlace(own, group))};
        group->allreduce(sums)->wait();
        const auto means = (sums[0].to(own.device()) / rows).to(at::kFloat);
        const auto channels = x.size(1);
        result[0] = d.sub(perChannel(means.narrow(0, 0, channels), x))
                        .sub_(normalised.mul(perChannel(means.narrow(0, channels, channels), x)))
                        .mul_(perChannel((weight.to(at::kDouble) * inverse).to(at::kFloat), x))
                        .to(x.scalar_type());
        return result;
    }
};

Tensor syncBatchNorm(const Tensor &x, const Tensor &weight, const Tensor &bias, const Tensor &runningMean,
                     const Tensor &runningVariance, double momentum, double epsilon, std::string group) {
    TORCH_CHECK(x.dim() >= 2 && x.numel() > 0, "images [N, C, …], not ", x.sizes());
    return SyncBatchNorm::apply(x, weight, bias, runningMean, runningVariance, momentum, epsilon, group);
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(detect, library) {
    library.def("sync_batch_norm(Tensor x, Tensor weight, Tensor bias, Tensor(a!) running_mean, Tensor(b!) running_var, "
                "float momentum, float eps, str group) -> Tensor");
}

TORCH_LIBRARY_IMPL(detect, CompositeImplicitAutograd, library) { library.impl("sync_batch_norm", &syncBatchNorm); }

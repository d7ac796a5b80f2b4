#include "goshawk/train/torch/sync_norm.h"

#include <torch/torch.h>

#include <algorithm>

#include "goshawk/core/error.h"
#include "goshawk/train/torch/norm_silu.h"
#include "goshawk/train/torch/peers.h"

namespace goshawk::train {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

const std::vector<std::int64_t> kAllButChannels{0, 2, 3};

Tensor by_channel(const Tensor& values) { return values.view({1, -1, 1, 1}); }

/// Of all processes' values in x [N, C, H, W] floats.
struct Statistics {
  double count = 0;
  Tensor mean, variance;  // [C] floats; the variance without correction
};

/// Sums over x [N, C, H, W] floats of values, then of their squares: [2 C] doubles. Squares are taken around the mean first
/// and put together in doubles: nothing cancels out.
Tensor sums_of(const Tensor& x) {
  const auto count = static_cast<double>(x.numel() / x.size(1));
  const auto [variance, mean] = torch::var_mean(x, kAllButChannels, /*unbiased=*/false);
  const Tensor wide = mean.to(torch::kFloat64);
  return torch::cat({wide, variance.to(torch::kFloat64) + wide.square()}) * count;
}

Statistics statistics_from(const Tensor& sums, double count) {
  const auto halves = (sums / count).chunk(2);
  return {count, halves[0].to(torch::kFloat32), (halves[1] - halves[0].square()).clamp_min(0).to(torch::kFloat32)};
}

Statistics statistics_of(const Tensor& x, Peers& peers) {
  const auto channels = x.size(1);
  Tensor sums = torch::zeros({2 * channels + 1}, x.options().dtype(torch::kFloat64));
  if (x.size(0) > 0) {
    sums.slice(0, 0, 2 * channels).copy_(sums_of(x));
    sums[2 * channels] = static_cast<double>(x.numel() / channels);
  }
  peers.sum({sums});
  return statistics_from(sums.slice(0, 0, 2 * channels), std::max(sums[2 * channels].item<double>(), 1.0));
}

/// The normalisation with its gradient, which too runs through the statistics that all have made together.
struct SyncNorm : torch::autograd::Function<SyncNorm> {
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& weight, const Tensor& bias,
                        const Tensor& mean, const Tensor& scale, double count, std::int64_t peers) {
    context->save_for_backward({x, weight, mean, scale});
    context->saved_data["count"] = count;
    context->saved_data["peers"] = peers;
    const Tensor slope = weight * scale;
    return (x.to(torch::kFloat32) * by_channel(slope) + by_channel(bias - mean * slope)).to(x.scalar_type());
  }

  static tensor_list backward(AutogradContext* context, tensor_list gradients) {
    const auto saved = context->get_saved_variables();
    const Tensor &x = saved[0], &weight = saved[1], &mean = saved[2], &scale = saved[3];
    auto& peers = *reinterpret_cast<Peers*>(context->saved_data["peers"].toInt());
    const Tensor gradient = gradients[0].to(torch::kFloat32);
    const Tensor normal = (x.to(torch::kFloat32) - by_channel(mean)) * by_channel(scale);
    const Tensor for_bias = gradient.sum(kAllButChannels), for_weight = (gradient * normal).sum(kAllButChannels);
    // Of weight and bias each process hands its own share on: gradients are added up later.
    const Tensor all = torch::cat({for_bias, for_weight}).to(torch::kFloat64);
    peers.sum({all});
    const auto means = (all / context->saved_data["count"].toDouble()).to(torch::kFloat32).chunk(2);
    const Tensor for_x = (gradient - by_channel(means[0]) - normal * by_channel(means[1])) * by_channel(weight * scale);
    return {for_x.to(x.scalar_type()), for_weight, for_bias, Tensor(), Tensor(), Tensor(), Tensor()};
  }
};

/// One picture whose map is a single cell has no variance: its values are normalized as when detecting.
bool has_one_value(const Tensor& x) { return x.numel() == x.size(1); }

}  // namespace

void NormLayer::unfold(const Tensor& given) {
  const torch::NoGradGuard no_grad;
  weight.fill_(1);
  bias.copy_(given);
  running_mean.zero_();
  running_var.fill_(1 - options.eps());
}

void NormLayer::watch() { seen_.emplace(Seen{0, torch::zeros_like(running_mean, torch::kFloat64).repeat(2)}); }

void NormLayer::settle() {
  const torch::NoGradGuard no_grad;
  require(seen_.has_value(), "NormLayer::settle without watch");
  if (seen_->count <= 1) return seen_.reset();  // no variance to be had: it stays as it was unfolded
  const Statistics seen = statistics_from(seen_->sums, seen_->count);
  seen_.reset();
  const Tensor slope = weight / (running_var + options.eps()).sqrt();
  bias.add_((seen.mean - running_mean) * slope);
  weight.copy_(slope * (seen.variance + options.eps()).sqrt());
  running_mean.copy_(seen.mean);
  running_var.copy_(seen.variance);
}

Tensor NormLayer::forward(const Tensor& x) {
  if (seen_ && !is_training()) {
    seen_->count += static_cast<double>(x.numel() / x.size(1));
    seen_->sums += sums_of(x.detach().to(torch::kFloat32));
  }
  if (peers_ == nullptr && is_training() && has_one_value(x)) {
    return torch::batch_norm(x, weight, bias, running_mean, running_var, /*training=*/false, 0, options.eps(), false);
  }
  if (peers_ == nullptr || !is_training()) return BatchNorm2dImpl::forward(x);
  Statistics seen;
  Tensor scale;
  {
    const torch::NoGradGuard no_grad;
    seen = statistics_of(x.detach().to(torch::kFloat32), *peers_);
    scale = (seen.variance + options.eps()).rsqrt();
    const double share = options.momentum().value_or(0.1), corrected = seen.count / std::max(seen.count - 1, 1.0);
    running_mean.lerp_(seen.mean, share);
    running_var.lerp_(seen.variance * corrected, share);
    num_batches_tracked += 1;
  }
  return SyncNorm::apply(x, weight, bias, seen.mean, scale, seen.count, reinterpret_cast<std::int64_t>(peers_));
}

Tensor NormLayer::forward_silu(const Tensor& x) {
  if (seen_ || (is_training() && (peers_ != nullptr || has_one_value(x)))) return torch::silu(forward(x));
  return norm_silu(*this, x);
}

}  // namespace goshawk::train

#include "goshawk/train/torch/norm_silu.h"

#include <ATen/Parallel.h>
#include <torch/torch.h>

#include <cmath>

#include "goshawk/train/norm_silu_rows.h"

namespace goshawk::train {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// A channels-last map, or some channels of one, as a matrix.
Rows rows_of(const Tensor& map) {
  const auto type = map.scalar_type() == torch::kBFloat16 ? RowType::kBFloat16 : RowType::kFloat32;
  return {map.data_ptr(), map.size(0) * map.size(2) * map.size(3), map.size(1), map.stride(3), type};
}

/// Whether pixels follow each other at one distance, channels side by side.
bool is_matrix(const Tensor& map) {
  const auto pixel = map.stride(3);
  return map.stride(1) == 1 && pixel >= map.size(1) && map.stride(2) == map.size(3) * pixel &&
         map.stride(0) == map.size(2) * map.stride(2);
}

/// Calls `work(range, first sums, second sums)` on shares of the rows, and returns both sums over all of them. The
/// shares depend on the number of rows and threads alone, so the same step gives the same bits.
template <typename Work>
std::pair<std::vector<double>, std::vector<double>> summed(const Rows& rows, Work work) {
  const auto channels = static_cast<std::size_t>(rows.channels);
  const std::int64_t threads = at::get_num_threads();
  const std::int64_t share = (rows.count + threads - 1) / threads;
  std::vector<std::vector<double>> sums(static_cast<std::size_t>(threads), std::vector<double>(2 * channels));
  at::parallel_for(0, threads, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t t = first; t < last; ++t) {
      auto& own = sums[static_cast<std::size_t>(t)];
      work({std::min(rows.count, t * share), std::min(rows.count, (t + 1) * share)}, own.data(), own.data() + channels);
    }
  });
  std::pair<std::vector<double>, std::vector<double>> result{std::vector<double>(channels), std::vector<double>(channels)};
  for (const auto& own : sums) {
    for (std::size_t c = 0; c < channels; ++c) result.first[c] += own[c];
    for (std::size_t c = 0; c < channels; ++c) result.second[c] += own[channels + c];
  }
  return result;
}

/// The rows of a [4, C] tensor: scale, offset, mean, inverse.
NormFigures figures_of(const Tensor& figures) {
  const auto* first = figures.const_data_ptr<float>();
  const auto channels = figures.size(1);
  return {first, first + channels, first + 2 * channels, first + 3 * channels};
}

std::int64_t rows_at_once(const Rows& rows) { return std::max<std::int64_t>(1, 32768 / rows.channels); }

class NormSilu : public torch::autograd::Function<NormSilu> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& weight, const Tensor& bias,
                        const Tensor& running_mean, const Tensor& running_variance, double momentum, double epsilon) {
    const Rows in = rows_of(x);
    const auto channels = in.channels;
    const auto* shift = running_mean.const_data_ptr<float>();
    const auto [sum, squares] =
        summed(in, [&](RowRange range, double* a, double* b) { add_moments(in, range, shift, a, b); });

    Tensor figures = torch::empty({4, channels}, torch::kFloat32);
    auto* scale = figures.data_ptr<float>();
    float *offset = scale + channels, *mean = offset + channels, *inverse = mean + channels;
    const auto* gain = weight.const_data_ptr<float>();
    const auto* lift = bias.const_data_ptr<float>();
    auto* kept_mean = running_mean.data_ptr<float>();
    auto* kept_variance = running_variance.data_ptr<float>();
    const auto count = static_cast<double>(in.count);
    for (std::int64_t c = 0; c < channels; ++c) {
      const auto k = static_cast<std::size_t>(c);
      const double distance = sum[k] / count;
      const double center = shift[c] + distance;
      const double variance = std::max(0.0, squares[k] / count - distance * distance);
      mean[c] = static_cast<float>(center);
      inverse[c] = static_cast<float>(1 / std::sqrt(variance + epsilon));
      scale[c] = gain[c] * inverse[c];
      offset[c] = lift[c] - mean[c] * scale[c];
      kept_mean[c] += static_cast<float>(momentum * distance);
      kept_variance[c] += static_cast<float>(momentum * (variance * count / std::max(count - 1, 1.0) - kept_variance[c]));
    }

    Tensor y = torch::empty_like(x);
    const Rows out = rows_of(y);
    const NormFigures norm = figures_of(figures);
    at::parallel_for(0, in.count, rows_at_once(in), [&](auto begin, auto end) { scale_silu(in, out, {begin, end}, norm); });
    context->save_for_backward({x, figures});
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const Tensor& x = saved[0];
    Tensor dy = gradients[0].to(x.scalar_type());
    if (!is_matrix(dy)) dy = dy.contiguous(torch::MemoryFormat::ChannelsLast);
    const Rows in = rows_of(x), back = rows_of(dy);
    const NormFigures norm = figures_of(saved[1]);
    Tensor dx = torch::empty_like(x);
    const Rows out = rows_of(dx);
    const auto [sum, product] =
        summed(in, [&](RowRange range, double* a, double* b) { add_gradients(in, back, out, range, norm, a, b); });

    Tensor weight_gradient = torch::empty({in.channels}, torch::kFloat32),
           bias_gradient = torch::empty_like(weight_gradient);
    std::vector<float> a(static_cast<std::size_t>(in.channels)), b(a.size());
    for (std::size_t c = 0; c < a.size(); ++c) {
      bias_gradient.data_ptr<float>()[c] = static_cast<float>(sum[c]);
      weight_gradient.data_ptr<float>()[c] = static_cast<float>(product[c]);
      a[c] = static_cast<float>(sum[c] / static_cast<double>(in.count));
      b[c] = static_cast<float>(product[c] / static_cast<double>(in.count)) * norm.inverse[c];
    }
    at::parallel_for(0, in.count, rows_at_once(in), [&](auto begin, auto end) {
      input_gradient(in, out, {begin, end}, norm, a.data(), b.data());
    });
    return {dx, weight_gradient, bias_gradient, Tensor(), Tensor(), Tensor(), Tensor()};
  }
};

}  // namespace

Tensor norm_silu(torch::nn::BatchNorm2dImpl& norm, const Tensor& x) {
  const bool known_type = x.scalar_type() == torch::kBFloat16 || x.scalar_type() == torch::kFloat32;
  const bool fast = norm.is_training() && torch::GradMode::is_enabled() && x.device().is_cpu() && known_type &&
                    norm.weight.scalar_type() == torch::kFloat32 && x.is_contiguous(torch::MemoryFormat::ChannelsLast) &&
                    is_matrix(x);
  if (!fast) return torch::silu(norm.forward(x));
  norm.num_batches_tracked += 1;
  return NormSilu::apply(x, norm.weight, norm.bias, norm.running_mean, norm.running_var, norm.options.momentum().value(),
                         norm.options.eps());
}

}  // namespace goshawk::train

#include "goshawk/train/torch/weights.h"

#include <algorithm>
#include <cstring>

#include "goshawk/core/error.h"
#include "goshawk/train/torch/ema.h"
#include "goshawk/train/torch/stored.h"

namespace goshawk::train {

WeightSource weights_of(const DetectionNetwork& network) {
  auto tensors = network.named_parameters();
  for (const auto& buffer : network.named_buffers()) tensors.insert(buffer.key(), buffer.value());
  return [tensors](const std::string& name) {
    const auto* found = tensors.find(name);
    require(found != nullptr, "weights_of: the network has no such tensor");
    const auto tensor = found->detach().to(torch::kCPU, torch::kFloat32).contiguous();
    const auto* begin = tensor.const_data_ptr<float>();
    return Weights{tensor.sizes().vec(), {begin, begin + tensor.numel()}};
  };
}

namespace {

/// The tensor of a folded model that holds what a parameter of the network needs: "model.0.conv.weight" is "model.0.weight",
/// and of its norm only the bias is there.
std::string folded_name(std::string name) {
  for (const char* part : {".conv.", ".bn."}) {
    if (const auto at = name.rfind(part); at != std::string::npos) return name.replace(at, std::strlen(part), ".");
  }
  return name;
}

bool copy_fitting(torch::Tensor tensor, const Weights& weights) {
  if (weights.shape != tensor.sizes().vec()) return false;
  const torch::NoGradGuard no_grad;
  tensor.copy_(torch::from_blob(const_cast<float*>(weights.values.data()), tensor.sizes(), torch::kFloat32));
  return true;
}

}  // namespace

Taken take_checkpoint(DetectionNetwork& network, const std::filesystem::path& path) {
  const auto tensors = read_safetensors(path).tensors;
  const bool own = std::any_of(tensors.begin(), tensors.end(), [](const auto& t) { return t.first.starts_with("ema."); });
  const std::string prefix = own ? "ema." : "";
  Taken taken;
  for (const auto& [name, tensor] : tensors_of(network)) {
    ++taken.of;
    const auto found = tensors.find(prefix + name);
    if (found == tensors.end() || found->second.shape != tensor.sizes().vec()) continue;
    restore(tensor, tensors, prefix + name);
    ++taken.tensors;
  }
  return taken;
}

void move_towards(DetectionNetwork& network, const DetectionNetwork& other, double share) {
  const torch::NoGradGuard no_grad;
  const auto there = tensors_of(other);
  for (auto& [name, tensor] : tensors_of(network)) {
    if (tensor.is_floating_point()) torch::Tensor(tensor).lerp_(there.at(name), share);
  }
}

Taken take_weights(DetectionNetwork& network, const TrainedModel& model, const std::function<void()>& look) {
  Taken taken;
  std::vector<NormLayer*> norms;
  for (const auto& item : network.named_modules("", /*include_self=*/false)) {
    auto* norm = item.value()->as<NormLayer>();
    if (norm == nullptr) continue;
    ++taken.of;
    const auto found = model.weights.find(folded_name(item.key() + ".bias"));
    if (found == model.weights.end() || found->second.shape != norm->bias.sizes().vec()) continue;
    torch::Tensor bias = torch::empty_like(norm->bias);
    copy_fitting(bias, found->second);
    norm->unfold(bias);
    norms.push_back(norm);
    ++taken.tensors;
  }
  for (const auto& item : network.named_parameters()) {
    if (item.key().find(".bn.") != std::string::npos) continue;
    ++taken.of;
    const auto found = model.weights.find(folded_name(item.key()));
    if (found != model.weights.end() && copy_fitting(item.value(), found->second)) ++taken.tensors;
  }
  for (auto* norm : norms) norm->watch();
  network.eval();
  if (!norms.empty()) look();
  network.train();
  for (auto* norm : norms) norm->settle();
  return taken;
}

torch::Tensor decode_maps(const std::vector<torch::Tensor>& maps, const Network& network) {
  std::vector<torch::Tensor> flat, centers, strides;
  for (std::size_t i = 0; i < maps.size(); ++i) {
    const auto& map = maps[i];
    flat.push_back(map.flatten(2));
    const auto options = torch::TensorOptions(torch::kFloat32).device(map.device());
    const auto grid =
        torch::meshgrid({torch::arange(map.size(2), options) + 0.5, torch::arange(map.size(3), options) + 0.5}, "ij");
    centers.push_back(torch::stack({grid[1].flatten(), grid[0].flatten()}));
    strides.push_back(torch::full({1, map.size(2) * map.size(3)}, network.strides[i], options));
  }
  const auto all = torch::cat(flat, 2).to(torch::kFloat32);
  const int sides = 4 * network.bins;
  const auto chances = all.slice(1, 0, sides).unflatten(1, {4, network.bins}).softmax(2);
  const auto steps = torch::arange(network.bins, chances.options()).view({1, 1, -1, 1});
  const auto distance = (chances * steps).sum(2);  // [N, 4, A]
  const auto center = torch::cat(centers, 1).unsqueeze(0), stride = torch::cat(strides, 1).unsqueeze(0);
  const auto low = center - distance.slice(1, 0, 2), high = center + distance.slice(1, 2, 4);
  return torch::cat({(low + high) * 0.5 * stride, (high - low) * stride, all.slice(1, sides).sigmoid()}, 1);
}

}  // namespace goshawk::train

#include "goshawk/train/torch/weights.h"

#include "goshawk/core/error.h"

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

#include "goshawk/train/torch/stored.h"

#include <torch/torch.h>

#include <optional>

#include "goshawk/core/error.h"

namespace goshawk::train {
namespace {

using torch::Tensor;

StoredTensor stored(const Tensor& tensor) {
  const Tensor plain = tensor.detach().to(torch::kCPU).contiguous();
  const bool counter = plain.scalar_type() == torch::kInt64;
  require(counter || plain.scalar_type() == torch::kFloat32, "a checkpoint holds floats and counters");
  StoredTensor result{counter ? StoredType::kInt64 : StoredType::kFloat32, plain.sizes().vec(), {}};
  result.bytes.assign(static_cast<const char*>(plain.const_data_ptr()), plain.nbytes());
  return result;
}

/// Those that weights come in.
std::optional<torch::ScalarType> type_of(StoredType type) {
  switch (type) {
    case StoredType::kFloat32:
      return torch::kFloat32;
    case StoredType::kFloat16:
      return torch::kFloat16;
    case StoredType::kBFloat16:
      return torch::kBFloat16;
    case StoredType::kFloat64:
      return torch::kFloat64;
    case StoredType::kInt64:
      return torch::kInt64;
    case StoredType::kInt32:
    case StoredType::kUint8:
      break;
  }
  return std::nullopt;
}

}  // namespace

void restore(Tensor tensor, const std::map<std::string, StoredTensor>& from, const std::string& name) {
  const torch::NoGradGuard no_grad;
  const auto found = from.find(name);
  const auto type = found == from.end() ? std::nullopt : type_of(found->second.type);
  if (!type || torch::isFloatingType(*type) != tensor.is_floating_point() || found->second.shape != tensor.sizes().vec())
    throw Error(ErrorCode::kBadData, "the checkpoint does not fit the network: tensor " + name);
  tensor.copy_(torch::from_blob(const_cast<char*>(found->second.bytes.data()), tensor.sizes(), *type));
}

void store_all(std::map<std::string, StoredTensor>& to, const std::string& prefix,
               const std::map<std::string, Tensor>& tensors) {
  for (const auto& [name, tensor] : tensors) to[prefix + name] = stored(tensor);
}

void restore_all(const std::map<std::string, Tensor>& tensors, const std::map<std::string, StoredTensor>& from,
                 const std::string& prefix) {
  for (const auto& [name, tensor] : tensors) restore(tensor, from, prefix + name);
}

}  // namespace goshawk::train

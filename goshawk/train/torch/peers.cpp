#include "goshawk/train/torch/peers.h"

#include <torch/torch.h>

// LibTorch's library holds gloo whatever this says; its headers ask.
#define USE_C10D_GLOO
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#ifdef GOSHAWK_NCCL
#define USE_C10D_NCCL
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif

#include <chrono>
#include <cstring>

#include "goshawk/core/error.h"

namespace goshawk::train {
namespace {

using torch::Tensor;

constexpr std::chrono::minutes kGathering{5};
// Others wait while process 0 evaluates and writes. One that has died is noticed by its connection, not by this.
constexpr std::chrono::hours kPatience{24};

c10::intrusive_ptr<c10d::Backend> gloo_group(const c10::intrusive_ptr<c10d::Store>& store, const Membership& self) {
  using Options = c10d::ProcessGroupGloo::Options;
  const auto options = self.on_loopback() ? Options::create(kPatience) : Options::create_default(kPatience);
  if (self.on_loopback()) options->devices = {c10d::ProcessGroupGloo::createDeviceForHostname("127.0.0.1")};
  return c10::make_intrusive<c10d::ProcessGroupGloo>(store, self.rank, self.world, options);
}

c10::intrusive_ptr<c10d::Backend> device_group([[maybe_unused]] const c10::intrusive_ptr<c10d::Store>& store,
                                               [[maybe_unused]] const Membership& self) {
#ifdef GOSHAWK_NCCL
  return c10::make_intrusive<c10d::ProcessGroupNCCL>(store, self.rank, self.world);
#else
  return {};
#endif
}

}  // namespace

struct Peers::Group {
  torch::Device device;
  c10::intrusive_ptr<c10d::Backend> cpu, gpu;  // gpu: only where tensors lie on one, and the build has NCCL
};

bool Peers::has_nccl() {
#ifdef GOSHAWK_NCCL
  return true;
#else
  return false;
#endif
}

Peers::Peers() = default;
Peers::~Peers() = default;

Peers::Peers(const Membership& self, const torch::Device& device) : self_(self) {
  if (alone()) return;
  c10d::TCPStoreOptions options;
  options.port = static_cast<std::uint16_t>(self.port);
  options.isServer = self.first();
  options.numWorkers = static_cast<std::size_t>(self.world);
  options.timeout = kGathering;
  // Else it would listen to every machine that reaches this one; whoever connects can read and write what is kept there.
  if (self.first() && self.on_loopback()) options.masterListenFd = bind_on_loopback(self.address, self.port);
  try {
    const c10::intrusive_ptr<c10d::Store> store = c10::make_intrusive<c10d::TCPStore>(self.address, options);
    group_ = std::make_unique<Group>(Group{device, {}, {}});
    group_->cpu = gloo_group(c10::make_intrusive<c10d::PrefixStore>("cpu", store), self);
    if (device.is_cuda()) group_->gpu = device_group(c10::make_intrusive<c10d::PrefixStore>("gpu", store), self);
  } catch (const std::exception& error) {
    throw Error(ErrorCode::kUnavailable, std::string("the processes do not find one another: ") + error.what(),
                self.address + ":" + std::to_string(self.port), "Process 0 must be reachable there from all machines.");
  }
}

void Peers::meet(Tensor& flat, bool add) {
  const bool over_gpu = flat.is_cuda() && group_->gpu;
  Tensor carried = over_gpu ? flat : flat.to(torch::kCPU);
  std::vector<Tensor> tensors{carried};
  auto& backend = over_gpu ? group_->gpu : group_->cpu;
  try {
    (add ? backend->allreduce(tensors) : backend->broadcast(tensors))->wait();
  } catch (const std::exception&) {
    throw Error(ErrorCode::kUnavailable, "another process of this training has ended", "",
                "What went wrong stands in its own output. `goshawk train --resume` goes on from the last whole epoch.");
  }
  flat = carried.to(flat.device());
}

void Peers::sum(const std::vector<Tensor>& tensors) {
  if (alone() || tensors.empty()) return;
  const torch::NoGradGuard no_grad;
  std::vector<Tensor> parts;
  for (const auto& tensor : tensors) parts.push_back(tensor.reshape({-1}));
  Tensor all = torch::cat(parts);
  meet(all, true);
  std::int64_t begin = 0;
  for (const auto& tensor : tensors) {
    tensor.detach().copy_(all.slice(0, begin, begin + tensor.numel()).view(tensor.sizes()));
    begin += tensor.numel();
  }
}

std::vector<double> Peers::sum(std::vector<double> values) {
  if (alone() || values.empty()) return values;
  Tensor tensor = torch::tensor(values, torch::kFloat64);
  meet(tensor, true);
  std::memcpy(values.data(), tensor.const_data_ptr<double>(), values.size() * sizeof(double));
  return values;
}

std::vector<double> Peers::of_first(std::vector<double> values) {
  if (alone() || values.empty()) return values;
  Tensor tensor = torch::tensor(values, torch::kFloat64);
  meet(tensor, false);
  std::memcpy(values.data(), tensor.const_data_ptr<double>(), values.size() * sizeof(double));
  return values;
}

std::string Peers::of_first(const std::string& text) {
  if (alone()) return text;
  const auto size = static_cast<std::int64_t>(of_first(std::vector<double>{static_cast<double>(text.size())})[0]);
  Tensor bytes = torch::zeros({size}, torch::kUInt8);
  if (first() && size > 0) std::memcpy(bytes.data_ptr(), text.data(), text.size());
  if (size > 0) meet(bytes, false);
  return {static_cast<const char*>(bytes.const_data_ptr()), static_cast<std::size_t>(size)};
}

}  // namespace goshawk::train

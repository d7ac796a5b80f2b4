#include "goshawk/train/torch/compute.h"

#include <ATen/autocast_mode.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <dlfcn.h>
#include <fmt/format.h>
#include <malloc.h>
#include <torch/torch.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <new>
#include <string_view>

#include "goshawk/core/error.h"
#include "goshawk/core/memory.h"
#include "goshawk/core/processor.h"
#include "goshawk/train/torch/loss.h"
#include "goshawk/train/torch/modules.h"

namespace goshawk::train {
namespace {

namespace fs = std::filesystem;
using torch::Tensor;

/// Loads libtorch_cuda.so where it lies beside the library that is loaded: with it, torch knows GPUs. Returns why not.
std::string load_gpu_library() {
  Dl_info self{};
  if (::dladdr(reinterpret_cast<const void*>(static_cast<bool (*)()>(torch::cuda::is_available)), &self) == 0)
    return "unknown";
  const fs::path library = fs::path(self.dli_fname).parent_path() / "libtorch_cuda.so";
  std::error_code error;
  if (!fs::exists(library, error)) return "LibTorch's library for GPUs (libtorch_cuda.so) is not installed";
  // For the rest of the process, as torch's registries keep what it registers.
  if (::dlopen(library.c_str(), RTLD_NOW | RTLD_GLOBAL) == nullptr) return ::dlerror();
  return torch::cuda::is_available() ? "" : "there is no GPU that LibTorch can use";
}

/// Greatest resident memory since `begin`, in bytes.
class PeakMemory {
 public:
  explicit PeakMemory(const torch::Device& device) : device_(device) {}
  void begin() {
    if (device_.is_cuda()) return c10::getDeviceAllocator(device_.type())->resetPeakStats(device_.index());
    ::malloc_trim(0);                               // what is free already must not hide what is needed
    std::ofstream("/proc/self/clear_refs") << "5";  // the kernel's word for: forget the peak
  }
  double bytes() const {
    if (device_.is_cuda()) {
      return static_cast<double>(
          c10::getDeviceAllocator(device_.type())->getDeviceStats(device_.index()).allocated_bytes[0].peak);
    }
    constexpr std::string_view kKey = "VmHWM:";
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with(kKey)) return std::atof(line.c_str() + kKey.size()) * 1024;
    }
    return 0;
  }

 private:
  torch::Device device_;
};

double free_memory(const torch::Device& device) {
  if (!device.is_cuda()) return static_cast<double>(available_memory());
  return static_cast<double>(c10::getDeviceAllocator(device.type())->getMemoryInfo(device.index()).first);
}

}  // namespace

torch::Device choose_device(const std::string& name, int local_rank) {
  if (name == "cpu") return torch::kCPU;
  const bool automatic = name == "auto";
  if (!automatic && name != "cuda" && !name.starts_with("cuda:"))
    throw Error(ErrorCode::kUsage, fmt::format("is auto, cpu, cuda or cuda:N, not '{}'", name), "--device");
  const std::string missing = load_gpu_library();
  if (!missing.empty()) {
    if (automatic) return torch::kCPU;
    throw Error(ErrorCode::kUnavailable, missing, "--device", "Leave --device out, or give --device cpu.");
  }
  int number = local_rank;
  if (name.starts_with("cuda:")) {
    number = -1;
    const auto digits = name.substr(5);
    if (digits.size() <= 3 && digits.find_first_not_of("0123456789") == std::string::npos && !digits.empty())
      number = std::stoi(digits);
  }
  const auto count = static_cast<int>(torch::cuda::device_count());
  if (number < 0 || number >= count)
    throw Error(ErrorCode::kUnavailable, fmt::format("there are {} GPUs, and none has that number", count),
                "--device " + name);
  return {torch::kCUDA, static_cast<c10::DeviceIndex>(number)};
}

Compute compute_of(const TrainOptions& options, const torch::Device& device) {
  Compute compute{device, std::nullopt};
  if (!options.amp) return compute;
  if (options.half == "auto") {
    if (!device.is_cpu()) compute.half = torch::kFloat16;
    else if (bfloat16_is_fast()) compute.half = torch::kBFloat16;
  } else {
    compute.half = options.half == "bfloat16" ? torch::kBFloat16 : torch::kFloat16;
  }
  return compute;
}

void settle_numbers(TrainOptions& options, const Compute& compute) {
  options.amp = compute.half.has_value();
  if (compute.half) options.half = numbers_of(compute);
}

std::string numbers_of(const Compute& compute) {
  return !compute.half ? "float32" : *compute.half == torch::kBFloat16 ? "bfloat16" : "float16";
}

Autocast::Autocast(const Compute& compute) {
  if (!compute.half) return;
  type_ = compute.device.type();
  at::autocast::set_autocast_dtype(*type_, *compute.half);
  at::autocast::set_autocast_enabled(*type_, true);
}

Autocast::~Autocast() {
  if (!type_) return;
  at::autocast::clear_cache();
  at::autocast::set_autocast_enabled(*type_, false);
}

Tensor to_input(const std::vector<std::uint8_t>& pixels, std::size_t count, int side, const Compute& compute) {
  Tensor bytes = torch::from_blob(const_cast<std::uint8_t*>(pixels.data()),
                                  {static_cast<std::int64_t>(count), side, side, 3}, torch::kUInt8);
  if (compute.device.is_cuda()) bytes = bytes.pin_memory().to(compute.device, /*non_blocking=*/true);
  // Seen as [N, 3, H, W] these bytes lie channels last already.
  return bytes.permute({0, 3, 1, 2}).to(compute.half.value_or(torch::kFloat32)).mul_(1.0 / 255);
}

bool LossScaler::unscale(const std::vector<Tensor>& parameters) {
  if (!on_) return true;
  constexpr std::int64_t kGoodSteps = 2000;
  const torch::NoGradGuard no_grad;
  std::vector<Tensor> gradients;
  for (const auto& parameter : parameters) {
    if (parameter.grad().defined()) gradients.push_back(parameter.grad());
  }
  if (gradients.empty()) return true;
  at::_foreach_mul_(gradients, 1 / scale_);
  if (scale_ > 1 && !std::isfinite(torch::stack(at::_foreach_norm(gradients)).norm().item<double>())) {
    scale_ = std::max(scale_ / 2, 1.0);
    good_steps_ = 0;
    return false;
  }
  if (++good_steps_ % kGoodSteps == 0) scale_ *= 2;
  return true;
}

int fitting_batch(const Network& network, int side, const Compute& compute, int processes, int most, double reserved) {
  constexpr double kShare = 0.6;
  DetectionNetwork trial(network);
  trial.to(compute.device);
  trial.train();
  const DetectionLoss criterion(network);
  PeakMemory peak(compute.device);
  const auto bytes_with = [&](int images) {
    const std::vector<std::uint8_t> pixels(static_cast<std::size_t>(images) * static_cast<std::size_t>(side) *
                                           static_cast<std::size_t>(side) * 3);
    const auto part = static_cast<float>(side) / 2;
    const std::vector<ImageTargets> targets(static_cast<std::size_t>(images), {{{{0, 0, part, part}, 0}}, {}, {}});
    peak.begin();
    std::vector<Tensor> maps;
    {
      const Autocast autocast(compute);
      maps = trial.forward(to_input(pixels, static_cast<std::size_t>(images), side, compute));
    }
    criterion(maps, targets).total.backward();
    trial.zero_grad();
    return peak.bytes();
  };
  try {
    bytes_with(1);  // what is made once only
    const double two = bytes_with(2), four = bytes_with(4), image = std::max((four - two) / 2, 1.0);
    const double images = kShare * (free_memory(compute.device) - reserved) / processes / image;
    const auto whole = static_cast<unsigned>(std::min(std::max(images, 1.0), static_cast<double>(most)));
    return static_cast<int>(std::bit_floor(whole));
  } catch (const std::exception& error) {
    if (!says_out_of_memory(error)) throw;
    return 1;
  }
}

bool says_out_of_memory(const std::exception& error) {
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) return true;
  const std::string_view what = error.what();
  // Of c10's allocators on Linux and elsewhere, CUDA, cuBLAS, OpenCV, oneDNN (which does not say why it could not).
  const auto words = {"can't allocate memory",        "not enough memory",   "out of memory",
                      "STATUS_ALLOC_FAILED",          "Insufficient memory", "could not create a primitive",
                      "could not execute a primitive"};
  return std::any_of(words.begin(), words.end(), [&](const char* one) { return what.find(one) != what.npos; });
}

}  // namespace goshawk::train

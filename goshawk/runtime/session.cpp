#include "goshawk/runtime/session.h"

#include <onnxruntime_session_options_config_keys.h>

#include <chrono>
#include <future>
#include <nlohmann/json.hpp>

#include "goshawk/core/error.h"
#include "goshawk/core/files.h"
#include "goshawk/core/machine.h"
#include "goshawk/runtime/engine_adoption.h"
#include "goshawk/runtime/engine_cache.h"
#include "goshawk/runtime/engine_key.h"
#include "goshawk/runtime/environment.h"
#include "goshawk/runtime/ort_session.h"

namespace goshawk::runtime {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr const char* kCompiledModel = "model.onnx";

/// Opens one model with one provider, from the cache where that is possible.
class Opening {
 public:
  Opening(const fs::path& path, const ModelFile& model, const Provider& provider, const SessionOptions& options, int threads)
      : path_(path), model_(model), provider_(provider), options_(options), threads_(threads) {
    if (options.cache_folder && provider.keeps != Keeps::kNothing) cache_.emplace(*options.cache_folder);
    about_ = describe_engine(model, provider, threads);
    key_ = EngineCache::key_of(about_);
  }

  /// Throws Ort::Exception when the provider cannot load the model.
  std::unique_ptr<OrtSession> open() {
    auto session = from_cache();
    const bool cached = session != nullptr;
    if (!cached) session = into_cache();
    if (!session) session = plain();
    session->set_from_cache(cached);
    return session;
  }

  /// Makes what `fill` puts into a folder the entry of this model, when the provider loads and runs it. Returns
  /// its key. Throws Ort::Exception when it does not.
  std::string adopt(const std::function<void(const fs::path&)>& fill) {
    const fs::path staging = cache_->begin(key_);
    try {
      fill(staging);
      compiled(staging, true);
      cache_->remove(key_);
    } catch (...) {
      std::error_code ignored;
      fs::remove_all(staging, ignored);
      throw;
    }
    keep(staging);
    return key_;
  }

 private:
  Ort::SessionOptions session_options(const fs::path& engines) const {
    Ort::SessionOptions ort;
    if (options_.shared && threads_ == Environment::instance().shared_threads()) ort.DisablePerSessionThreads();
    else ort.SetIntraOpNumThreads(threads_);
    if (options_.shared) ort.AddConfigEntry(kOrtSessionOptionsConfigUseEnvAllocators, "1");
    // Threads that wait by spinning take the cores that decoding and encoding need (docs/decisions/030).
    ort.AddConfigEntry(kOrtSessionOptionsConfigAllowIntraOpSpinning, "0");
    provider_.append(ort, engines);
    return ort;
  }

  std::unique_ptr<OrtSession> make(const fs::path& file, const Ort::SessionOptions& ort, bool warm_up) const {
    // Weights are beside what a link leads to.
    auto session = std::make_unique<OrtSession>(Ort::Session(Environment::instance().ort(), behind_links(file).c_str(), ort),
                                                provider_, model_);
    if (warm_up) session->warm_up();
    return session;
  }

  std::unique_ptr<OrtSession> plain() const { return make(path_, session_options({}), options_.warm_up); }

  std::unique_ptr<OrtSession> from_cache() {
    const auto entry = cache_ ? cache_->find(key_) : std::nullopt;
    if (!entry) return nullptr;
    const bool warm_up = options_.warm_up && options_.warm_up_cached;
    try {
      if (fs::exists(*entry / kCompiledModel)) return compiled(*entry, warm_up);
      return make(path_, session_options(*entry), warm_up);
    } catch (const std::exception&) {
      cache_->remove(key_);  // stale in a way that the key does not know of
      return nullptr;
    }
  }

  std::unique_ptr<OrtSession> compiled(const fs::path& folder, bool warm_up) const {
    auto ort = session_options({});
    ort.SetGraphOptimizationLevel(ORT_DISABLE_ALL);  // there is nothing left to optimise
    return make(folder / kCompiledModel, ort, warm_up);
  }

  /// nullptr when the cache cannot be used; `plain` then tells whether it was the model's fault.
  std::unique_ptr<OrtSession> into_cache() {
    if (!cache_) return nullptr;
    std::unique_ptr<OrtSession> session;
    try {
      const fs::path staging = cache_->begin(key_);
      try {
        session = make(path_, building_options(staging), options_.warm_up);
      } catch (const std::exception&) {
        std::error_code ignored;
        fs::remove_all(staging, ignored);
        return nullptr;
      }
      keep(staging);
    } catch (const Error& error) {
      if (options_.log) options_.log("compiled models are not kept: " + std::string(error.what()));
    }
    return session;
  }

  void keep(const fs::path& staging) {
    nlohmann::json about = about_;
    about["file"] = path_.filename().string();  // for people: the key is made of what the model is, not of its name
    cache_->commit(staging, key_, about);
  }

  Ort::SessionOptions building_options(const fs::path& staging) const {
    if (provider_.keeps == Keeps::kEngineFolder) return session_options(staging);
    auto ort = session_options({});
    ort.AddConfigEntry(kOrtSessionOptionEpContextEnable, "1");
    ort.AddConfigEntry(kOrtSessionOptionEpContextFilePath, (staging / kCompiledModel).c_str());
    // The blob in its own file is mapped; inside of the model it would be read and copied (docs/decisions/031).
    ort.AddConfigEntry(kOrtSessionOptionEpContextEmbedMode, "0");
    return ort;
  }

  const fs::path& path_;
  const ModelFile& model_;
  const Provider& provider_;
  const SessionOptions& options_;
  int threads_;
  std::optional<EngineCache> cache_;
  nlohmann::json about_;
  std::string key_;
};

class Loading {
 public:
  Loading(const fs::path& path, const SessionOptions& options)
      : path_(path),
        options_(options),
        threads_(options.threads > 0 ? options.threads : usable_cores()),
        model_(inspect_beside_libraries()) {}

  std::unique_ptr<Session> load() {
    auto session = options_.device.kind == DeviceKind::kAuto ? load_on_fastest() : load_on(options_.device);
    const std::chrono::duration<double, std::milli> elapsed = Clock::now() - start_;
    session->set_load_ms(elapsed.count());
    return session;
  }

 private:
  /// Loading a provider's libraries takes about as long as reading the model and its hash: both go at once.
  ModelFile inspect_beside_libraries() const {
    const auto libraries = std::async(std::launch::async, [this] {
      try {
        const bool any = options_.device.kind == DeviceKind::kAuto;
        make_provider(any ? automatic_devices().front() : options_.device,
                      {.precision = options_.precision, .threads = threads_});
      } catch (const std::exception&) {
        // Said when the provider is made for the model.
      }
    });
    return inspect_model(path_);
  }

  ProviderWishes wishes() const {
    return {options_.precision, threads_, options_.parallel_runs, options_.engine, model_.has_eight_bits()};
  }

  std::unique_ptr<OrtSession> open(const Device& device) {
    const Provider provider = make_provider(device, wishes());
    return Opening(path_, model_, provider, options_, threads_).open();
  }

  [[noreturn]] void refuse_model(const std::string& message) const {
    throw Error(ErrorCode::kBadData, "ONNX Runtime cannot load the model: " + message, path_.string(),
                "Export it again, with an opset and operators that ONNX Runtime " + Ort::GetVersionString() + " knows");
  }

  std::unique_ptr<OrtSession> load_on(const Device& device) {
    try {
      return open(device);
    } catch (const Ort::Exception& error) {
      const std::string message = one_line(error.what());
      if (device.kind == DeviceKind::kCpu || !loads_on_cpu()) refuse_model(message);
      throw Error(ErrorCode::kUnavailable, to_string(device) + " cannot load this model: " + message, path_.string(),
                  "Use --device auto or --device cpu");
    }
  }

  /// Tells a model that nobody can load from one that is too much for a provider.
  bool loads_on_cpu() const {
    try {
      SessionOptions cpu = options_;
      cpu.precision = Precision::kAuto;
      cpu.warm_up = false;
      const Provider provider = make_provider({DeviceKind::kCpu, 0}, {.threads = threads_});
      Opening(path_, model_, provider, cpu, threads_).open();
      return true;
    } catch (const std::exception&) {
      return false;
    }
  }

  std::unique_ptr<OrtSession> load_on_fastest() {
    std::vector<std::pair<Device, std::string>> failures;
    std::optional<Error> unavailable;
    for (const Device& device : automatic_devices()) {
      try {
        auto session = open(device);
        report(failures, device);
        return session;
      } catch (const Ort::Exception& error) {
        failures.emplace_back(device, one_line(error.what()));
        if (device.kind == DeviceKind::kCpu) refuse_model(failures.back().second);
      } catch (const Error& error) {
        failures.emplace_back(device, error.what());
        if (error.code() != ErrorCode::kUnavailable && device.kind == DeviceKind::kCpu) throw;
        if (!unavailable) unavailable = error;
      }
    }
    throw Error(unavailable->code(), unavailable->what(), unavailable->where(), unavailable->hint());
  }

  void report(const std::vector<std::pair<Device, std::string>>& failures, const Device& taken) const {
    constexpr std::size_t kLongest = 160;  // the whole reason: ask for this device by name
    if (!options_.log) return;
    for (const auto& [device, reason] : failures) {
      options_.log(to_string(device) + " cannot run " + path_.filename().string() + ", using " + to_string(taken) +
                   " instead: " + (reason.size() > kLongest ? reason.substr(0, kLongest) + "..." : reason));
    }
  }

  Clock::time_point start_ = Clock::now();
  fs::path path_;
  const SessionOptions& options_;
  int threads_;
  ModelFile model_;
};

}  // namespace

std::string adopt_engine(const fs::path& model, const SessionOptions& options,
                         const std::function<void(const fs::path&)>& fill) {
  require(options.cache_folder && compiles(options.device.kind), "adopt_engine: a device that compiles, and a cache");
  const ModelFile file = inspect_model(model);
  const int threads = options.threads > 0 ? options.threads : usable_cores();
  const Provider provider = make_provider(
      options.device, {options.precision, threads, options.parallel_runs, options.engine, file.has_eight_bits()});
  try {
    return Opening(model, file, provider, options, threads).adopt(fill);
  } catch (const Ort::Exception& error) {
    throw Error(ErrorCode::kBadData, to_string(options.device) + " does not take this engine: " + one_line(error.what()),
                model.string(),
                "It has to be built from this model, by the same version of " + provider.name + ", for a GPU like " +
                    provider.hardware);
  }
}

std::size_t Tensor::size() const { return count_of(shape); }

std::unique_ptr<Session> Session::load(const fs::path& model, const SessionOptions& options) {
  return Loading(model, options).load();
}

}  // namespace goshawk::runtime

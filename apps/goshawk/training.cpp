#include "apps/goshawk/training.h"

#include <dlfcn.h>
#include <spdlog/spdlog.h>

#include <filesystem>

#include "goshawk/core/error.h"

namespace goshawk::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPluginFile = "libgoshawk_train_plugin.so";

/// Where the shared object lies: beside the program in a build, in lib/goshawk/ of an installation.
fs::path plugin_path() {
  std::error_code error;
  const fs::path folder = fs::read_symlink("/proc/self/exe", error).parent_path();
  for (const auto& path : {folder / kPluginFile, folder.parent_path() / "lib" / "goshawk" / kPluginFile}) {
    if (fs::is_regular_file(path, error)) return path;
  }
  throw Error(ErrorCode::kUnavailable, "this goshawk was built without training", kPluginFile,
              "Run `tools/setup --train` and build again: LibTorch comes with it.");
}

}  // namespace

Training Training::load() {
  const fs::path path = plugin_path();
  void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    throw Error(ErrorCode::kUnavailable, std::string("LibTorch cannot be loaded: ") + ::dlerror(), path.string(),
                "Run `tools/setup --train` and build again.");
  }
  void* symbol = ::dlsym(library, train::kTrainSymbol);
  if (symbol == nullptr)
    throw Error(ErrorCode::kUnavailable, "it is of another version of goshawk than the program", path.string());
  return Training(reinterpret_cast<train::TrainFunction>(symbol));
}

train::TrainOutcome Training::run(const train::TrainRequest& request) const {
  train::TrainOutcome outcome;
  function_(request, outcome);
  if (outcome.error) throw Error(*outcome.error, outcome.message, outcome.where, outcome.hint);
  return outcome;
}

train::TrainOptions training_options(const Config& config) {
  train::TrainOptions options;
  train::for_each_field(options, [&](const char* name, auto& field) {
    const std::string key = std::string("train.") + name;
    if (find_setting(key) == nullptr) return;  // data is an argument
    using Field = std::decay_t<decltype(field)>;
    if (key == "train.batch" && config.text(key) == "auto") {
      options.batch = 0;
      return;
    }
    if constexpr (std::is_same_v<Field, bool>) field = config.boolean(key);
    else if constexpr (std::is_same_v<Field, std::vector<std::string>>) field = config.list(key);
    else if constexpr (std::is_integral_v<Field>) field = static_cast<Field>(config.integer(key));
    else if constexpr (std::is_floating_point_v<Field>) field = config.number(key);
    else field = config.text(key);
  });
  return options;
}

train::TrainRequest training_request(const Invocation& call, const train::Membership& self) {
  train::TrainRequest request;
  request.self = self;
  request.stop = call.stop;
  request.quiet = call.config.boolean("log.quiet") || !self.first();
  if (self.first()) {
    request.tell = [](const std::string& line) { spdlog::info("{}", line); };
    request.warn = [](const std::string& line) { spdlog::warn("{}", line); };
  }
  return request;
}

}  // namespace goshawk::cli

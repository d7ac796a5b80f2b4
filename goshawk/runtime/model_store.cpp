#include "goshawk/runtime/model_store.h"

#include <algorithm>
#include <system_error>

#include "goshawk/core/error.h"
#include "goshawk/core/text.h"
#include "goshawk/runtime/model_folder.h"

namespace goshawk::runtime {
namespace {

namespace fs = std::filesystem;

/// Size and time belong to the key: a model that was trained on is another model.
std::string key_of(const fs::path& model, const SessionOptions& options) {
  std::error_code ignored;
  const auto size = fs::file_size(model, ignored);
  const auto time = fs::last_write_time(model, ignored).time_since_epoch().count();
  std::string key = fs::weakly_canonical(fs::absolute(model), ignored).string();
  for (const auto& part :
       {std::to_string(ignored ? 0 : size), std::to_string(ignored ? 0 : time), to_string(options.device),
        std::string(to_string(options.precision)), std::to_string(options.threads), std::to_string(options.parallel_runs),
        options.cache_folder ? options.cache_folder->string() : std::string("-"),
        std::string(options.warm_up ? "warm" : "cold"), to_text(options.engine)}) {
    key += '\n' + part;
  }
  return key;
}

}  // namespace

ModelStore::ModelStore(ModelStoreOptions options) : options_(std::move(options)) {
  require(options_.capacity > 0, "ModelStore needs room for one model");
}

fs::path ModelStore::find(const std::string& model) const {
  std::error_code ignored;
  if (fs::is_regular_file(model, ignored)) return model;
  const std::string name = model.ends_with(".onnx") ? model.substr(0, model.size() - 5) : model;
  std::vector<std::string> known;
  for (const auto& folder : options_.folders) {
    if (const auto found = model_named(name, folder)) return *found;
    for (const auto& path : models_in(folder)) known.push_back(path.stem().string());
  }
  throw Error(ErrorCode::kNotFound, "there is neither a file nor a model '" + model + "'" + did_you_mean(name, known));
}

std::shared_ptr<Session> ModelStore::get(const std::string& model, const SessionOptions& options) {
  const fs::path file = find(model);
  const std::string key = key_of(file, options);
  std::promise<std::shared_ptr<Session>> promise;
  std::uint64_t id = 0;
  {
    std::unique_lock lock(mutex_);
    const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) { return entry.key == key; });
    if (found != entries_.end()) {
      entries_.splice(entries_.begin(), entries_, found);
      ++statistics_.hits;
      const auto future = found->session;
      lock.unlock();
      auto session = future.get();
      lock.lock();
      statistics_.saved_ms += session->statistics().load_ms;
      return session;
    }
    ++statistics_.misses;
    id = next_id_++;
    entries_.push_front({key, id, promise.get_future().share()});
  }
  try {
    SessionOptions shared = options;
    shared.shared = true;
    std::shared_ptr<Session> session = options_.load(file, shared);
    promise.set_value(session);
    make_room();
    return session;
  } catch (...) {
    promise.set_exception(std::current_exception());
    forget(id);
    throw;
  }
}

void ModelStore::make_room() {
  std::list<Entry> evicted;  // destroyed after the lock is released: that may take long
  const std::lock_guard lock(mutex_);
  while (entries_.size() > options_.capacity) {
    evicted.splice(evicted.begin(), entries_, std::prev(entries_.end()));
    ++statistics_.evictions;
  }
}

void ModelStore::forget(std::uint64_t id) {
  const std::lock_guard lock(mutex_);
  entries_.remove_if([&](const Entry& entry) { return entry.id == id; });
}

std::size_t ModelStore::size() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

ModelStoreStatistics ModelStore::statistics() const {
  const std::lock_guard lock(mutex_);
  return statistics_;
}

void ModelStore::clear() {
  std::list<Entry> all;  // destroyed after the lock is released
  const std::lock_guard lock(mutex_);
  all.swap(entries_);
}

}  // namespace goshawk::runtime

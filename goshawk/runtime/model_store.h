// Several models at once: those used last, kept loaded.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <future>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "goshawk/runtime/session.h"

namespace goshawk::runtime {

struct ModelStoreOptions {
  std::size_t capacity = 4;                         // models that stay loaded, at least 1
  std::vector<std::filesystem::path> folders = {};  // in which names are looked for, in this order
  /// A seam for tests.
  std::function<std::unique_ptr<Session>(const std::filesystem::path&, const SessionOptions&)> load = Session::load;
};

struct ModelStoreStatistics {
  std::uint64_t hits = 0;       // a loaded model was handed out (or one that another thread was loading)
  std::uint64_t misses = 0;     // a model was loaded, or the attempt failed
  std::uint64_t evictions = 0;  // models that made room
  double saved_ms = 0;          // load times that the hits did not have to wait for
};

/// Holds the most recently used sessions, which share threads and working memory (SessionOptions::shared). A session that is
/// in use lives on after its eviction, until its last user lets go; one makes room once the next is loaded. Thread-safe;
/// different models load at the same time, one model is loaded once however many ask for it.
class ModelStore {
 public:
  explicit ModelStore(ModelStoreOptions options = {});

  /// The file of a model: a path, or a name (model_named) in one of the folders. Throws Error{kNotFound}.
  std::filesystem::path find(const std::string& model) const;

  /// The session for this model, as its file is on disk now, and these options (all but `log` and `shared` count). Throws as
  /// `find` and Session::load do.
  std::shared_ptr<Session> get(const std::string& model, const SessionOptions& options = {});

  std::size_t size() const;
  ModelStoreStatistics statistics() const;
  void clear();

 private:
  struct Entry {
    std::string key;
    std::uint64_t id;
    std::shared_future<std::shared_ptr<Session>> session;
  };

  void make_room();
  void forget(std::uint64_t id);

  const ModelStoreOptions options_;
  mutable std::mutex mutex_;
  std::list<Entry> entries_;  // most recently used first
  std::uint64_t next_id_ = 0;
  ModelStoreStatistics statistics_;
};

}  // namespace goshawk::runtime

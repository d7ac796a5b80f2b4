// The models used last, kept loaded.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <future>
#include <list>
#include <memory>
#include <mutex>
#include <string>

#include "goshawk/runtime/session.h"

namespace goshawk::runtime {

struct ModelStoreStatistics {
  std::uint64_t hits = 0;       // a loaded model was handed out (or one that another thread was loading)
  std::uint64_t misses = 0;     // a model was loaded, or the attempt failed
  std::uint64_t evictions = 0;  // models that made room
  double saved_ms = 0;          // load times that the hits did not have to wait for
};

/// Holds the `capacity` most recently used sessions. A session that is in use lives on after its eviction, until its last
/// user lets go. Thread-safe; different models load at the same time, one model is loaded once however many ask for it.
class ModelStore {
 public:
  using Loader = std::function<std::unique_ptr<Session>(const std::filesystem::path&, const SessionOptions&)>;

  /// `capacity` at least 1. `load` is a seam for tests.
  explicit ModelStore(std::size_t capacity, Loader load = Session::load);

  /// The session for this file, as it is on disk now, and these options (all but `log` count). Throws as Session::load.
  std::shared_ptr<Session> get(const std::filesystem::path& model, const SessionOptions& options = {});

  std::size_t size() const;
  ModelStoreStatistics statistics() const;
  void clear();

 private:
  struct Entry {
    std::string key;
    std::uint64_t id;
    std::shared_future<std::shared_ptr<Session>> session;
  };

  void forget(std::uint64_t id);

  const std::size_t capacity_;
  const Loader load_;
  mutable std::mutex mutex_;
  std::list<Entry> entries_;  // most recently used first
  std::uint64_t next_id_ = 0;
  ModelStoreStatistics statistics_;
};

}  // namespace goshawk::runtime

// Compiled models on disk, so that a model is compiled once a machine and not once a start.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

namespace goshawk::runtime {

/// What a cache holds.
struct CachedEngine {
  std::string key;
  std::string about;        // JSON: what the entry was made for; "{}" where that cannot be read
  std::uint64_t bytes = 0;  // of all its files
  std::int64_t used = 0;    // seconds since 1970 of its last use
  bool sound = true;        // its files are what they were when it was made
};

/// A folder of entries. An entry is a folder of files with `manifest.json`, which holds each file's size and SHA-256;
/// entries appear as a whole (a folder is filled under a temporary name, then renamed) and are checked when they are used,
/// so that what was cut off or changed is built again instead of being given to a provider. When all entries together
/// are larger than the limit, those not used for longest are removed.
/// Several processes may use one folder. Thread-safe: holds no state but the folder's path.
class EngineCache {
 public:
  static constexpr std::uint64_t kDefaultLimit = 2ULL << 30;

  explicit EngineCache(std::filesystem::path folder, std::uint64_t max_bytes = kDefaultLimit);

  /// Name of the entry for what `about` describes (any JSON object: model, provider, versions, device, precision, threads).
  static std::string key_of(const nlohmann::json& about);

  /// The entry's folder, when it is there and unchanged; marks it as used now. A damaged entry is removed.
  std::optional<std::filesystem::path> find(const std::string& key);

  /// A new, empty folder to fill. Throws Error{kIo} when it cannot be made (full disk, no permission).
  std::filesystem::path begin(const std::string& key);
  /// Makes `staging` the entry `key`, then removes old entries beyond the limit. False when there is nothing in `staging` or
  /// another process was faster; `staging` is gone then. Throws Error{kIo}; `staging` is gone then, too.
  bool commit(const std::filesystem::path& staging, const std::string& key, const nlohmann::json& about);

  void remove(const std::string& key);
  /// Every entry, the one used last first. Reads all files to see whether they are unchanged; removes nothing.
  std::vector<CachedEngine> list() const;
  /// Removes the least recently used entries until all are within the limit, and what crashed processes left behind.
  void trim();

 private:
  std::filesystem::path folder_;
  std::uint64_t max_bytes_;
};

}  // namespace goshawk::runtime

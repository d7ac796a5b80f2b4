#include "goshawk/runtime/engine_cache.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <nlohmann/json.hpp>
#include <system_error>
#include <vector>

#include "goshawk/core/document.h"
#include "goshawk/core/error.h"
#include "goshawk/core/files.h"
#include "goshawk/core/json_text.h"

namespace goshawk::runtime {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kManifest = "manifest.json";
constexpr std::string_view kStaging = ".staging-";
constexpr std::size_t kMostFiles = 1000;

std::string unique_suffix() {
  static std::atomic<unsigned> counter{0};
  return std::to_string(::getpid()) + "-" + std::to_string(counter++);
}

/// Renames first, so that no other process ever sees half of an entry.
void remove_folder(const fs::path& folder) {
  std::error_code ignored;
  const fs::path doomed = folder.parent_path() / (std::string(kStaging) + "removed-" + unique_suffix());
  fs::rename(folder, doomed, ignored);
  fs::remove_all(ignored ? folder : doomed, ignored);
}

json describe_files(const fs::path& folder) {
  json files = json::object();
  for (const auto& file : fs::directory_iterator(folder)) {
    if (!file.is_regular_file() || files.size() >= kMostFiles) continue;
    files[file.path().filename().string()] = {{"bytes", file.file_size()}, {"sha256", sha256_of_file(file.path())}};
  }
  return files;
}

bool is_unchanged(const fs::path& folder) {
  const json manifest = read_document(folder / kManifest);
  const json& files = manifest.at("files");
  if (!files.is_object() || files.empty()) return false;
  return std::all_of(files.items().begin(), files.items().end(), [&](const auto& item) {
    const fs::path file = folder / item.key();
    return file.parent_path() == folder && fs::file_size(file) == item.value().at("bytes").template get<std::uint64_t>() &&
           sha256_of_file(file) == item.value().at("sha256").template get<std::string>();
  });
}

struct Entry {
  fs::path folder;
  std::uint64_t bytes = 0;
  fs::file_time_type used;
};

Entry measure(const fs::path& folder) {
  std::error_code ignored;
  Entry entry{folder, 0, fs::last_write_time(folder / kManifest, ignored)};
  if (ignored) entry.used = fs::file_time_type::min();
  for (const auto& file : fs::directory_iterator(folder, ignored)) {
    const auto bytes = file.file_size(ignored);
    if (!ignored) entry.bytes += bytes;
  }
  return entry;
}

}  // namespace

EngineCache::EngineCache(fs::path folder, std::uint64_t max_bytes) : folder_(std::move(folder)), max_bytes_(max_bytes) {}

std::string EngineCache::key_of(const json& about) { return sha256_of_bytes(about.dump()).substr(0, 32); }

std::optional<fs::path> EngineCache::find(const std::string& key) {
  const fs::path entry = folder_ / key;
  std::error_code ignored;
  if (!fs::is_directory(entry, ignored)) return std::nullopt;
  try {
    if (is_unchanged(entry)) {
      fs::last_write_time(entry / kManifest, fs::file_time_type::clock::now(), ignored);
      return entry;
    }
  } catch (const std::exception&) {
    // A manifest that cannot be read or understood is a damaged entry like any other.
  }
  remove_folder(entry);
  return std::nullopt;
}

fs::path EngineCache::begin(const std::string& key) {
  const fs::path staging = folder_ / (std::string(kStaging) + key + "-" + unique_suffix());
  std::error_code error;
  fs::create_directories(staging, error);
  if (error) {
    throw Error(ErrorCode::kIo, "the cache folder cannot be written: " + error.message(), folder_.string(),
                "Set GOSHAWK_CACHE to a folder that can be written");
  }
  return staging;
}

bool EngineCache::commit(const fs::path& staging, const std::string& key, const json& about) {
  bool committed = false;
  try {
    const json files = describe_files(staging);
    if (!files.empty()) {
      write_file_atomically(staging / kManifest, json_text(json{{"about", about}, {"files", files}}, 1) + "\n");
      std::error_code error;
      fs::rename(staging, folder_ / key, error);  // fails when there is an entry already: another process was faster
      committed = !error;
    }
  } catch (const fs::filesystem_error& error) {
    remove_folder(staging);
    throw Error(ErrorCode::kIo, std::string("the cache cannot be written: ") + error.what(), folder_.string());
  } catch (...) {
    remove_folder(staging);
    throw;
  }
  if (!committed) remove_folder(staging);
  trim();
  return committed;
}

void EngineCache::remove(const std::string& key) { remove_folder(folder_ / key); }

std::vector<CachedEngine> EngineCache::list() const {
  std::vector<CachedEngine> engines;
  std::error_code ignored;
  for (const auto& item : fs::directory_iterator(folder_, ignored)) {
    const std::string key = item.path().filename().string();
    if (!item.is_directory(ignored) || key.starts_with(kStaging)) continue;
    const Entry entry = measure(item.path());
    const auto used = std::chrono::file_clock::to_sys(entry.used);
    CachedEngine engine{key, "{}", entry.bytes,
                        std::chrono::duration_cast<std::chrono::seconds>(used.time_since_epoch()).count(), false};
    try {
      engine.about = read_document(item.path() / kManifest).at("about").dump();
      engine.sound = is_unchanged(item.path());
    } catch (const std::exception&) {
      // Listed as damaged; the next use removes it.
    }
    engines.push_back(std::move(engine));
  }
  std::sort(engines.begin(), engines.end(), [](const auto& a, const auto& b) { return a.used > b.used; });
  return engines;
}

void EngineCache::trim() {
  std::vector<Entry> entries;
  std::uint64_t total = 0;
  std::error_code ignored;
  const auto now = fs::file_time_type::clock::now();
  for (const auto& item : fs::directory_iterator(folder_, ignored)) {
    if (!item.is_directory(ignored)) continue;
    const bool staging = item.path().filename().string().starts_with(kStaging);
    // Nothing takes a day to compile: what is older was left behind by a process that died.
    if (staging && now - item.last_write_time(ignored) > std::chrono::hours(24)) fs::remove_all(item.path(), ignored);
    if (staging) continue;
    entries.push_back(measure(item.path()));
    total += entries.back().bytes;
  }
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.used < b.used; });
  for (const auto& entry : entries) {
    if (total <= max_bytes_) break;
    remove_folder(entry.folder);
    total -= entry.bytes;
  }
}

}  // namespace goshawk::runtime

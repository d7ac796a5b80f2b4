// Reading files within limits, writing them so that nothing half-written ever has a final name, and run folders.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>

namespace goshawk {

/// Whole content of a file of at most `max_bytes`.
/// A pipe or device is read only where the caller opened it (/dev/fd/N, /dev/stdin), and /dev/null as an empty file.
/// Throws Error{kNotFound} when it cannot be opened or is no regular file, {kBadData} when it is larger, {kIo} when reading
/// fails.
std::string read_file(const std::filesystem::path& path, std::uint64_t max_bytes = 64ULL << 20);

/// The file that a link stands for, or would; `path` itself where it is none.
std::filesystem::path behind_links(const std::filesystem::path& path);

/// Creates the folder where it is not there, with those above it. An empty path is the current folder. Throws Error{kIo}.
void make_folder(const std::filesystem::path& folder);

/// Writes `content` under a temporary name beside `path`, flushes it to disk and renames it. Throws Error{kIo},
/// {kUsage} where `path` is a device or a pipe.
void write_file_atomically(const std::filesystem::path& path, std::string_view content);

/// Removes a file that others write under a temporary name, unless it has got its own by then. Not thread-safe.
struct Leftover {
  std::filesystem::path path;

  explicit Leftover(std::filesystem::path file) : path(std::move(file)) {}
  ~Leftover();
  Leftover(const Leftover&) = delete;
  Leftover& operator=(const Leftover&) = delete;
};

/// A file that grows under a temporary name beside `path` and takes its final name in `commit`. What it replaces hands on
/// its permissions; a link stays one, and the file behind it is replaced.
/// The destructor removes what was not committed. Not thread-safe.
class AtomicFile {
 public:
  /// Throws Error{kIo} when the temporary file cannot be created, {kUsage} where `path` is a device or a pipe.
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  std::ostream& stream() { return stream_; }
  const std::filesystem::path& path() const { return path_; }
  /// Throws Error{kIo} when the disk is full or a write failed; the final name is then untouched.
  void commit();

 private:
  std::filesystem::path path_;
  std::filesystem::path target_;  // what `path_` stands for if it is a link
  std::filesystem::path temporary_;
  std::ofstream stream_;
  bool committed_ = false;
};

/// A folder that fills under a temporary name beside `path` and takes its final name in `commit`, so that nothing
/// half-written ever has that name. The destructor removes what was not committed. Not thread-safe; threads may write into
/// the folder.
class AtomicFolder {
 public:
  /// Makes the folders above `path` too. Throws Error{kUsage} when `path` exists, {kIo} when it cannot be made.
  explicit AtomicFolder(const std::filesystem::path& path);
  ~AtomicFolder();
  AtomicFolder(const AtomicFolder&) = delete;
  AtomicFolder& operator=(const AtomicFolder&) = delete;

  /// Where the files are until `commit`.
  const std::filesystem::path& temporary_path() const { return temporary_; }
  const std::filesystem::path& path() const { return path_; }
  /// Flushes to disk and renames. Throws Error{kUsage} when the final name was taken meanwhile, {kIo}.
  void commit();

 private:
  std::filesystem::path path_;
  std::filesystem::path temporary_;
  bool committed_ = false;
};

/// Temporary name beside `path` for a file that another library writes; unique in this process. Keeps the extension.
std::filesystem::path temporary_beside(const std::filesystem::path& path);
/// "last.onnx" of ".last.part-PID-N.onnx", which a killed program may have left beside it; empty for other names.
std::string target_of_temporary(const std::filesystem::path& file);
/// fsyncs `from` and renames it to `to`. Throws Error{kIo}, {kUsage} where `to` is a device or a pipe.
void rename_durably(const std::filesystem::path& from, const std::filesystem::path& to);

/// Creates and returns `parent/name`, or `parent/name2`, `parent/name3`, ... when that exists (Ultralytics' run folders).
/// Throws Error{kIo}, and {kUsage} when `name` is not a plain file name.
std::filesystem::path create_run_folder(const std::filesystem::path& parent, const std::string& name);

/// `$XDG_CACHE_HOME/goshawk`, else `~/.cache/goshawk`, else `/tmp/goshawk-<uid>`; `GOSHAWK_CACHE` overrides. Not created.
std::filesystem::path user_cache_folder();

/// SHA-256 as 64 lower-case hexadecimal digits.
std::string sha256_of_bytes(std::string_view bytes);
/// Of a file's content, read in blocks. Throws as `read_file` does, without a limit.
std::string sha256_of_file(const std::filesystem::path& path);

}  // namespace goshawk

#include "goshawk/core/files.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <system_error>
#include <utility>
#include <vector>

#include "goshawk/core/descriptor.h"
#include "goshawk/core/error.h"

namespace goshawk {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kTemporaryTag = ".part-";

std::string reason() { return std::generic_category().message(errno); }

[[noreturn]] void throw_io(const std::string& action, const fs::path& path) {
  const int code = errno;
  std::string hint;
  if (code == ENOSPC || code == EDQUOT) hint = "Free some space, or write elsewhere.";
  if (code == EACCES || code == EROFS) hint = "Choose a folder that you may write to.";
  const std::string target = target_of_temporary(path);
  const fs::path shown = target.empty() ? path : path.parent_path() / target;
  throw Error(ErrorCode::kIo, action + ": " + (code != 0 ? std::generic_category().message(code) : "unknown reason"),
              shown.string(), hint);
}

[[noreturn]] void throw_taken(const fs::path& path) {
  throw Error(ErrorCode::kUsage, "the target exists already", path.string(), "Remove it, or choose another name.");
}

Descriptor open(const fs::path& path, int flags) { return Descriptor(::open(path.c_str(), flags | O_CLOEXEC)); }

/// What the caller opened for us (`<(...)`, `/dev/stdin`) may be a pipe; /dev/null is an empty file.
bool is_handed_over(const fs::path& path) {
  const std::string name = path.string();
  return name.starts_with("/dev/fd/") || name.starts_with("/proc/self/fd/") || name == "/dev/stdin" || name == "/dev/null";
}

void check_readable(const Descriptor& file, const fs::path& path) {
  if (!file.is_open()) {
    throw Error(ErrorCode::kNotFound, "cannot open the file: " + reason(), path.string());
  }
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) throw_io("cannot look at the file", path);
  if (S_ISDIR(status.st_mode)) {
    throw Error(ErrorCode::kNotFound, "this is a folder, a file was expected", path.string());
  }
  if (!S_ISREG(status.st_mode) && !is_handed_over(path)) {
    throw Error(ErrorCode::kNotFound, "this is a pipe or a device, a file was expected", path.string());
  }
}

/// Opening a pipe that nobody writes to would wait for ever; once it is known what the file is, reading may wait.
Descriptor open_readable(const fs::path& path) {
  Descriptor file = open(path, O_RDONLY | O_NONBLOCK);
  check_readable(file, path);
  if (::fcntl(file.get(), F_SETFL, O_RDONLY) != 0) throw_io("cannot open the file", path);
  return file;
}

/// A file may be replaced; a device or a pipe (/dev/null) would be lost to everybody.
void check_replaceable(const fs::path& path) {
  std::error_code error;
  const auto there = fs::status(path, error);
  if (fs::exists(there) && !fs::is_regular_file(there) && !fs::is_directory(there)) {
    throw Error(ErrorCode::kUsage, "this is a device or a pipe, which a file must not replace", path.string(),
                "Give the name of a file.");
  }
}

/// Calls `sink(bytes)` for each block of the file.
template <typename Sink>
void read_blocks(const fs::path& path, Sink sink) {
  const Descriptor file = open_readable(path);
  std::vector<char> block(1 << 18);
  for (;;) {
    const ssize_t n = ::read(file.get(), block.data(), block.size());
    if (n == 0) return;
    if (n < 0) {
      if (errno == EINTR) continue;
      throw_io("reading failed", path);
    }
    sink(std::string_view(block.data(), static_cast<std::size_t>(n)));
  }
}

class Sha256 {
 public:
  Sha256() : context_(EVP_MD_CTX_new(), &EVP_MD_CTX_free) {
    require(context_ && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1, "SHA-256 is not available");
  }
  void add(std::string_view bytes) { EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()); }
  std::string hex() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int length = 0;
    EVP_DigestFinal_ex(context_.get(), digest.data(), &length);
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text;
    for (unsigned int i = 0; i < length; ++i) {
      text += kDigits[digest[i] >> 4];
      text += kDigits[digest[i] & 15];
    }
    return text;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

/// At most `count` bytes of `text`, without half a code point at the end.
std::string first_bytes_of_utf8(const std::string& text, std::size_t count) {
  if (text.size() <= count) return text;
  while (count > 0 && (static_cast<unsigned char>(text[count]) & 0xC0U) == 0x80U) --count;
  return text.substr(0, count);
}

}  // namespace

std::string read_file(const fs::path& path, std::uint64_t max_bytes) {
  std::string content;
  read_blocks(path, [&](std::string_view block) {
    if (content.size() + block.size() > max_bytes) {
      throw Error(ErrorCode::kBadData, "the file is larger than " + std::to_string(max_bytes) + " bytes", path.string());
    }
    content += block;
  });
  return content;
}

fs::path temporary_beside(const fs::path& path) {
  static std::atomic<unsigned> counter{0};
  const std::string tag = std::string(kTemporaryTag) + std::to_string(::getpid()) + "-" + std::to_string(counter++);
  std::string stem = path.stem().string(), extension = path.extension().string();
  if (extension.size() > 32) {  // no type of file, just a dot in a name
    stem += extension;
    extension.clear();
  }
  const std::size_t room = NAME_MAX - 1 - tag.size() - extension.size();
  return path.parent_path() / ("." + first_bytes_of_utf8(stem, room) + tag + extension);
}

std::string target_of_temporary(const fs::path& file) {
  const std::string name = file.filename().string();
  const auto tag = name.rfind(kTemporaryTag);
  if (!name.starts_with('.') || tag == std::string::npos) return {};
  std::string_view rest = std::string_view(name).substr(tag + kTemporaryTag.size());
  const auto skip_digits = [&] {
    const auto digits = std::min(rest.find_first_not_of("0123456789"), rest.size());
    rest.remove_prefix(digits);
    return digits > 0;
  };
  if (!skip_digits() || !rest.starts_with('-')) return {};
  rest.remove_prefix(1);
  if (!skip_digits() || (!rest.empty() && !rest.starts_with('.'))) return {};
  return name.substr(1, tag - 1) + std::string(rest);
}

void rename_durably(const fs::path& from, const fs::path& to) {
  check_replaceable(to);
  {
    const Descriptor file = open(from, O_RDONLY);
    if (!file.is_open() || ::fsync(file.get()) != 0) throw_io("cannot flush the file to disk", to);
  }
  if (::rename(from.c_str(), to.c_str()) != 0) throw_io("cannot give the file its final name", to);
}

void make_folder(const fs::path& folder) {
  if (folder.empty()) return;
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw Error(ErrorCode::kIo, "cannot create the folder: " + error.message(), folder.string());
}

fs::path behind_links(const fs::path& path) {
  std::error_code error;
  if (!fs::is_symlink(path, error)) return path;
  const auto target = fs::weakly_canonical(path, error);
  return error ? path : target;
}

Leftover::~Leftover() {
  std::error_code ignored;
  fs::remove(path, ignored);
}

AtomicFile::AtomicFile(fs::path path)
    : path_(std::move(path)), target_(behind_links(path_)), temporary_(temporary_beside(target_)) {
  check_replaceable(target_);
  errno = 0;
  stream_.open(temporary_, std::ios::binary);
  if (!stream_) throw_io("cannot create the file", path_);
  std::error_code error;
  const auto replaced = fs::status(target_, error);
  if (fs::is_regular_file(replaced)) fs::permissions(temporary_, replaced.permissions(), error);
}

AtomicFile::~AtomicFile() {
  if (committed_) return;
  stream_.close();
  std::error_code ignored;
  fs::remove(temporary_, ignored);
}

void AtomicFile::commit() {
  if (stream_) errno = 0;  // else it still tells what went wrong
  stream_.close();
  if (!stream_) throw_io("cannot write the file", path_);
  rename_durably(temporary_, target_);
  committed_ = true;
}

void write_file_atomically(const fs::path& path, std::string_view content) {
  AtomicFile file(path);
  file.stream().write(content.data(), static_cast<std::streamsize>(content.size()));
  file.commit();
}

AtomicFolder::AtomicFolder(const fs::path& path) {
  // "out/" and "out" are the same folder; an absolute path keeps its meaning when the current folder changes.
  path_ = fs::absolute(path).lexically_normal();
  if (!path_.has_filename()) path_ = path_.parent_path();
  std::error_code error;
  if (fs::symlink_status(path_, error).type() != fs::file_type::not_found) throw_taken(path);
  make_folder(path_.parent_path());
  temporary_ = temporary_beside(path_);
  if (::mkdir(temporary_.c_str(), 0777) != 0) throw_io("cannot create the folder", path);
}

AtomicFolder::~AtomicFolder() {
  if (committed_) return;
  std::error_code ignored;
  fs::remove_all(temporary_, ignored);
}

void AtomicFolder::commit() {
  {
    const Descriptor folder = open(temporary_, O_RDONLY | O_DIRECTORY);
    if (folder.get() < 0 || ::syncfs(folder.get()) != 0) throw_io("cannot flush the folder to disk", path_);
  }
  if (::renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, path_.c_str(), RENAME_NOREPLACE) == 0) {
    committed_ = true;
    return;
  }
  if (errno == EEXIST) throw_taken(path_);
  if (errno != EINVAL && errno != ENOSYS) throw_io("cannot give the folder its final name", path_);
  // The file system knows no RENAME_NOREPLACE. A plain rename replaces an empty folder at most.
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) throw_io("cannot give the folder its final name", path_);
  committed_ = true;
}

fs::path create_run_folder(const fs::path& parent, const std::string& name) {
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos) {
    throw Error(ErrorCode::kUsage, "the run's name must be a plain folder name, not '" + name + "'", "--name");
  }
  make_folder(parent);
  std::error_code error;
  for (int number = 1;; ++number) {
    const fs::path folder = parent / (number == 1 ? name : name + std::to_string(number));
    if (fs::create_directory(folder, error)) return folder;  // also settles a race with another run
    if (error) throw Error(ErrorCode::kIo, "cannot create the folder: " + error.message(), folder.string());
  }
}

fs::path user_cache_folder() {
  if (const char* chosen = std::getenv("GOSHAWK_CACHE"); chosen != nullptr && *chosen != '\0') return chosen;
  if (const char* xdg = std::getenv("XDG_CACHE_HOME"); xdg != nullptr && *xdg == '/') return fs::path(xdg) / "goshawk";
  if (const char* home = std::getenv("HOME"); home != nullptr && *home == '/') return fs::path(home) / ".cache" / "goshawk";
  return "/tmp/goshawk-" + std::to_string(::getuid());
}

std::string sha256_of_bytes(std::string_view bytes) {
  Sha256 hash;
  hash.add(bytes);
  return hash.hex();
}

std::string sha256_of_file(const fs::path& path) {
  Sha256 hash;
  read_blocks(path, [&](std::string_view block) { hash.add(block); });
  return hash.hex();
}

}  // namespace goshawk

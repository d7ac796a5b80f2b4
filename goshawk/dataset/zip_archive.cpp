#include "goshawk/dataset/zip_archive.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <system_error>
#include <unordered_set>
#include <utility>

#include "goshawk/core/descriptor.h"
#include "goshawk/core/error.h"
#include "goshawk/core/text.h"
#include "goshawk/dataset/safe_path.h"

namespace goshawk::dataset {
namespace {

namespace fs = std::filesystem;

using Archive = std::unique_ptr<zip_t, decltype(&zip_discard)>;
using Entry = std::unique_ptr<zip_file_t, decltype(&zip_fclose)>;

std::string message_of(int code) {
  zip_error_t error;
  zip_error_init_with_code(&error, code);
  std::string text = zip_error_strerror(&error);
  zip_error_fini(&error);
  return text;
}

Archive open_archive(const fs::path& path) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) throw Error(ErrorCode::kNotFound, "there is no such file", path.string());
  int code = 0;
  Archive archive(zip_open(path.c_str(), ZIP_RDONLY, &code), &zip_discard);
  if (archive) return archive;
  if (code == ZIP_ER_OPEN) throw Error(ErrorCode::kNotFound, "cannot open the file", path.string());
  throw Error(ErrorCode::kBadData, "no zip archive, or a damaged one: " + message_of(code), path.string(),
              "Was it downloaded as a whole?");
}

/// An entry that may be unpacked.
struct Wanted {
  zip_uint64_t index = 0;
  std::string name;
  std::uint64_t bytes = 0;
};

/// Judges the entries of an archive.
class Inspection {
 public:
  Inspection(zip_t* archive, const fs::path& path, const ZipLimits& limits, ProblemList& problems)
      : archive_(archive), path_(path), limits_(limits), problems_(problems) {}

  std::vector<Wanted> wanted() {
    const auto count = static_cast<zip_uint64_t>(zip_get_num_entries(archive_, 0));
    if (count > limits_.entries) refuse("", "the archive has more than " + std::to_string(limits_.entries) + " entries");
    std::vector<Wanted> entries;
    for (zip_uint64_t i = 0; i < count; ++i) {
      if (auto entry = judge(i)) entries.push_back(std::move(*entry));
    }
    check_growth();
    return entries;
  }

 private:
  [[noreturn]] void refuse(const std::string& entry, const std::string& message, const std::string& hint = {}) const {
    throw Error(ErrorCode::kBadData, entry.empty() ? message : message + ": " + dataset::quoted(entry), path_.string(),
                hint);
  }

  std::optional<Wanted> judge(zip_uint64_t index) {
    zip_stat_t status;
    zip_stat_init(&status);
    const char* raw = zip_get_name(archive_, index, ZIP_FL_ENC_GUESS);
    if (raw == nullptr || zip_stat_index(archive_, index, 0, &status) != 0) refuse("", "an entry of the archive is damaged");
    const std::string name = raw;
    const auto safe = safe_relative_path(name);
    if (!safe) refuse(name, "an entry's name leads out of the archive");
    const bool is_folder = name.ends_with('/') || name.ends_with('\\');
    if (is_link(index)) refuse(name, "an entry is a symbolic link");
    if (is_folder) return std::nullopt;
    if (!names_.insert(*safe).second) refuse(name, "the archive holds two entries of one name");
    check_size(name, status);
    if ((status.valid & ZIP_STAT_ENCRYPTION_METHOD) != 0 && status.encryption_method != ZIP_EM_NONE) {
      refuse(name, "the archive is encrypted", "Unpack it first, and give the folder.");
    }
    const std::string lower = to_lower(name);
    if (lower.ends_with(".zip") || lower.ends_with(".tar") || lower.ends_with(".gz") || lower.ends_with(".7z")) {
      problems_.add(ProblemKind::kBadLine, Severity::kWarning, name, 0, "an archive within the archive is not opened");
      return std::nullopt;
    }
    return Wanted{index, *safe, status.size};
  }

  bool is_link(zip_uint64_t index) const {
    zip_uint8_t system = 0;
    zip_uint32_t attributes = 0;
    if (zip_file_get_external_attributes(archive_, index, 0, &system, &attributes) != 0) return false;
    return system == ZIP_OPSYS_UNIX && S_ISLNK(attributes >> 16);
  }

  void check_size(const std::string& name, const zip_stat_t& status) {
    if ((status.valid & ZIP_STAT_SIZE) == 0 || (status.valid & ZIP_STAT_COMP_SIZE) == 0)
      refuse(name, "an entry has no size");
    if (status.size > limits_.entry_bytes) {
      refuse(name, "an entry is larger than " + std::to_string(limits_.entry_bytes) + " bytes unpacked");
    }
    if (status.size > limits_.ratio_from && status.size / limits_.ratio > status.comp_size) {
      refuse(name, "an entry grows by more than " + std::to_string(limits_.ratio) + " times when it is unpacked");
    }
    total_ += status.size;
    if (total_ > limits_.total_bytes) {
      refuse("", "the archive is larger than " + std::to_string(limits_.total_bytes) + " bytes unpacked");
    }
  }

  /// Many entries, each below `ratio_from`, or several that share their packed bytes.
  void check_growth() const {
    std::error_code error;
    const std::uint64_t packed = fs::file_size(path_, error);
    if (error || total_ <= limits_.ratio_from || total_ / limits_.ratio <= packed) return;
    refuse("", "the archive grows by more than " + std::to_string(limits_.ratio) + " times when it is unpacked");
  }

  zip_t* archive_;
  const fs::path& path_;
  const ZipLimits& limits_;
  ProblemList& problems_;
  std::uint64_t total_ = 0;
  std::unordered_set<std::string> names_;
};

[[noreturn]] void throw_io(const std::string& action, const fs::path& path) {
  throw Error(ErrorCode::kIo, action + ": " + std::generic_category().message(errno), path.string(),
              errno == ENOSPC ? "Free some space, or set TMPDIR to a folder on a larger disk." : "");
}

void write_all(int file, const char* bytes, std::size_t count, const fs::path& path) {
  while (count > 0) {
    const ssize_t n = ::write(file, bytes, count);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw_io("cannot unpack the archive", path);
    bytes += n;
    count -= static_cast<std::size_t>(n);
  }
}

/// Unpacks one entry; never more bytes than it says it has.
void unpack(zip_t* archive, const Wanted& wanted, const fs::path& target, const fs::path& archive_path,
            const std::stop_token& stop) {
  const auto damaged = [&](const std::string& why) {
    return Error(ErrorCode::kBadData, "an entry of the archive is damaged: " + dataset::quoted(wanted.name) + ": " + why,
                 archive_path.string());
  };
  const Entry entry(zip_fopen_index(archive, wanted.index, 0), &zip_fclose);
  if (!entry) throw damaged(zip_strerror(archive));
  const Descriptor file(::open(target.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file.is_open()) throw_io("cannot unpack the archive", target);
  std::vector<char> block(1 << 17);
  std::uint64_t bytes = 0;
  for (;;) {
    if (stop.stop_requested()) throw Error(ErrorCode::kInterrupted, "stopped while the archive was unpacked");
    const zip_int64_t n = zip_fread(entry.get(), block.data(), block.size());
    if (n < 0) throw damaged(zip_error_strerror(zip_file_get_error(entry.get())));
    if (n == 0) break;
    bytes += static_cast<std::uint64_t>(n);
    if (bytes > wanted.bytes) throw damaged("it is larger than it says");
    write_all(file.get(), block.data(), static_cast<std::size_t>(n), target);
  }
  if (bytes != wanted.bytes) throw damaged("it is cut off");
}

bool is_packed_already(const fs::path& path) {
  const std::string extension = to_lower(path.extension().string());
  return extension == ".jpg" || extension == ".jpeg" || extension == ".png" || extension == ".webp" || extension == ".gif";
}

std::vector<std::string> files_below(const fs::path& folder) {
  std::vector<std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) files.push_back(entry.path().lexically_relative(folder).generic_string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

void add_file(zip_t* archive, const fs::path& path, const std::string& name) {
  constexpr time_t kFixedTime = 1'577'880'000;  // 2020-01-01 12:00 UTC
  zip_source_t* source = zip_source_file(archive, path.c_str(), 0, -1);
  const zip_int64_t index = source == nullptr ? -1 : zip_file_add(archive, name.c_str(), source, ZIP_FL_ENC_UTF_8);
  if (index < 0) {
    if (source != nullptr) zip_source_free(source);
    throw Error(ErrorCode::kIo, std::string("cannot write the archive: ") + zip_strerror(archive), path.string());
  }
  const auto entry = static_cast<zip_uint64_t>(index);
  zip_set_file_compression(archive, entry, is_packed_already(path) ? ZIP_CM_STORE : ZIP_CM_DEFLATE, 0);
  zip_file_set_mtime(archive, entry, kFixedTime, 0);
  zip_file_set_external_attributes(archive, entry, 0, ZIP_OPSYS_UNIX, (S_IFREG | 0644U) << 16U);
}

}  // namespace

std::shared_ptr<const UnpackedArchive> UnpackedArchive::open(const fs::path& path, ProblemList& problems,
                                                             const ZipLimits& limits, const std::stop_token& stop) {
  const Archive archive = open_archive(path);
  const auto entries = Inspection(archive.get(), path, limits, problems).wanted();
  const std::shared_ptr<const UnpackedArchive> unpacked(new UnpackedArchive);
  for (const auto& entry : entries) {
    const fs::path target = unpacked->folder() / entry.name;
    std::error_code error;
    fs::create_directories(target.parent_path(), error);
    if (error) {
      throw Error(ErrorCode::kBadData, "an entry is a file and a folder at once: " + dataset::quoted(entry.name),
                  path.string());
    }
    unpack(archive.get(), entry, target, path, stop);
  }
  return unpacked;
}

bool is_zip_file(const fs::path& path) {
  std::error_code error;
  return to_lower(path.extension().string()) == ".zip" && fs::is_regular_file(path, error);
}

void pack_folder(const fs::path& folder, const fs::path& path, const std::stop_token& stop) {
  int code = 0;
  Archive archive(zip_open(path.c_str(), ZIP_CREATE | ZIP_EXCL, &code), &zip_discard);
  if (!archive) throw Error(ErrorCode::kIo, "cannot write the archive: " + message_of(code), path.string());
  for (const auto& name : files_below(folder)) add_file(archive.get(), folder / name, name);
  const auto stopped = [](zip_t*, void* token) {
    return static_cast<const std::stop_token*>(token)->stop_requested() ? 1 : 0;
  };
  std::stop_token token = stop;
  zip_register_cancel_callback_with_state(archive.get(), stopped, nullptr, &token);
  if (zip_close(archive.get()) != 0) {
    if (stop.stop_requested()) throw Error(ErrorCode::kInterrupted, "stopped; nothing was written");
    throw Error(ErrorCode::kIo, std::string("cannot write the archive: ") + zip_strerror(archive.get()), path.string());
  }
  archive.release();  // closed
}

}  // namespace goshawk::dataset

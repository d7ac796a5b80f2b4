#include "goshawk/dataset/folder_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <system_error>
#include <utility>

#include "goshawk/core/descriptor.h"
#include "goshawk/core/error.h"
#include "goshawk/core/files.h"
#include "goshawk/core/parallel.h"
#include "goshawk/core/text.h"
#include "goshawk/core/utf8.h"
#include "goshawk/dataset/carried_frames.h"
#include "goshawk/dataset/problems.h"
#include "goshawk/dataset/safe_path.h"

namespace goshawk::dataset {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void throw_io(const std::string& action, const fs::path& path) {
  throw Error(ErrorCode::kIo, action + ": " + std::generic_category().message(errno), path.string());
}

Descriptor create(const fs::path& path) {
  return Descriptor(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666));
}

void write_all(int fd, std::string_view bytes, const fs::path& path) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw_io("cannot write the file", path);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

/// By the kernel where it can, else through a buffer.
void copy_content(int from, int to, const fs::path& source, const fs::path& target) {
  for (;;) {
    const ssize_t n = ::copy_file_range(from, nullptr, to, nullptr, std::size_t{1} << 30, 0);
    if (n > 0) continue;
    if (n == 0) break;
    if (errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP) break;
    if (errno != EINTR) throw_io("cannot copy the image", target);
  }
  std::vector<char> block(1 << 17);
  for (;;) {
    const ssize_t n = ::read(from, block.data(), block.size());
    if (n == 0) return;
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw_io("cannot read the image", source);
    write_all(to, {block.data(), static_cast<std::size_t>(n)}, target);
  }
}

void copy(int from, const fs::path& source, const fs::path& target) {
  Descriptor to = create(target);
  if (!to.is_open()) throw_io("cannot create the image", target);
  copy_content(from, to.get(), source, target);
  if (to.close() != 0) throw_io("cannot write the image", target);
}

void link(const fs::path& source, const fs::path& target) {
  if (::linkat(AT_FDCWD, source.c_str(), AT_FDCWD, target.c_str(), AT_SYMLINK_FOLLOW) == 0) return;
  if (errno == EEXIST) throw_io("cannot link the image", target);
  std::error_code error;
  const fs::path whole = fs::canonical(source, error);
  if (error || ::symlink(whole.c_str(), target.c_str()) != 0) throw_io("cannot link the image", target);
}

/// An image's path without the folders of the formats.
std::string own_name(const ImageEntry& image) {
  std::string_view path = image.file;
  if (path.starts_with('/')) {
    const std::size_t at = path.rfind("/images/");
    path = at == std::string_view::npos ? file_name_of(path) : path.substr(at + 8);
  }
  constexpr std::array<std::string_view, 11> kOwn{"images",         "labels",         "train",        "val",
                                                  "valid",          "validation",     "test",         "jpegimages",
                                                  "obj_train_data", "obj_valid_data", "obj_test_data"};
  if (const std::size_t at = path.find("/JPEGImages/"); at != std::string_view::npos) path.remove_prefix(at + 1);
  std::string name;
  for (std::size_t slash = path.find('/'); slash != std::string_view::npos; slash = path.find('/')) {
    const std::string_view folder = path.substr(0, slash);
    const bool own = name.empty() ? std::find(kOwn.begin(), kOwn.end(), to_lower(folder)) != kOwn.end()
                                  : folder == "images" || folder == "labels";
    if (!own) name.append(folder).append("/");
    path.remove_prefix(slash + 1);
  }
  return name.append(path);
}

}  // namespace

fs::path FolderWriter::target(const std::string& name) {
  const auto safe = safe_relative_path(name);
  if (!safe) throw Error(ErrorCode::kBadData, "a data set cannot hold a file of the name " + dataset::quoted(name));
  const std::size_t slash = safe->rfind('/');
  if (slash != std::string::npos) {
    const std::string folder = safe->substr(0, slash);
    const std::lock_guard lock(mutex_);
    if (folders_.insert(folder).second) make_folder(root_ / folder);
  }
  return root_ / *safe;
}

void FolderWriter::write(const std::string& name, std::string_view content) {
  const fs::path path = target(name);
  Descriptor file = create(path);
  if (!file.is_open()) throw_io("cannot create the file", path);
  write_all(file.get(), content, path);
  if (file.close() != 0) throw_io("cannot write the file", path);
}

bool FolderWriter::place(const fs::path& source, const std::string& name, Images how) {
  if (how == Images::kNone) return true;
  const Descriptor from(::open(source.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  struct stat status {};
  if (!from.is_open() || ::fstat(from.get(), &status) != 0 || !S_ISREG(status.st_mode)) return false;
  const fs::path path = target(name);
  if (how == Images::kLink) link(source, path);
  else copy(from.get(), source, path);
  return true;
}

std::vector<Problem> place_images(FolderWriter& writer, const Dataset& dataset, std::span<const std::string> names,
                                  const WriteOptions& options) {
  require(names.size() == dataset.images.size(), "place_images: one name for each image");
  std::vector<Problem> problems;
  const auto renamed = std::ranges::count_if(dataset.images, [](const ImageEntry& image) {
    const std::string name = own_name(image);
    return fitting_name(name) != name;
  });
  if (renamed > 0) {
    problems.push_back({ProblemKind::kDropped, Severity::kNote, "", 0,
                        "file names that are too long, are no UTF-8 or hold control characters or backslashes: " +
                            std::to_string(renamed) + (renamed == 1 ? " image has" : " images have") + " another name"});
  }
  if (options.images == Images::kNone) return problems;
  std::vector<char> missing(names.size(), 0);
  const auto total = static_cast<std::int64_t>(names.size());
  parallel_blocks(
      names.size(), 16,
      [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i) {
          if (options.stop.stop_requested()) throw Error(ErrorCode::kInterrupted, "stopped; nothing was written");
          if (names[i].empty()) continue;
          missing[i] = writer.place(dataset.path_of(dataset.images[i]), names[i], options.images) ? 0 : 1;
        }
      },
      [&](std::size_t done) {
        if (options.progress) options.progress(static_cast<std::int64_t>(done), total);
      });
  carry_frame_lists(writer, dataset, names, options.stop);
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (missing[i] == 0) continue;
    problems.push_back({ProblemKind::kMissingImage, Severity::kWarning, dataset.images[i].file, 0,
                        "there is no such image; its labels were written without it"});
  }
  return problems;
}

std::string written_name(const ImageEntry& image) { return fitting_name(own_name(image)); }

std::string fitting_name(std::string_view path) {
  constexpr std::size_t kLongest = 240;  // bytes of 255, as names get numbers and other extensions
  std::string name;
  while (!path.empty()) {
    const std::size_t length = utf8_length(path);
    const auto c = static_cast<unsigned char>(path[0]);
    const bool fits = length > 0 && c >= 0x20 && c != 0x7F && c != '\\';
    if (fits) name += path.substr(0, length);
    else name += '_';
    path.remove_prefix(std::max<std::size_t>(length, 1));
  }
  std::string fitting;
  for (std::size_t begin = 0, end = 0; begin <= name.size(); begin = end + 1) {
    end = std::min(name.find('/', begin), name.size());
    const std::string part = name.substr(begin, end - begin);
    std::size_t stem = without_extension(part).size();
    const std::size_t extension = part.size() - stem;
    if (part.size() > kLongest) {
      stem = kLongest - std::min(extension, kLongest);
      while (stem > 0 && (static_cast<unsigned char>(part[stem]) & 0xC0) == 0x80) --stem;  // not within a letter
    }
    fitting.append(begin == 0 ? "" : "/").append(part, 0, stem).append(part, part.size() - extension, kLongest);
  }
  return fitting;
}

std::string DistinctNames::take(const std::string& wanted) {
  const auto folded = [](std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
  };
  const std::string stem(without_extension(wanted));
  const std::string extension = wanted.substr(stem.size());
  const auto [first, is_new] = taken_.try_emplace(folded(stem), 2);
  if (is_new) return wanted;
  int& number = first->second;  // references into an unordered_map last
  for (;;) {
    const std::string candidate = stem + "-" + std::to_string(number++);
    if (taken_.try_emplace(folded(candidate), 2).second) return candidate + extension;
  }
}

}  // namespace goshawk::dataset

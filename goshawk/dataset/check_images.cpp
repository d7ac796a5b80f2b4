#include "goshawk/dataset/check_images.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <map>
#include <mutex>
#include <numeric>
#include <set>
#include <span>
#include <string>
#include <system_error>
#include <unordered_map>
#include <utility>

#include "goshawk/core/error.h"
#include "goshawk/core/files.h"
#include "goshawk/core/parallel.h"
#include "goshawk/dataset/image_size.h"
#include "goshawk/dataset/perceptual_hash.h"
#include "goshawk/dataset/problems.h"
#include "goshawk/dataset/safe_path.h"

namespace goshawk::dataset {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kLarge = 16'000'000;  // pixels

enum class State : std::uint8_t { kGood, kMissing, kUnreadable };

/// What is known of an image's file.
struct Look {
  State state = State::kMissing;
  bool leads_out = false;  // a link to a file that is not within the data set
  std::uint32_t width = 0, height = 0;
  std::uint64_t bytes = 0;
  PictureHash hash;
  std::string sha256;   // only where another file is as long
  std::string message;  // why it cannot be read
};

/// Opens every image once.
class Looker {
 public:
  Looker(const Dataset& dataset, const CheckOptions& options)
      : dataset_(dataset), options_(options), looks_(dataset.images.size()) {
    std::error_code ignored;
    root_ = fs::canonical(dataset.root.empty() ? "." : dataset.root, ignored);
  }

  std::vector<Look> run() {
    each([&](std::size_t i) { measure(i); }, [](std::size_t) {});
    for (const auto& look : looks_) ++lengths_[look.bytes];
    each([&](std::size_t i) { decode(i); },
         [&](std::size_t done) {
           if (options_.progress) options_.progress(static_cast<std::int64_t>(done));
         });
    return std::move(looks_);
  }

 private:
  template <typename Work, typename After>
  void each(Work work, After after) {
    parallel_blocks(
        looks_.size(), 4,
        [&](std::size_t begin, std::size_t end) {
          for (std::size_t i = begin; i < end; ++i) {
            if (options_.stop.stop_requested()) {
              throw Error(ErrorCode::kInterrupted, "stopped while the images were looked at");
            }
            work(i);
          }
        },
        after);
  }

  void measure(std::size_t i) {
    const fs::path path = dataset_.path_of(dataset_.images[i]);
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (!fs::exists(status)) {
      if (status.type() == fs::file_type::not_found) return;
      return fail(i, "it cannot be opened: " + error.message());
    }
    if (!fs::is_regular_file(status)) return fail(i, "it is no file");
    looks_[i].state = State::kGood;
    looks_[i].bytes = fs::file_size(path, error);
    if (fs::is_symlink(path, error)) looks_[i].leads_out = !is_within(fs::canonical(path, error), root_);
  }

  void decode(std::size_t i) {
    if (looks_[i].state != State::kGood) return;
    const fs::path path = dataset_.path_of(dataset_.images[i]);
    try {
      if (lengths_.at(looks_[i].bytes) > 1) looks_[i].sha256 = sha256_of_file(path);
      const auto header = read_image_size(path);
      std::unique_lock lock(large_, std::defer_lock);
      if (!header || std::uint64_t{header->width} * header->height > kLarge) lock.lock();
      const cv::Mat image = options_.read(path);
      looks_[i].width = static_cast<std::uint32_t>(image.cols);
      looks_[i].height = static_cast<std::uint32_t>(image.rows);
      looks_[i].hash = perceptual_hash(image);
    } catch (const Error& error) {
      if (error.code() == ErrorCode::kInterrupted) throw;
      fail(i, error.what());
    } catch (const std::exception& error) {
      fail(i, error.what());
    }
  }

  void fail(std::size_t i, const std::string& message) {
    looks_[i].state = State::kUnreadable;
    looks_[i].message = message;
  }

  const Dataset& dataset_;
  const CheckOptions& options_;
  fs::path root_;
  std::vector<Look> looks_;
  std::unordered_map<std::uint64_t, std::uint32_t> lengths_;
  std::mutex large_;
};

/// Turns what was seen into findings.
class ImageCheck {
 public:
  ImageCheck(const Dataset& dataset, const CheckOptions& options, const std::vector<Look>& looks, FindingList& list)
      : dataset_(dataset), options_(options), looks_(looks), list_(list) {}

  void run() {
    check_folders();
    for (std::size_t i = 0; i < looks_.size(); ++i) check_file(i);
    check_equal();
    if (options_.distance >= 0) check_near();
  }

 private:
  void add(std::size_t image, ProblemKind kind, Severity severity, const std::string& message, std::int64_t other = -1) {
    list_.add({make_problem(kind, severity, dataset_.images[image].file, 0, message), static_cast<std::int64_t>(image),
               other, -1});
  }

  /// Folders of images that are links out of the data set; each is listed once.
  void check_folders() {
    std::error_code error;
    const fs::path root = fs::canonical(dataset_.root.empty() ? "." : dataset_.root, error);
    std::set<std::string> folders;
    for (const auto& image : dataset_.images) {
      const fs::path folder = fs::path(image.file).parent_path();
      if (folder.empty() || folder.is_absolute() || !folders.insert(folder.string()).second) continue;
      const fs::path real = fs::canonical(dataset_.root / folder, error);
      if (error || is_within(real, root)) continue;
      list_.add({make_problem(ProblemKind::kUnsafePath, Severity::kWarning, folder.string(), 0,
                              "the folder is a link out of the data set, to " + real.string()),
                 -1, -1, -1});
    }
  }

  void check_file(std::size_t i) {
    const Look& look = looks_[i];
    const ImageEntry& image = dataset_.images[i];
    if (look.leads_out) {
      add(i, ProblemKind::kUnsafePath, Severity::kWarning, "the image is a link to a file that is not in the data set");
    }
    if (look.state == State::kMissing) return add(i, ProblemKind::kMissingImage, Severity::kError, "there is no such image");
    if (look.state == State::kUnreadable) {
      return add(i, ProblemKind::kUnreadableImage, Severity::kError, "the image cannot be read: " + look.message);
    }
    if (image.width == 0 || (image.width == look.width && image.height == look.height)) return;
    const bool turned = image.width == look.height && image.height == look.width;
    add(i, ProblemKind::kSizeDiffers, Severity::kError,
        fmt::format("the labels are for {} x {} pixels, the image has {} x {}{}", image.width, image.height, look.width,
                    look.height, turned ? ": was it turned after it was labelled?" : ""));
  }

  /// Whether two images are in different splits.
  bool leaks(std::size_t a, std::size_t b) const {
    const Split x = dataset_.images[a].split, y = dataset_.images[b].split;
    return x != y && x != Split::kNone && y != Split::kNone;
  }

  std::string split_text(std::size_t a, std::size_t b) const {
    return fmt::format("; one is in {}, the other in {}", name(dataset_.images[a].split), name(dataset_.images[b].split));
  }

  void check_equal() {
    std::map<std::string_view, std::vector<std::size_t>> groups;
    for (std::size_t i = 0; i < looks_.size(); ++i) {
      if (looks_[i].state == State::kGood && !looks_[i].sha256.empty()) groups[looks_[i].sha256].push_back(i);
    }
    is_copy_.assign(looks_.size(), 0);
    std::vector<std::pair<std::size_t, std::size_t>> pairs;  // an image, and an earlier one
    for (const auto& [digest, members] : groups) pair_up(members, pairs);
    std::sort(pairs.begin(), pairs.end());
    for (const auto& [image, earlier] : pairs) add_equal(image, earlier);
  }

  /// Each image but the first with an earlier one: of another split where there is one, else the first.
  void pair_up(const std::vector<std::size_t>& members, std::vector<std::pair<std::size_t, std::size_t>>& pairs) {
    std::vector<std::size_t> firsts;  // of each split
    for (const std::size_t image : members) {
      const auto same = std::find_if(firsts.begin(), firsts.end(), [&](std::size_t first) {
        return dataset_.images[first].split == dataset_.images[image].split;
      });
      const auto leak = std::find_if(firsts.begin(), firsts.end(), [&](std::size_t first) { return leaks(first, image); });
      if (!firsts.empty()) pairs.emplace_back(image, leak != firsts.end() ? *leak : firsts.front());
      if (same != firsts.end()) {
        is_copy_[image] = 1;
        continue;
      }
      firsts.push_back(image);
    }
  }

  void add_equal(std::size_t image, std::size_t earlier) {
    const bool leak = leaks(image, earlier);
    const bool same_name = dataset_.images[image].file == dataset_.images[earlier].file;
    std::string message =
        same_name ? "the image is listed twice" : "the file is a copy of " + dataset::quoted(dataset_.images[earlier].file);
    if (leak) message += split_text(image, earlier);
    add(image, ProblemKind::kDuplicateImage, leak ? Severity::kError : Severity::kWarning, message,
        static_cast<std::int64_t>(earlier));
  }

  void check_near() {
    std::vector<std::uint32_t> images;
    std::vector<PictureHash> hashes;
    std::vector<std::uint8_t> splits;
    for (std::uint32_t i = 0; i < looks_.size(); ++i) {
      if (looks_[i].state != State::kGood || is_copy_[i] != 0) continue;
      images.push_back(i);
      hashes.push_back(looks_[i].hash);
      splits.push_back(static_cast<std::uint8_t>(dataset_.images[i].split));
    }
    for (const auto& pair : nearest_before(hashes, options_.distance, splits, options_.stop))
      add_near(images[pair.other], images[pair.item], pair.distance);
  }

  void add_near(std::size_t a, std::size_t b, int distance) {
    if (!looks_[a].sha256.empty() && looks_[a].sha256 == looks_[b].sha256) return;  // listed as that
    const bool leak = leaks(a, b);
    add(b, ProblemKind::kNearDuplicate, leak ? Severity::kError : Severity::kWarning,
        fmt::format("the picture looks like {} ({} of 64 bits differ){}", dataset::quoted(dataset_.images[a].file), distance,
                    leak ? split_text(b, a) : ""),
        static_cast<std::int64_t>(a));
  }

  const Dataset& dataset_;
  const CheckOptions& options_;
  const std::vector<Look>& looks_;
  FindingList& list_;
  std::vector<char> is_copy_;  // of an image in the same split
};

}  // namespace

void check_images(const Dataset& dataset, const CheckOptions& options, FindingList& list) {
  const auto looks = Looker(dataset, options).run();
  ImageCheck(dataset, options, looks, list).run();
}

}  // namespace goshawk::dataset

// goshawk data preview: contact sheets of a labelled data set.

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>

#include "apps/goshawk/commands.h"
#include "apps/goshawk/contact_sheet.h"
#include "apps/goshawk/data_set.h"
#include "apps/goshawk/option_values.h"
#include "apps/goshawk/progress_bar.h"
#include "goshawk/core/error.h"
#include "goshawk/core/files.h"
#include "goshawk/core/json_text.h"
#include "goshawk/core/parallel.h"
#include "goshawk/core/random.h"
#include "goshawk/core/text.h"
#include "goshawk/dataset/image_files.h"
#include "goshawk/media/image.h"

namespace goshawk::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMostColumns = 20, kMostOnOneSheet = 400;

struct Wanted {
  std::vector<char> classes;  // [categories]
  std::optional<dataset::Split> split;
  bool with_objects = false;  // images on which one of the classes is
};

Wanted wanted_of(const Invocation& call, const dataset::Dataset& set) {
  const auto words = list_option(call, "classes");
  return {named_classes(set, words), split_of(call, set), !words.empty()};
}

/// `most` images at random, in their order.
std::vector<std::size_t> choose(const dataset::Dataset& set, const Wanted& wanted, std::size_t most, std::uint64_t seed) {
  std::vector<char> has_object(set.images.size());
  for (const auto& a : set.annotations) has_object[a.image] |= wanted.classes[a.category];
  std::vector<std::size_t> images;
  for (std::size_t i = 0; i < set.images.size(); ++i) {
    const bool in_split = !wanted.split || set.images[i].split == *wanted.split;
    if (in_split && (!wanted.with_objects || has_object[i] != 0)) images.push_back(i);
  }
  if (images.size() <= most) return images;
  Random random(seed);
  random.shuffle(images);
  images.resize(most);
  std::sort(images.begin(), images.end());
  return images;
}

/// A box in fractions of its image.
Box fractions(const dataset::Rectangle& r, double width, double height) {
  return {static_cast<float>(r.x / width), static_cast<float>(r.y / height), static_cast<float>((r.x + r.width) / width),
          static_cast<float>((r.y + r.height) / height)};
}

/// Makes sheets of images of a set.
class SheetMaker {
 public:
  SheetMaker(const dataset::Dataset& set, const Wanted& wanted, const SheetLayout& layout)
      : set_(set), wanted_(wanted), layout_(layout), begin_(dataset::annotations_by_image(set)) {}

  cv::Mat sheet(std::span<const std::size_t> images) {
    std::vector<SheetTile> tiles(images.size());
    std::vector<std::string> problems(images.size());
    parallel_blocks(images.size(), 1, [&](std::size_t from, std::size_t to) {
      for (std::size_t i = from; i < to; ++i) tiles[i] = tile(images[i], problems[i]);
    });
    for (const auto& tile : tiles) objects += tile.boxes.size();
    for (auto& problem : problems) {
      if (!problem.empty()) unreadable.push_back(std::move(problem));
    }
    return contact_sheet(tiles, layout_);
  }

  std::size_t objects = 0;
  std::vector<std::string> unreadable;

 private:
  SheetTile tile(std::size_t index, std::string& problem) const {
    const auto& image = set_.images[index];
    SheetTile tile;
    tile.caption = fs::path(image.file).filename().string();
    try {
      tile.picture = fit_into_tile(media::read_image(set_.path_of(image)), layout_.tile);
    } catch (const Error& error) {
      problem = error.describe();
      return tile;
    }
    const bool known = image.width > 0 && image.height > 0;
    for (std::size_t i = begin_[index]; i < begin_[index + 1]; ++i) {
      const auto& a = set_.annotations[i];
      if (wanted_.classes[a.category] == 0) continue;
      tile.boxes.push_back({fractions(a.rectangle, known ? image.width : 1, known ? image.height : 1),
                            static_cast<int>(a.category), set_.categories[a.category].name, a.score, a.crowd});
    }
    return tile;
  }

  const dataset::Dataset& set_;
  const Wanted& wanted_;
  const SheetLayout& layout_;
  std::vector<std::size_t> begin_;
};

bool is_picture(const fs::path& path) {
  const std::string extension = to_lower(path.extension().string());
  if (extension == ".jpg" || extension == ".jpeg" || extension == ".png") return true;
  if (dataset::has_image_extension(path.filename().string()))
    throw Error(ErrorCode::kUsage, "a sheet is written as .jpg or .png", path.string());
  return false;
}

int run_preview(const Invocation& call) {
  const fs::path out = required_option(call, "out");
  const bool one = is_picture(out);
  std::error_code ignored;
  if (fs::exists(out, ignored))
    throw Error(ErrorCode::kUsage, "the target exists already", out.string(), "Remove it, or choose another name.");
  SheetLayout layout;
  layout.columns = static_cast<int>(integer_option(call, "columns", 1, kMostColumns).value_or(4));
  layout.tile.width = static_cast<int>(integer_option(call, "tile", 80, 2000).value_or(360));
  layout.tile.height = layout.tile.width * 3 / 4;
  constexpr std::int64_t kNoLimit = std::int64_t{1} << 40U;
  const auto most = integer_option(call, "number", 1, one ? kMostOnOneSheet : kNoLimit).value_or(one ? 16 : kNoLimit);
  const auto seed = count_option(call, "seed").value_or(0);

  const auto set = read_set(call, call.argument(0), format_option(call, "from")).dataset;
  const auto wanted = wanted_of(call, set);
  const auto images = choose(set, wanted, static_cast<std::size_t>(most), seed);
  if (images.empty()) throw Error(ErrorCode::kBadData, "no image of the data set is to be shown", call.argument(0));
  const std::size_t each = one ? images.size() : static_cast<std::size_t>(layout.columns * layout.columns);
  const std::size_t sheets = (images.size() + each - 1) / each;

  std::optional<AtomicFolder> folder;
  if (!one) folder.emplace(out);
  SheetMaker maker(set, wanted, layout);
  ProgressBar progress(call, "drawing", images.size(), "images");
  std::vector<std::string> files;
  for (std::size_t number = 0; number < sheets; ++number) {
    if (call.stop.stop_requested()) return exit_code(ErrorCode::kInterrupted);
    const std::size_t from = number * each, count = std::min(each, images.size() - from);
    const cv::Mat sheet = maker.sheet(std::span(images).subspan(from, count));
    const std::string name =
        fmt::format("sheet-{:0{}}.jpg", number + 1, std::max<std::size_t>(2, std::to_string(sheets).size()));
    media::write_image(one ? out : folder->temporary_path() / name, sheet);
    files.push_back((one ? out : out / name).string());
    progress.update(static_cast<std::int64_t>(from + count));
  }
  if (folder) folder->commit();
  progress.finish();
  for (const auto& line : maker.unreadable) spdlog::warn("not shown: {}", line);
  if (call.json) {
    const nlohmann::ordered_json document{
        {"sheets", files}, {"images", images.size()}, {"objects", maker.objects}, {"unreadable", maker.unreadable}};
    fmt::print("{}\n", json_text(document));
  } else {
    fmt::print("{} images, {} objects on {} sheet{}\n{}\n", images.size(), maker.objects, sheets, sheets == 1 ? "" : "s",
               out.string());
  }
  return maker.unreadable.empty() ? 0 : exit_code(ErrorCode::kBadData);
}

}  // namespace

Command data_preview_command() {
  Command command;
  command.name = "data preview";
  command.group = Group::kData;
  command.summary = "Draw contact sheets of a labelled data set";
  command.details =
      "Crowd regions are hatched, predictions carry their confidence. Colours are those of the classes, the same on every "
      "sheet.";
  command.positionals = {{.name = "SOURCE", .help = "data.yaml, instances.json, a folder or an archive", .flag = "source"}};
  command.options = {{"out", "PATH", "One sheet (.jpg or .png), or a folder of sheets; new"},
                     {"number", "N", "Images at most, chosen at random; default: 16 on one sheet, all in a folder"},
                     {"columns", "N", "Images side by side; default: 4"},
                     {"tile", "PIXELS", "Width of an image on the sheet; default: 360"},
                     {"seed", "S", "Of the random choice; default: 0"},
                     {"classes", "NAMES", "Boxes of these classes only, and images that have some: car,bus"},
                     one_split_flag(),
                     from_flag()};
  command.json = true;
  command.examples = {"goshawk data preview data.yaml --out sheet.jpg",
                      "goshawk data preview data.yaml --split val --classes car,bus --out sheets/"};
  command.run = run_preview;
  return command;
}

}  // namespace goshawk::cli

// Random data sets through every pair of formats: what both hold is unchanged, what is lost is listed.
#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iostream>
#include <map>
#include <optional>
#include <random>
#include <tuple>

#include "goshawk/core/error.h"
#include "goshawk/dataset/formats.h"
#include "goshawk/dataset/recognise.h"
#include "goshawk/dataset/safe_path.h"
#include "goshawk/dataset/testing.h"
#include "goshawk/dataset/zip_archive.h"

namespace goshawk::dataset {
namespace {

namespace fs = std::filesystem;

constexpr std::array kFormats{Format::kYolo,     Format::kCoco,     Format::kVoc, Format::kCvat,
                              Format::kCvatYolo, Format::kLabelImg, Format::kMot};

/// Random images of one size, whole-pixel boxes inside of them, and some of every further field.
class RandomSet {
 public:
  explicit RandomSet(unsigned seed) : random_(seed) {}

  Dataset make(const fs::path& root) {
    Dataset dataset;
    dataset.root = root;
    for (const char* name : {"person", "car", "traffic light"})
      dataset.categories.push_back({static_cast<std::int64_t>(dataset.categories.size()), name, {}});
    const int images = number(1, 12);
    width_ = number(23, 300);
    height_ = number(17, 200);
    for (int i = 0; i < images; ++i) add_image(dataset, i);
    return dataset;
  }

 private:
  int number(int least, int most) { return std::uniform_int_distribution<int>(least, most)(random_); }
  bool one_in(int n) { return number(1, n) == 1; }

  void add_image(Dataset& dataset, int i) {
    ImageEntry image;
    image.id = i + 1;
    image.file = (one_in(2) ? "images/" : "cam1/images/") + std::to_string(100 + i) + ".png";
    image.width = static_cast<std::uint32_t>(width_);
    image.height = static_cast<std::uint32_t>(height_);
    image.split = static_cast<Split>(number(1, 3));
    fs::create_directories((dataset.root / image.file).parent_path());
    std::ofstream(dataset.root / image.file, std::ios::binary) << testing::png_header(image.width, image.height);
    dataset.images.push_back(image);
    for (int k = number(0, 6); k > 0; --k) add_object(dataset, image);
  }

  void add_object(Dataset& dataset, const ImageEntry& image) {
    Annotation a;
    a.image = static_cast<std::uint32_t>(dataset.images.size() - 1);
    a.category = static_cast<std::uint32_t>(number(0, 2));
    const int x = number(0, static_cast<int>(image.width) - 2), y = number(0, static_cast<int>(image.height) - 2);
    a.rectangle = {static_cast<double>(x), static_cast<double>(y),
                   static_cast<double>(number(1, static_cast<int>(image.width) - x)),
                   static_cast<double>(number(1, static_cast<int>(image.height) - y))};
    a.area = a.rectangle.area();
    a.difficult = one_in(5);
    a.truncated = one_in(5);
    a.occluded = one_in(5);
    if (one_in(5)) a.score = 0.75F;
    dataset.annotations.push_back(a);
  }

  std::mt19937 random_;
  int width_ = 0, height_ = 0;  // of all images, as in MOT's sequences
};

/// An object apart from what only some formats hold: image's name, class, box in whole pixels.
using Plain = std::tuple<std::string, std::string, long, long, long, long>;

/// `named`: with the images' names, which MOT replaces by frame numbers.
std::vector<Plain> plain_objects(const Dataset& dataset, bool named) {
  std::vector<Plain> objects;
  for (const auto& a : dataset.annotations) {
    const Rectangle& r = a.rectangle;
    for (const double v : {r.x, r.y, r.width, r.height}) EXPECT_NEAR(v, std::round(v), 1e-6);
    objects.emplace_back(named ? without_extension(file_name_of(dataset.images[a.image].file)) : "",
                         dataset.categories[a.category].name, std::lround(r.x), std::lround(r.y), std::lround(r.width),
                         std::lround(r.height));
  }
  std::sort(objects.begin(), objects.end());
  return objects;
}

/// How many objects and images use each kind of field.
std::map<std::string, std::size_t> fields(const Dataset& dataset) {
  std::map<std::string, std::size_t> counts;
  for (const auto& a : dataset.annotations) {
    counts["difficult"] += a.difficult ? 1 : 0;
    counts["truncated"] += a.truncated ? 1 : 0;
    counts["occluded"] += a.occluded ? 1 : 0;
    counts["score"] += a.score >= 0 ? 1 : 0;
  }
  for (const auto& image : dataset.images) counts["split"] += image.split != Split::kNone ? 1 : 0;
  return counts;
}

class RoundTrip : public testing::FolderTest {
 protected:
  /// Writes and reads back; nullopt for formats that are not built.
  std::optional<Dataset> through(const Dataset& dataset, Format format, const std::string& name) {
    std::vector<Problem> notes;
    try {
      notes = write_dataset(dataset, format, folder_ / name);
    } catch (const Error& error) {
      if (std::string(error.what()).find("yet") != std::string::npos) return std::nullopt;
      throw;
    }
    auto result = read_dataset(folder_ / name, format);
    EXPECT_EQ(recognise_format(folder_ / name), format);
    for (const auto& problem : result.problems)
      EXPECT_EQ(problem.severity, Severity::kNote) << problem.file << problem.message;
    EXPECT_EQ(result.dataset.images.size(), dataset.images.size());
    EXPECT_EQ(plain_objects(result.dataset, format != Format::kMot), plain_objects(dataset, format != Format::kMot));
    const auto before = fields(dataset), after = fields(result.dataset);
    for (const auto& [field, count] : before) {
      const auto kept = after.contains(field) ? after.at(field) : 0;
      if (kept < count) {
        const bool told = std::any_of(notes.begin(), notes.end(), [&](const Problem& note) {
          return note.kind == ProblemKind::kDropped &&
                 note.message.find(field == "score" ? "confidence" : field) != std::string::npos;
        });
        EXPECT_TRUE(told) << field << ": " << count << " became " << kept << ", and nothing says so";
      }
    }
    return std::move(result.dataset);
  }
};

// A crowd region read as one object would be a wrong label.
TEST_F(RoundTrip, CrowdsStayCrowdsOrAreLeftOutAndTold) {
  Dataset dataset = RandomSet(3).make(folder_ / "in");
  dataset.annotations.clear();
  dataset.annotations.push_back({.rectangle = {1, 2, 9, 8}, .area = 72});
  dataset.annotations.push_back({.rectangle = {2, 3, 12, 9}, .area = 108, .crowd = true});
  for (const Format format : kFormats) {
    const auto notes = write_dataset(dataset, format, folder_ / name(format));
    const bool told = std::any_of(notes.begin(), notes.end(), [](const Problem& note) {
      return note.message.find("cannot hold crowds") != std::string::npos &&
             note.message.find("1 left out") != std::string::npos;
    });
    const auto back = read_dataset(folder_ / name(format), format).dataset.annotations;
    const auto crowds = std::count_if(back.begin(), back.end(), [](const Annotation& a) { return a.crowd; });
    EXPECT_EQ(back.size(), told ? 1U : 2U) << name(format);
    EXPECT_EQ(crowds, told ? 0 : 1) << name(format);
  }
}

// CVAT calls its folders Train and Validation; YOLO finds labels by the folder called images.
TEST_F(RoundTrip, NamesDoNotGrowFromFormatToFormat) {
  Dataset dataset = RandomSet(5).make(folder_ / "in");
  std::vector<std::string> first;
  for (int turn = 0; turn < 2; ++turn) {
    for (const Format format : kFormats) {
      if (format == Format::kMot) continue;  // numbers the images
      const auto next = through(dataset, format, std::to_string(turn) + name(format));
      ASSERT_TRUE(next);
      dataset = *next;
    }
    std::vector<std::string> files;
    for (const auto& image : dataset.images) files.push_back(image.file);
    if (turn == 0) first = files;
    EXPECT_EQ(files, first);
  }
}

TEST_F(RoundTrip, NamesThatFormatsCannotHoldAreReplaced) {
  Dataset dataset = RandomSet(7).make(folder_ / "in");
  dataset.images.clear();
  dataset.annotations.clear();
  const std::string longest = std::string(251, 'x') + ".png";
  for (const std::string& file :
       {std::string("caf\xE9.png"), std::string("a\tb.png"), std::string("a\\b.png"), std::string("a/b.png"),
        "one/" + longest, "two/" + longest, "images/" + longest, "train/images/" + longest}) {
    fs::create_directories((folder_ / "in" / file).parent_path());
    std::ofstream(folder_ / "in" / file, std::ios::binary) << testing::png_header(30, 20);
    ImageEntry image;
    image.id = static_cast<std::int64_t>(dataset.images.size()) + 1;
    image.file = file;
    image.width = 30, image.height = 20;
    const auto number = static_cast<std::uint32_t>(dataset.images.size());
    dataset.images.push_back(image);
    dataset.annotations.push_back({.image = number, .rectangle = {1, 2, 9.0 + number, 8}, .area = 72});
  }
  for (const Format format : kFormats) {
    const auto notes = write_dataset(dataset, format, folder_ / name(format));
    EXPECT_TRUE(std::ranges::any_of(notes, [](const Problem& note) {
      return note.message.find("7 images have another name") != std::string::npos;
    })) << name(format);
    const auto back = read_dataset(folder_ / name(format), format);
    for (const auto& problem : back.problems)
      EXPECT_EQ(problem.severity, Severity::kNote) << name(format) << ": " << problem.file << problem.message;
    EXPECT_EQ(plain_objects(back.dataset, false), plain_objects(dataset, false)) << name(format);
    ASSERT_EQ(back.dataset.images.size(), dataset.images.size()) << name(format);
    for (const auto& image : back.dataset.images)
      EXPECT_TRUE(fs::is_regular_file(back.dataset.path_of(image))) << name(format) << ": " << image.file;
  }
}

TEST_F(RoundTrip, EveryFormatIsReadFromAnArchiveWithOrWithoutATopFolder) {
  const Dataset dataset = RandomSet(5).make(folder_ / "in");
  for (const Format format : kFormats) {
    const fs::path around = folder_ / name(format);
    write_dataset(dataset, format, around / "set");
    pack_folder(around / "set", folder_ / "plain.zip");
    pack_folder(around, folder_ / "top.zip");
    for (const char* archive : {"plain.zip", "top.zip"}) {
      for (const auto given : {std::optional<Format>(), std::optional(format)}) {
        const auto result = read_dataset(folder_ / archive, given);
        EXPECT_EQ(result.dataset.format, format) << archive;
        EXPECT_EQ(result.dataset.images.size(), dataset.images.size()) << name(format) << archive;
        EXPECT_EQ(plain_objects(result.dataset, format != Format::kMot), plain_objects(dataset, format != Format::kMot));
        for (const auto& image : result.dataset.images) EXPECT_TRUE(fs::exists(result.dataset.path_of(image))) << image.file;
      }
      fs::remove(folder_ / archive);
    }
  }
}

TEST_F(RoundTrip, EveryPairOfFormatsKeepsWhatBothHold) {
  const unsigned seed = std::random_device{}();
  std::cout << "seed " << seed << "\n";
  for (unsigned set = 0; set < 3; ++set) {
    const Dataset dataset = RandomSet(seed + set).make(folder_ / ("source" + std::to_string(set)));
    for (const Format first : kFormats) {
      SCOPED_TRACE(name(first));
      const std::string folder = std::to_string(set) + name(first);
      const auto once = through(dataset, first, folder);
      if (!once) continue;
      for (const Format second : kFormats) {
        SCOPED_TRACE(name(second));
        through(*once, second, folder + "+" + name(second));
      }
    }
  }
}

}  // namespace
}  // namespace goshawk::dataset

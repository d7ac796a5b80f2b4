#include "goshawk/dataset/split.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "goshawk/core/error.h"
#include "goshawk/core/random.h"
#include "goshawk/dataset/frame_list.h"
#include "goshawk/dataset/near_duplicates.h"
#include "goshawk/dataset/split_write.h"
#include "goshawk/dataset/testing.h"

namespace goshawk::dataset {
namespace {

using namespace std::chrono_literals;

/// Frames of `sources` videos, one a second, with objects of three classes of which each video has its own mixture.
Dataset frames_of_videos(int sources, int frames, std::uint64_t seed) {
  Random random(seed);
  Dataset set;
  set.root = "/nowhere";
  for (int c = 0; c < 3; ++c) set.categories.push_back({c, "class" + std::to_string(c), ""});
  for (int s = 0; s < sources; ++s) {
    for (int f = 0; f < frames; ++f) {
      ImageEntry image;
      char name[64];
      std::snprintf(name, sizeof name, "images/v%03d_%06d.jpg", s, 25 * f);
      image.file = name;
      image.width = image.height = 100;
      const auto number = static_cast<std::uint32_t>(set.images.size());
      set.images.push_back(image);
      for (std::uint32_t c = 0; c < 3; ++c) {
        if (static_cast<int>(c) == 2 && s % 5 != 0) continue;  // rare
        for (std::uint64_t k = random.below(4); k > 0; --k) {
          Annotation object;
          object.image = number;
          object.category = c;
          object.rectangle = {1, 2, 3, 4};
          set.annotations.push_back(object);
        }
      }
    }
  }
  return set;
}

Hashes random_hashes(std::size_t count, std::uint64_t seed) {
  Random random(seed);
  Hashes hashes;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t plain = random.next();
    hashes.push_back(PictureHash{plain, random.next()});
  }
  return hashes;
}

std::array<double, 3> shares(const std::vector<Split>& splits) {
  std::array<double, 3> shares{};
  for (const Split split : splits) shares[static_cast<std::size_t>(split) - 1] += 1.0 / static_cast<double>(splits.size());
  return shares;
}

void put_splits(Dataset& set, const std::vector<Split>& splits) {
  for (std::size_t i = 0; i < splits.size(); ++i) set.images[i].split = splits[i];
}

TEST(Origin, OfNames) {
  const auto is = [](const std::string& file, const std::string& source, std::chrono::microseconds time) {
    EXPECT_EQ(origin_of_name(file), (Origin{source, time})) << file;
  };
  is("images/train/street_000125.jpg", "street", 5s);
  is("a-b_1234567.png", "a-b", 1'234'567 * 40ms);
  is("cam1-0025.jpg", "cam1", 1s);
  is("000000000009.jpg", "", 0s);
  is("photo_12.jpg", "", 0s);
  is("_000123.jpg", "", 0s);
  is("photo.jpg", "", 0s);
  is("x_12345678901234567890.jpg", "", 0s);
  for (const char* photo : {"IMG_1003.jpg", "DSC_0042.jpg", "PXL_20210318_093012345.jpg", "IMG_20190102_123456.jpg",
                            "2008_001003.jpg", "COCO_val2014_000000000042.jpg"}) {
    is(photo, "", 0s);
  }
  is("IMG_1003_000025.jpg", "IMG_1003", 1s);  // a frame of IMG_1003.mov
  is("img_0025.jpg", "img", 1s);
  is("20240101_000025.jpg", "20240101", 1s);
  is("dog_jpg.rf.0123456789abcdef0123456789abcdef.jpg", "dog", 0s);
  is("street_000025_jpg.rf.00ff.jpg", "street", 1s);
}

TEST(Split, KeepsSourcesAndBlocksTogether) {
  for (const SplitBy by : {SplitBy::kSource, SplitBy::kBlock}) {
    Dataset set = frames_of_videos(20, 100, 1);
    const auto origins = origins_of(set);
    const auto hashes = random_hashes(set.images.size(), 2);
    SplitOptions options;
    options.by = by;
    const auto groups = split_groups(set, origins, hashes, options);
    EXPECT_EQ(std::set<std::uint32_t>(groups.begin(), groups.end()).size(), by == SplitBy::kSource ? 20U : 80U);
    put_splits(set, assign_splits(set, groups, options));
    std::map<std::pair<std::string, std::int64_t>, std::set<Split>> seen;
    for (std::size_t i = 0; i < set.images.size(); ++i) {
      seen[{origins[i].source, by == SplitBy::kSource ? 0 : origins[i].time / 30s}].insert(set.images[i].split);
    }
    for (const auto& [unit, splits] : seen) EXPECT_EQ(splits.size(), 1U) << unit.first << " " << unit.second;
    const auto leaks = find_leaks(set, origins, hashes, options, 10);
    EXPECT_EQ(leaks.near + leaks.blocks, 0U);
  }
}

TEST(Split, KeepsNearDuplicatesTogetherAcrossSources) {
  Dataset set = frames_of_videos(30, 40, 3);
  const auto origins = origins_of(set);
  auto hashes = random_hashes(set.images.size(), 4);
  Random random(5);
  for (int i = 0; i < 60; ++i) {
    const auto from = random.below(hashes.size()), to = random.below(hashes.size());
    hashes[to] = hashes[from];
    hashes[to]->plain ^= (1ULL << random.below(64)) ^ (1ULL << random.below(64));
  }
  hashes[7].reset();
  SplitOptions options;
  options.block = 5s;
  put_splits(set, assign_splits(set, split_groups(set, origins, hashes, options), options));
  for (std::size_t a = 0; a < hashes.size(); ++a) {
    for (std::size_t b = 0; b < a; ++b) {
      if (!hashes[a] || !hashes[b] || hash_distance(*hashes[a], *hashes[b]) > 6) continue;
      EXPECT_EQ(set.images[a].split, set.images[b].split);
    }
  }
}

TEST(Split, HoldsTheRatioAndTheClasses) {
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    Dataset set = frames_of_videos(40, 120, seed);
    SplitOptions options;
    options.seed = seed;
    const auto groups = split_groups(set, origins_of(set), random_hashes(set.images.size(), seed), options);
    const auto splits = assign_splits(set, groups, options);
    put_splits(set, splits);
    const auto images = shares(splits);
    EXPECT_NEAR(images[0], 0.7, 0.02) << "seed " << seed;
    EXPECT_NEAR(images[1], 0.2, 0.02) << "seed " << seed;
    EXPECT_NEAR(images[2], 0.1, 0.02) << "seed " << seed;
    for (std::uint32_t category = 0; category < 3; ++category) {
      std::vector<Split> objects;
      for (const auto& object : set.annotations) {
        if (object.category == category) objects.push_back(set.images[object.image].split);
      }
      const auto share = shares(objects);
      EXPECT_NEAR(share[0], 0.7, 0.03) << "seed " << seed << " class " << category;
      EXPECT_NEAR(share[1], 0.2, 0.03) << "seed " << seed << " class " << category;
      EXPECT_NEAR(share[2], 0.1, 0.03) << "seed " << seed << " class " << category;
    }
  }
}

/// Chi-squared of objects and images against the ratio, images four times: what a split is judged by.
double misfit(const Dataset& set, const std::vector<Split>& splits, const std::array<std::int64_t, 3>& ratio) {
  const auto sum = static_cast<double>(ratio[0] + ratio[1] + ratio[2]);
  std::map<std::uint32_t, std::array<double, 3>> counts;
  for (const auto& object : set.annotations) {
    ++counts[object.category][static_cast<std::size_t>(splits[object.image]) - 1];
  }
  const auto images = static_cast<std::uint32_t>(set.categories.size());
  for (const Split split : splits) ++counts[images][static_cast<std::size_t>(split) - 1];
  double misfit = 0;
  for (const auto& [what, count] : counts) {
    const double all = count[0] + count[1] + count[2];
    for (std::size_t s = 0; s < 3; ++s) {
      const double wanted = all * static_cast<double>(ratio[s]) / sum;
      misfit += (what == images ? 4 : 1) * (count[s] - wanted) * (count[s] - wanted) / wanted;
    }
  }
  return misfit;
}

TEST(Split, SmallSetsComeNearTheBestOfAllSplits) {
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    Random random(seed);
    Dataset set;
    for (std::uint32_t c = 0; c < 5; ++c) set.categories.push_back({c, "class" + std::to_string(c), ""});
    std::vector<std::uint32_t> groups;
    for (std::uint32_t i = 0; i < 9; ++i) {
      ImageEntry image;
      image.file = "images/" + std::to_string(i) + ".jpg";
      set.images.push_back(image);
      groups.push_back(i);
      for (std::uint64_t k = 1 + random.below(5); k > 0; --k) {
        Annotation object;
        object.image = i;
        object.category = static_cast<std::uint32_t>(random.below(5));
        set.annotations.push_back(object);
      }
    }
    SplitOptions options;
    options.seed = seed;
    options.ratio = {60, 20, 20};
    std::vector<double> all;  // of every split that leaves none empty
    for (int code = 0; code < 19683; ++code) {
      std::vector<Split> splits;
      for (int rest = code, i = 0; i < 9; ++i, rest /= 3) splits.push_back(static_cast<Split>(1 + rest % 3));
      if (std::set<Split>(splits.begin(), splits.end()).size() == 3) all.push_back(misfit(set, splits, options.ratio));
    }
    std::sort(all.begin(), all.end());
    const double ours = misfit(set, assign_splits(set, groups, options), options.ratio);
    const auto better = std::lower_bound(all.begin(), all.end(), ours - 1e-9) - all.begin();
    EXPECT_LT(better, std::ssize(all) / 500) << "seed " << seed << ": " << ours << " where " << all[0] << " can be";
  }
}

TEST(Split, DependsOnTheSeedAndNotOnTheOrder) {
  const Dataset set = frames_of_videos(10, 60, 8);
  SplitOptions options;
  options.block = 10s;
  const auto split_by_name = [&](const Dataset& given) {
    const Hashes none(given.images.size());
    const auto splits = assign_splits(given, split_groups(given, origins_of(given), none, options), options);
    std::map<std::string, Split> by_name;
    for (std::size_t i = 0; i < splits.size(); ++i) by_name[given.images[i].file] = splits[i];
    return by_name;
  };
  Dataset reversed = set;
  std::reverse(reversed.images.begin(), reversed.images.end());
  for (auto& object : reversed.annotations) object.image = static_cast<std::uint32_t>(set.images.size()) - 1 - object.image;
  std::reverse(reversed.annotations.begin(), reversed.annotations.end());
  const auto first = split_by_name(set);
  EXPECT_EQ(split_by_name(reversed), first);
  options.seed = 1;
  EXPECT_NE(split_by_name(set), first);
}

TEST(Split, NoSplitThatWasAskedForIsEmpty) {
  Dataset set = frames_of_videos(3, 10, 1);
  SplitOptions options;
  options.by = SplitBy::kSource;
  const Hashes none(set.images.size());
  const auto groups = split_groups(set, origins_of(set), none, options);
  const auto splits = assign_splits(set, groups, options);
  EXPECT_EQ(std::set<Split>(splits.begin(), splits.end()).size(), 3U);
  options.ratio = {80, 20, 0};
  const auto two = assign_splits(set, groups, options);
  EXPECT_EQ(std::set<Split>(two.begin(), two.end()), (std::set<Split>{Split::kTrain, Split::kVal}));
}

TEST(Split, TooFewGroupsAreRefused) {
  Dataset set = frames_of_videos(1, 10, 1);
  SplitOptions options;
  const Hashes none(set.images.size());
  EXPECT_THROW(assign_splits(set, split_groups(set, origins_of(set), none, options), options), Error);
}

TEST(Split, FindsLeaks) {
  Dataset set = frames_of_videos(2, 4, 1);
  for (auto& image : set.images) image.split = Split::kTrain;
  set.images[1].split = Split::kVal;
  set.images[7].split = Split::kNone;
  auto hashes = random_hashes(set.images.size(), 9);
  hashes[5] = PictureHash{hashes[1]->plain ^ 7ULL, 0};
  hashes[7] = hashes[1];  // in no split
  SplitOptions options;
  const auto leaks = find_leaks(set, origins_of(set), hashes, options, 10);
  EXPECT_EQ(leaks.near, 1U);
  EXPECT_EQ(leaks.blocks, 1U);
  ASSERT_EQ(leaks.pairs.size(), 2U);
  EXPECT_EQ(std::tuple(leaks.pairs[0].a, leaks.pairs[0].b, leaks.pairs[0].distance, leaks.pairs[0].near),
            std::tuple(1U, 5U, 3, true));
  EXPECT_EQ(std::tuple(leaks.pairs[1].a, leaks.pairs[1].b, leaks.pairs[1].near), std::tuple(0U, 1U, false));
}

class SplitFiles : public testing::FolderTest {};

TEST_F(SplitFiles, OriginsComeFromFramesJson) {
  FrameList list;
  list.sources.emplace_back().name = "street";
  FrameRecord frame;
  frame.file = "x.jpg";
  frame.time = 61s;
  list.frames.push_back(frame);
  write("images/frames.json", to_text(list));
  write("other/frames.json", "{");
  Dataset set;
  set.root = folder_;
  for (const char* file : {"images/x.jpg", "images/y_000025.jpg", "other/z_000050.jpg"})
    set.images.emplace_back().file = file;
  std::vector<std::string> notes;
  EXPECT_EQ(origins_of(set, &notes), (std::vector<Origin>{{"street", 61s}, {"y", 1s}, {"z", 2s}}));
  EXPECT_EQ(notes.size(), 1U);
}

TEST_F(SplitFiles, ListsKeepTheOtherKeysOfDataYaml) {
  Dataset set = frames_of_videos(1, 3, 1);
  set.root = folder_;
  put_splits(set, {Split::kTrain, Split::kVal, Split::kTrain});
  const auto config = write("data.yaml", "train: images\nval: images\ntest: images\nnames: [a, b, c]\nkpt_shape: [17, 3]\n");
  write_split_lists(set, config);
  EXPECT_EQ(read("train.txt"), "./images/v000_000000.jpg\n./images/v000_000050.jpg\n");
  EXPECT_EQ(read("val.txt"), "./images/v000_000025.jpg\n");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "test.txt"));
  const std::string text = read("data.yaml");
  for (const char* part : {"train: train.txt", "val: val.txt", "kpt_shape"})
    EXPECT_NE(text.find(part), std::string::npos) << text;
  EXPECT_EQ(text.find("test:"), std::string::npos) << text;
}

TEST_F(SplitFiles, ListsKeepAbsolutePathsOfTheUsersOwn) {
  Dataset set = frames_of_videos(1, 2, 1);
  set.root = folder_;
  set.images[0].file = "/data/x/a.png";
  put_splits(set, {Split::kTrain, Split::kTrain});
  write_split_lists(set, write("data.yaml", "train: train.txt\nnames: [a]\n"));
  EXPECT_EQ(read("train.txt"), "/data/x/a.png\n./" + set.images[1].file + "\n");
}

TEST_F(SplitFiles, EarlierListsAreKeptAndOtherFilesStay) {
  Dataset set = frames_of_videos(1, 2, 1);
  set.root = folder_;
  put_splits(set, {Split::kTrain, Split::kTest});
  const auto config = write("data.yaml", "train: ./train.txt\nval: [val.txt]\nnames: [a]\n");
  write("train.txt", "./images/mine.jpg\n");
  write("test.txt", "my own notes\n");
  EXPECT_THROW(write_split_lists(set, config), Error);
  EXPECT_EQ(read("test.txt"), "my own notes\n");
  EXPECT_EQ(read("train.txt"), "./images/mine.jpg\n");
  put_splits(set, {Split::kTrain, Split::kVal});
  write_split_lists(set, config);
  EXPECT_EQ(read("train.txt~"), "./images/mine.jpg\n");
  EXPECT_EQ(read("train.txt"), "./images/v000_000000.jpg\n");
  EXPECT_EQ(read("test.txt"), "my own notes\n");
}

TEST_F(SplitFiles, DataYamlKeepsItsOrderAndComments) {
  Dataset set = frames_of_videos(1, 2, 1);
  set.root = folder_;
  put_splits(set, {Split::kTrain, Split::kVal});
  const auto config = write("data.yaml",
                            "# made by hand\npath: .\ntrain:  # two folders\n  - images/a\n  - images/b\nval: images/c\n\n"
                            "nc: 12\nnames:\n  0: a\n  2: b  # rare\n  10: c\n");
  write_split_lists(set, config);
  EXPECT_EQ(read("data.yaml"),
            "# made by hand\npath: .\ntrain: train.txt\nval: val.txt\n\n"
            "nc: 12\nnames:\n  0: a\n  2: b  # rare\n  10: c\n");
}

TEST_F(SplitFiles, DataYamlOnOneLineIsWrittenAnew) {
  Dataset set = frames_of_videos(1, 2, 1);
  set.root = folder_;
  put_splits(set, {Split::kTrain, Split::kVal});
  const auto config = write("data.yaml", "{train: images, val: images, names: [a]}\n");
  write_split_lists(set, config);
  const std::string text = read("data.yaml");
  for (const char* part : {"train: train.txt", "val: val.txt", "names: [a]"})
    EXPECT_NE(text.find(part), std::string::npos) << text;
}

}  // namespace
}  // namespace goshawk::dataset

#include "goshawk/train/loader.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <opencv2/core.hpp>
#include <set>

#include "goshawk/core/error.h"
#include "goshawk/media/image.h"

namespace goshawk::train {
namespace {

namespace fs = std::filesystem;

class Loader : public testing::Test {
 protected:
  Loader() : folder_(fs::temp_directory_path() / ("goshawk-loader-" + std::to_string(::getpid()))) {
    fs::create_directories(folder_);
    for (int i = 0; i < 11; ++i) {
      cv::Mat image(60 + 5 * i, 100, CV_8UC3);
      cv::theRNG().state = static_cast<std::uint64_t>(i) + 1;
      cv::randu(image, 0, 255);
      TrainingImage entry{folder_ / (std::to_string(i) + ".png"), image.cols, image.rows, {}};
      entry.targets.objects.push_back({{20, 10, 80, 50}, i});
      media::write_image(entry.path, image);
      images_.push_back(entry);
    }
  }
  ~Loader() override { fs::remove_all(folder_); }

  std::vector<Batch> batches(const LoaderOptions& options, std::int64_t epoch, std::uint64_t cache = 0, bool mosaic = true) {
    ImageStore store(images_, 64, cache);
    EpochLoader loader(store, options, epoch, mosaic);
    std::vector<Batch> all;
    while (auto batch = loader.next()) all.push_back(std::move(*batch));
    EXPECT_EQ(all.size(), loader.batches());
    return all;
  }

  static void expect_equal(const std::vector<Batch>& a, const std::vector<Batch>& b) {
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t i = 0; i < a.size(); ++i) {
      EXPECT_EQ(a[i].images, b[i].images);
      EXPECT_EQ(a[i].pixels, b[i].pixels);
      ASSERT_EQ(a[i].targets.size(), b[i].targets.size());
      for (std::size_t k = 0; k < a[i].targets.size(); ++k) EXPECT_EQ(a[i].targets[k].objects, b[i].targets[k].objects);
    }
  }

  fs::path folder_;
  std::vector<TrainingImage> images_;
};

TEST_F(Loader, TheNumberOfWorkersAndTheCacheChangeNothing) {
  LoaderOptions options;
  options.batch = 4;
  options.seed = 9;
  options.augment.mixup = 0.3;
  options.workers = 1;
  const auto one = batches(options, 2);
  EXPECT_EQ(one.size(), 3U);
  EXPECT_EQ(one.back().size(), 3U);
  options.workers = 5;
  expect_equal(one, batches(options, 2));
  expect_equal(one, batches(options, 2, 1 << 30));
}

TEST_F(Loader, EpochsAndSeedsDiffer) {
  LoaderOptions options;
  options.batch = 11;
  const auto first = batches(options, 0);
  EXPECT_NE(first[0].pixels, batches(options, 1)[0].pixels);
  options.seed = 1;
  EXPECT_NE(first[0].pixels, batches(options, 0)[0].pixels);
}

TEST_F(Loader, EachPictureComesOnceAnEpoch) {
  LoaderOptions options;
  options.batch = 4;
  std::multiset<std::size_t> seen;
  for (const auto& batch : batches(options, 3)) seen.insert(batch.images.begin(), batch.images.end());
  EXPECT_EQ(seen.size(), 11U);
  EXPECT_EQ(std::set<std::size_t>(seen.begin(), seen.end()).size(), 11U);
}

TEST_F(Loader, ProcessesShareTheOrderOfOne) {
  LoaderOptions options;
  options.batch = 4;
  const auto whole = batches(options, 0);
  options.world = 2;
  options.batch = 2;
  const auto even = batches(options, 0);
  options.rank = 1;
  const auto odd = batches(options, 0);
  EXPECT_EQ(even[0].images, (std::vector{whole[0].images[0], whole[0].images[2]}));
  EXPECT_EQ(odd[0].images, (std::vector{whole[0].images[1], whole[0].images[3]}));
  const std::size_t picture = 64UL * 64 * 3;
  EXPECT_TRUE(std::equal(odd[0].pixels.begin(), odd[0].pixels.begin() + static_cast<std::ptrdiff_t>(picture),
                         whole[0].pixels.begin() + static_cast<std::ptrdiff_t>(picture)));
}

TEST_F(Loader, WithoutChangesPicturesAreLetterboxedInOrder) {
  LoaderOptions options;
  options.change = options.shuffle = false;
  const auto all = batches(options, 0);
  EXPECT_EQ(all[0].images[5], 5U);
  const auto& box = all[0].targets[0].objects.at(0).box;  // 100 x 60 -> 64 x 38.4, 12.8 from the top
  EXPECT_NEAR(box.x1, 12.8, 0.01);
  EXPECT_NEAR(box.y1, 12.8 + 6.4, 0.4);
}

TEST_F(Loader, SaysWhichPictureCannotBeRead) {
  std::ofstream(images_[7].path) << "no picture";
  try {
    batches({}, 0);
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(error.describe().find("7.png"), std::string::npos);
  }
}

TEST_F(Loader, RefusesLabelsOfAnotherPicture) {
  images_[3].width = 700;
  EXPECT_THROW(batches({}, 0), Error);
}

TEST_F(Loader, MayBeLeftInTheMiddleOfAnEpoch) {
  ImageStore store(images_, 64, 0);
  EpochLoader loader(store, {}, 0, true);
}

}  // namespace
}  // namespace goshawk::train

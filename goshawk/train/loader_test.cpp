#include "goshawk/train/loader.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <opencv2/core.hpp>
#include <set>

#include "goshawk/core/error.h"
#include "goshawk/core/testing.h"
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

  std::vector<Batch> batches(const LoaderOptions& options, std::int64_t epoch, const ImageCache& cache = {},
                             bool mosaic = true) {
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
  expect_equal(one, batches(options, 2, {1 << 30, {}}));
  expect_equal(one, batches(options, 2, {0, folder_ / "cache"}));
  expect_equal(one, batches(options, 2, {64 * 64 * 3 * 4, folder_ / "cache"}));
}

TEST_F(Loader, AFolderKeepsPicturesWhileTheStoreLives) {
  const fs::path folder = folder_ / "cache";
  {
    ImageStore store(images_, 64, {0, folder});
    const cv::Mat first = store.get(4).image;
    fs::remove(images_[4].path);
    const cv::Mat second = store.get(4).image;
    EXPECT_EQ(first.size(), second.size());
    EXPECT_EQ(cv::norm(first, second, cv::NORM_L1), 0);
    EXPECT_TRUE(fs::exists(folder));
  }
  EXPECT_FALSE(fs::exists(folder));
}

TEST_F(Loader, AFolderLeavesRoomOnItsDisk) {
  ImageCache cache{0, folder_ / "cache"};
  cache.spare_bytes = std::numeric_limits<std::uint64_t>::max();
  ImageStore store(images_, 64, cache);
  EXPECT_FALSE(store.get(4).image.empty());
  EXPECT_TRUE(fs::is_empty(cache.folder));
}

TEST_F(Loader, ProcessesShareAFolder) {
  const fs::path folder = folder_ / "cache";
  {
    ImageStore first(images_, 64, {0, folder, 0}), second(images_, 64, {0, folder, 1});
    const cv::Mat by_first = first.get(4).image, by_second = second.get(7).image;
    fs::remove(images_[4].path);
    fs::remove(images_[7].path);
    EXPECT_EQ(cv::norm(by_first, second.get(4).image, cv::NORM_L1), 0);
    EXPECT_EQ(cv::norm(by_second, first.get(7).image, cv::NORM_L1), 0);
    { const ImageStore third(images_, 64, {0, folder, 2}); }
    EXPECT_EQ(std::distance(fs::directory_iterator(folder), {}), 2) << "the picture files, nothing half-written";
  }
  EXPECT_FALSE(fs::exists(folder));
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

TEST_F(Loader, ProcessesHaveAsManyBatchesEvenWhereNothingIsLeft) {
  images_.resize(9);
  LoaderOptions options;
  options.world = 2;
  options.batch = 4;
  options.rank = 1;
  const auto second = batches(options, 0);
  ASSERT_EQ(second.size(), 2U);
  EXPECT_EQ(second[0].whole, 8U);
  EXPECT_EQ(second[1].whole, 1U);
  EXPECT_EQ(second[1].size(), 0U);
  options.rank = 0;
  EXPECT_EQ(batches(options, 0)[1].size(), 1U);
}

TEST_F(Loader, AnotherPictureStandsInForOneThatCannotBeRead) {
  std::ofstream(images_[7].path) << "no picture";
  LoaderOptions options;
  options.batch = 11;
  ImageStore store(images_, 64, {});
  EpochLoader loader(store, options, 0, true);
  const auto batch = loader.next();
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->size(), 11U);
  ASSERT_EQ(store.unreadable().size(), 1U);
  EXPECT_EQ(store.unreadable().begin()->first, 7U);
  options.workers = 7;
  expect_equal({*batch}, batches(options, 0));
}

TEST_F(Loader, StopsWhereMoreThanATenthCannotBeRead) {
  std::ofstream(images_[7].path) << "no picture";
  fs::remove(images_[2].path);
  const auto text = text_of_error([&] { batches({}, 0); }, ErrorCode::kBadData);
  EXPECT_NE(text.find("2 of 11 pictures cannot be read"), std::string::npos) << text;
}

TEST_F(Loader, TakesALongThinJpegThatIsDecodedSmaller) {
  images_[3].path = folder_ / "thin.jpg";
  images_[3].width = 1000, images_[3].height = 65;
  media::write_image(images_[3].path, cv::Mat(65, 1000, CV_8UC3, cv::Scalar(9, 90, 200)));
  ImageStore store(images_, 64, {});
  const auto sample = store.get_if_readable(3);
  ASSERT_TRUE(sample) << store.unreadable().at(3);
  EXPECT_EQ(sample->image.cols, 64);
}

TEST_F(Loader, LeavesOutAPictureThatItsLabelsAreNotFor) {
  images_[3].width = 700;
  ImageStore store(images_, 64, {});
  EXPECT_FALSE(store.get_if_readable(3));
  EXPECT_NE(store.unreadable().at(3).find("shape"), std::string::npos);
}

TEST(VariedSide, IsAMultipleWithinTheRangeAndFollowsFromThePlaceAlone) {
  std::set<int> sides;
  for (int batch = 0; batch < 200; ++batch) {
    const int side = varied_side(320, 32, 0.5, 1, 2, batch);
    EXPECT_EQ(side % 32, 0);
    EXPECT_GE(side, 160);
    EXPECT_LE(side, 480);
    EXPECT_EQ(side, varied_side(320, 32, 0.5, 1, 2, batch));
    sides.insert(side);
  }
  EXPECT_EQ(sides.size(), 11U);
  for (int batch = 0; batch < 50; ++batch) EXPECT_GE(varied_side(32, 32, 0.9, 0, 0, batch), 32) << "one stride at least";
}

TEST_F(Loader, MayBeLeftInTheMiddleOfAnEpoch) {
  ImageStore store(images_, 64, {});
  EpochLoader loader(store, {}, 0, true);
}

}  // namespace
}  // namespace goshawk::train

#include "goshawk/dataset/check.h"

#include <atomic>
#include <cmath>
#include <limits>
#include <opencv2/core.hpp>
#include <set>
#include <sstream>

#include "goshawk/core/error.h"
#include "goshawk/dataset/formats.h"
#include "goshawk/dataset/problems.h"
#include "goshawk/dataset/testing.h"

namespace goshawk::dataset {
namespace {

using testing::brief;

/// A picture of smooth spots, which its seed tells.
cv::Mat spots(int width, int height, int seed) {
  cv::Mat image(height, width, CV_8UC3);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const double u = 6.0 * x / width, v = 6.0 * y / height;
      const double value = 127 + 60 * std::sin(u * (1 + seed % 5) + seed) + 60 * std::cos(v * (1 + seed % 3) - u * seed);
      image.at<cv::Vec3b>(y, x) = cv::Vec3b::all(cv::saturate_cast<unsigned char>(value));
    }
  }
  return image;
}

/// Reads "width height seed".
cv::Mat read_spots(const std::filesystem::path& path) {
  std::ifstream file(path);
  int width = 0, height = 0, seed = 0;
  if (!(file >> width >> height >> seed)) throw Error(ErrorCode::kBadData, "no picture", path.string());
  return spots(width, height, seed);
}

class Check : public testing::FolderTest {
 protected:
  void SetUp() override {
    FolderTest::SetUp();
    read_.dataset.root = folder_;
    read_.dataset.categories = {{0, "person"}, {1, "car"}};
    options_.read = read_spots;
  }

  /// An image of 100 x 50 whose file says `content`.
  void add_image(const std::string& name, const std::string& content, Split split = Split::kNone) {
    ImageEntry image;
    image.file = "images/" + name + ".jpg";
    image.labels = "labels/" + name + ".txt";
    image.width = 100;
    image.height = 50;
    image.split = split;
    if (!content.empty()) write(image.file, content);
    read_.dataset.images.push_back(image);
  }
  void add_box(Rectangle rectangle, std::uint32_t category = 0) {
    Annotation annotation;
    annotation.image = static_cast<std::uint32_t>(read_.dataset.images.size() - 1);
    annotation.category = category;
    annotation.rectangle = rectangle;
    annotation.line = ++lines_[annotation.image];
    read_.dataset.annotations.push_back(annotation);
  }
  void add_good(const std::string& name, int seed, Split split = Split::kNone) {
    add_image(name, "100 50 " + std::to_string(seed), split);
    add_box({10, 10, 20, 20});
  }

  FindingList check() const { return check_dataset(read_, options_); }
  /// "error missing_image images/a.jpg:0".
  std::vector<std::string> found() const {
    std::vector<std::string> lines;
    const auto list = check();
    for (const auto& finding : list.findings()) {
      lines.push_back(std::string(name(finding.problem.severity)) + " " + brief({finding.problem})[0]);
    }
    return lines;
  }
  using Lines = std::vector<std::string>;

  ReadResult read_;
  CheckOptions options_;
  std::map<std::uint32_t, std::uint32_t> lines_;
};

TEST_F(Check, FindsNothingInASoundSet) {
  for (int seed = 1; seed <= 9; ++seed)
    add_good("a" + std::to_string(seed), seed, seed % 2 == 0 ? Split::kVal : Split::kTrain);
  EXPECT_EQ(found(), Lines{});
}

TEST_F(Check, ListsBoxesWithFileAndLine) {
  add_image("a", "100 50 1");
  add_box({0, 0, 100, 50});
  add_box({-1, 0, 10, 10});     // rounding
  add_box({-1.5, 0, 10, 10});   // 3
  add_box({90, 10, 11.5, 10});  // 4
  add_box({10, 45, 10, 6.5});   // 5
  add_box({101, 10, 10, 10});   // 6: wholly outside
  add_box({10, -10, 10, 10});   // 7: touches
  add_box({10, 10, 0, 10});     // 8
  add_box({10, 10, 10, -1});    // 9
  add_box({10, 10, 0.5, 10});   // 10
  add_box({10, 10, std::nan(""), 10});
  EXPECT_EQ(found(), (Lines{"warning outside_image labels/a.txt:3", "warning outside_image labels/a.txt:4",
                            "warning outside_image labels/a.txt:5", "error outside_image labels/a.txt:6",
                            "error outside_image labels/a.txt:7", "error degenerate_box labels/a.txt:8",
                            "error degenerate_box labels/a.txt:9", "warning degenerate_box labels/a.txt:10",
                            "error not_finite labels/a.txt:11"}));
}

TEST_F(Check, BoxesOfMotMayReachOut) {
  add_image("a", "100 50 1");
  read_.dataset.images[0].sequence = "MOT17-02";
  add_box({-5, 0, 10, 10});
  EXPECT_EQ(found(), Lines{"note outside_image labels/a.txt:1"});
}

TEST_F(Check, NamesTheCommonLabelFileWithItsLine) {
  add_image("a", "100 50 1");
  read_.dataset.images[0].labels.clear();
  read_.dataset.source = "instances.json";
  add_box({200, 0, 10, 10});
  const auto list = check();
  ASSERT_EQ(list.findings().size(), 1U);
  EXPECT_EQ(brief({list.findings()[0].problem}), Lines{"outside_image instances.json:1"});
  EXPECT_NE(list.findings()[0].problem.message.find("images/a.jpg"), std::string::npos);
  EXPECT_EQ(list.findings()[0].annotation, 0);
}

TEST_F(Check, BoxesInImagesOfUnknownSizeAreNotOutside) {
  add_image("a", "100 50 1");
  read_.dataset.images[0].width = read_.dataset.images[0].height = 0;
  add_box({500, -20, 10, 10});
  add_box({0.5, 0.5, 0.01, 0.01});
  add_box({500, 20, 0, 10});
  EXPECT_EQ(found(), Lines{"error degenerate_box labels/a.txt:3"});
}

TEST_F(Check, NamesTheLabelFileOfEachPartOfACocoSet) {
  const auto part = [](const char* file, int x) {
    return std::string("{\"images\": [{\"id\": 1, \"file_name\": \"") + file +
           "\", \"width\": 100, \"height\": 50}],\n\"categories\": [{\"id\": 1, \"name\": \"car\"}],\n\"annotations\": [\n" +
           "{\"id\": 1, \"image_id\": 1, \"category_id\": 1, \"bbox\": [" + std::to_string(x) + ", 1, 5, 5]}]}\n";
  };
  write("annotations/instances_train.json", part("a.png", 1));
  write("annotations/instances_val.json", part("b.png", 300));
  read_ = read_dataset(folder_, Format::kCoco);
  options_.read = nullptr;
  EXPECT_EQ(found(), Lines{"error outside_image annotations/instances_val.json:4"});
}

TEST_F(Check, ListsEqualBoxesOfOneClassOnce) {
  add_image("a", "100 50 1");
  add_box({10, 10, 20, 20});
  add_box({10, 10, 20, 21});
  add_box({10, 10, 20, 20}, 1);
  add_box({10, 10, 20, 20});
  add_box({10, 10, 20, 20});
  const auto list = check();
  ASSERT_EQ(list.findings().size(), 1U);
  EXPECT_EQ(brief({list.findings()[0].problem}), Lines{"duplicate_box labels/a.txt:4"});
  EXPECT_NE(list.findings()[0].problem.message.find("3 times, first in line 1"), std::string::npos)
      << list.findings()[0].problem.message;
}

TEST_F(Check, TellsNoLabelsFromEmptyOnesAndFromThoseLeftOut) {
  options_.distance = -1;
  for (const char* name : {"none", "empty", "bad"}) add_image(name, "100 50 " + std::to_string(name[0]));
  read_.dataset.images[0].labelled = false;
  read_.dataset.images[0].labels.clear();
  read_.problems.push_back({ProblemKind::kBadLine, Severity::kError, "labels/bad.txt", 1, "x"});
  EXPECT_EQ(found(), (Lines{"error bad_line labels/bad.txt:1", "warning missing_labels images/none.jpg:0",
                            "note empty_labels labels/empty.txt:0"}));
}

TEST_F(Check, ListsFilesOfImages) {
  add_good("good", 1);
  add_image("gone", "");
  add_box({1, 1, 5, 5});
  add_image("torn", "rubbish");
  add_box({1, 1, 5, 5});
  add_image("small", "80 50 2");
  add_box({1, 1, 5, 5});
  add_image("turned", "50 100 3");
  add_box({1, 1, 5, 5});
  add_image("folder", "");
  add_box({1, 1, 5, 5});
  std::filesystem::create_directory(folder_ / "images/folder.jpg");
  // What a reader says of these files by the way is not listed twice.
  read_.problems.push_back({ProblemKind::kMissingImage, Severity::kError, "images/gone.jpg", 0, "no such image"});
  EXPECT_EQ(found(), (Lines{"error missing_image images/gone.jpg:0", "error unreadable_image images/torn.jpg:0",
                            "error size_differs images/small.jpg:0", "error size_differs images/turned.jpg:0",
                            "error unreadable_image images/folder.jpg:0"}));
  read_.problems.push_back({ProblemKind::kMissingImage, Severity::kError, "data.yaml", 0, "no such folder"});
  options_.read = nullptr;  // the labels alone
  EXPECT_EQ(found(), Lines{"error missing_image data.yaml:0"});
}

TEST_F(Check, AnyFailureOfDecodingIsAProblemOfThatImage) {
  add_good("a", 1);
  add_good("b", 2);
  options_.read = [](const std::filesystem::path& path) {
    if (path.filename() == "a.jpg") throw std::bad_alloc();
    return read_spots(path);
  };
  EXPECT_EQ(found(), Lines{"error unreadable_image images/a.jpg:0"});
}

TEST_F(Check, LinksThatLeadOutAreListed) {
  const auto outside = folder_.string() + "-outside";
  std::filesystem::create_directory(outside);
  std::ofstream(outside + "/o.jpg") << "100 50 4";
  add_good("a", 1);
  add_good("out", 2);
  add_good("in", 3);
  std::filesystem::remove(folder_ / "images/out.jpg");
  std::filesystem::create_symlink(outside + "/o.jpg", folder_ / "images/out.jpg");
  std::filesystem::rename(folder_ / "images/in.jpg", folder_ / "real.jpg");
  std::filesystem::create_symlink("../real.jpg", folder_ / "images/in.jpg");
  EXPECT_EQ(found(), Lines{"warning unsafe_path images/out.jpg:0"});
  std::filesystem::rename(folder_ / "images/a.jpg", outside + "/a.jpg");
  std::filesystem::rename(folder_ / "images/in.jpg", outside + "/in.jpg");
  std::filesystem::rename(folder_ / "images/out.jpg", outside + "/out.jpg");
  std::ofstream(outside + "/../real.jpg") << "100 50 3";
  std::filesystem::remove(folder_ / "images");
  std::filesystem::create_symlink(outside, folder_ / "images");
  EXPECT_EQ(found()[0], "warning unsafe_path images:0");
  std::filesystem::remove(std::filesystem::path(outside).parent_path() / "real.jpg");
  std::filesystem::remove_all(outside);
}

TEST_F(Check, EqualFilesAreWarningsWithinASplitAndErrorsAcross) {
  add_good("a", 1, Split::kTrain);
  add_good("b", 1, Split::kTrain);
  add_good("c", 2, Split::kTrain);
  add_good("d", 1, Split::kVal);
  add_good("e", 1, Split::kVal);
  const auto list = check();
  EXPECT_EQ(found(), (Lines{"warning duplicate_image images/b.jpg:0", "error duplicate_image images/d.jpg:0",
                            "error duplicate_image images/e.jpg:0"}));
  EXPECT_EQ(list.findings()[1].image, 3);
  EXPECT_EQ(list.findings()[1].other, 0);
  EXPECT_NE(list.findings()[1].problem.message.find("in val, the other in train"), std::string::npos);
}

TEST_F(Check, NearDuplicatesAreWarningsWithinASplitAndErrorsAcross) {
  add_good("a", 1, Split::kTrain);
  add_good("b", 2, Split::kVal);
  const auto add_large = [&](const char* name, int seed, Split split) {  // another size of the same picture
    add_image(name, "200 100 " + std::to_string(seed), split);
    read_.dataset.images.back().width = 200;
    read_.dataset.images.back().height = 100;
    add_box({1, 1, 5, 5});
  };
  add_large("c", 1, Split::kTrain);
  add_large("d", 2, Split::kTest);
  add_good("e", 3, Split::kNone);
  add_large("f", 3, Split::kVal);
  EXPECT_EQ(found(), (Lines{"error near_duplicate images/d.jpg:0", "warning near_duplicate images/c.jpg:0",
                            "warning near_duplicate images/f.jpg:0"}));
  options_.distance = -1;
  EXPECT_EQ(found(), Lines{});
}

/// However many pairs there are, and however few are listed.
TEST_F(Check, CountsEveryNearDuplicateOnce) {
  const std::array splits{Split::kNone, Split::kTrain, Split::kVal, Split::kTest};
  for (int i = 0; i < 40; ++i) {  // files of another length, of three pictures
    const std::string text = "100 50 " + std::string(static_cast<std::size_t>(i + 1), ' ') + std::to_string(i % 3 + 1);
    add_image("i" + std::to_string(i), text, splits[static_cast<std::size_t>(i * 7 % 4)]);
    add_box({1, 1, 5, 5});
  }
  // Of each picture's images the first is like none before it; images of no split leak nothing, nor those of the first split
  // before there is another.
  std::uint64_t leaks = 0, others = 0;
  for (int i = 3; i < 40; ++i) {
    std::set<Split> before;
    for (int k = i % 3; k < i; k += 3) before.insert(splits[static_cast<std::size_t>(k * 7 % 4)]);
    const Split split = splits[static_cast<std::size_t>(i * 7 % 4)];
    before.erase(Split::kNone);
    before.erase(split);
    ++(split != Split::kNone && !before.empty() ? leaks : others);
  }
  for (const std::uint64_t listed : {10'000U, 4U, 0U}) {
    options_.listed = listed;
    const auto list = check();
    EXPECT_EQ(list.total(Severity::kError), leaks);
    EXPECT_EQ(list.total(Severity::kWarning), others);
    EXPECT_EQ(list.findings().size(), std::min(listed, leaks) + std::min(listed, others));
  }
}

TEST_F(Check, AnImageListedInTwoSplitsIsOneError) {
  add_good("a", 1, Split::kTrain);
  add_good("a", 1, Split::kVal);
  read_.problems.push_back({ProblemKind::kDuplicateImage, Severity::kError, "images/a.jpg", 0, "in train and in val"});
  EXPECT_EQ(found(), Lines{"error duplicate_image images/a.jpg:0"});
  options_.read = nullptr;
  EXPECT_EQ(found(), Lines{"error duplicate_image images/a.jpg:0"});
}

TEST_F(Check, ListsAreBoundedAndTheRestIsCounted) {
  add_image("a", "100 50 1");
  for (int i = 0; i < 1000; ++i) add_box({200.0 + i, 0, 10, 10});
  read_.problems_left_out = 7;
  options_.listed = 20;
  const auto list = check();
  EXPECT_EQ(list.findings().size(), 21U);
  EXPECT_EQ(list.counts().at({ProblemKind::kOutsideImage, Severity::kError}), 1000U);
  EXPECT_EQ(list.counts().at({ProblemKind::kTooMany, Severity::kError}), 1U);
  EXPECT_NE(list.findings()[0].problem.message.find("7 more"), std::string::npos);
}

TEST_F(Check, StopsWhenAskedAndTellsHowFarItIs) {
  for (int seed = 1; seed <= 9; ++seed) add_good("a" + std::to_string(seed), seed);
  std::int64_t last = 0;
  options_.progress = [&](std::int64_t done) { last = done; };
  (void)check();
  EXPECT_EQ(last, 9);
  std::stop_source stop;
  options_.stop = stop.get_token();
  std::atomic<int> decoded = 0;
  options_.read = [&](const std::filesystem::path& path) {
    if (++decoded == 2) stop.request_stop();
    return read_spots(path);
  };
  try {
    (void)check();
    FAIL() << "it went on";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInterrupted);
  }
  EXPECT_LT(decoded, 9);
}

/// Large images are decoded one at a time, whatever the number of threads.
TEST_F(Check, DecodesOneLargeImageAtATime) {
  for (int i = 0; i < 12; ++i) {
    add_good("a" + std::to_string(i), i + 1);
    write("images/a" + std::to_string(i) + ".jpg", testing::png_header(6000, 4000) + std::to_string(i));
  }
  std::atomic<int> now = 0, most = 0;
  options_.read = [&](const std::filesystem::path& path) {
    most = std::max(most.load(), ++now);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    --now;
    return spots(100, 50, path.filename().string()[1] * 7 + static_cast<int>(path.filename().string().size()));
  };
  options_.distance = -1;
  (void)check();
  EXPECT_EQ(most, 1);
}

TEST_F(Check, TextsOfTheDataSetAreFitForATerminal) {
  add_image("a\x1b[31m", "");
  read_.dataset.categories[0].name = "per\nson\xff";
  add_box({200, 0, 10, 10});
  const auto list = check();
  EXPECT_EQ(list.findings().size(), 2U);
  for (const auto& finding : list.findings()) {
    EXPECT_EQ((finding.problem.file + finding.problem.message).find_first_of("\x1b\n\xff"), std::string::npos);
  }
}

/// The readers and the check together, on text as it comes.
TEST_F(Check, ReadsAndChecksAYoloSet) {
  write("data.yaml", "train: images/train\nval: images/val\nnames: [person, car]\n");
  for (const char* image : {"images/train/a.png", "images/train/b.png", "images/val/c.png"}) {
    write(image, testing::png_header(100, 50) + image);
  }
  write("labels/train/a.txt", "0 .5 .5 .5 .5\nnan 0 0 0 0\n7 .5 .5 .1 .1\n1 .9 .5 .205 .5\n0 .5 .5 .5 .5\n");
  write("labels/train/stray.txt", "0 .5 .5 .5 .5\n");
  write("labels/val/c.txt", "");
  read_ = read_dataset(folder_);
  options_.read = nullptr;
  EXPECT_EQ(found(), (Lines{"error not_finite labels/train/a.txt:2", "error unknown_class labels/train/a.txt:3",
                            "warning orphan_labels labels/train/stray.txt:0", "warning duplicate_box labels/train/a.txt:5",
                            "warning missing_labels images/train/b.png:0", "note empty_labels labels/val/c.txt:0"}));
}

}  // namespace
}  // namespace goshawk::dataset

// Bad input, format by format: each is one error, or listed with its file; nothing is read from or written to elsewhere.
#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <optional>
#include <string>

#include "goshawk/core/error.h"
#include "goshawk/core/utf8.h"
#include "goshawk/dataset/check.h"
#include "goshawk/dataset/fenced_read.h"
#include "goshawk/dataset/formats.h"
#include "goshawk/dataset/problems.h"
#include "goshawk/dataset/safe_path.h"
#include "goshawk/dataset/testing.h"
#include "goshawk/dataset/zip_archive.h"

namespace goshawk::dataset {
namespace {

namespace fs = std::filesystem;

/// A set of one image with one class, "car", and `count` boxes of one text.
struct Content {
  std::string image = "a.png";                                         // as the labels name it
  std::array<std::string, 4> box = {"0.25", "0.25", "0.125", "0.25"};  // x, y, width, height
  std::string class_number = "0", class_name = "car";
  std::size_t count = 1;
  std::string head = {};  // before the labels' text, where it has a place for it: <!DOCTYPE ...>
  int width = 640, height = 480;
};

struct Kind {
  const char* name;
  Format format;
  const char* labels;    // the label file
  const char* image;     // where the image a.png belongs; nullptr: in an archive
  bool numbers_in_list;  // classes go by number in a list
  bool xml;
  void (*write)(const fs::path& root, const Content&);
};

void PrintTo(const Kind& kind, std::ostream* out) { *out << kind.name; }  // GoogleTest's; else it prints bytes

void put(const fs::path& path, std::string_view text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

std::string repeated(const std::string& text, std::size_t count) {
  std::string all;
  all.reserve(text.size() * count);
  for (std::size_t i = 0; i < count; ++i) all += text;
  return all;
}

std::string yolo_text(const Content& c) {
  return c.head +
         repeated(c.class_number + " " + c.box[0] + " " + c.box[1] + " " + c.box[2] + " " + c.box[3] + "\n", c.count);
}

std::string voc_text_of(const Content& c) {
  const std::string object = "<object><name>" + c.class_name + "</name><bndbox><xmin>" + c.box[0] + "</xmin><ymin>" +
                             c.box[1] + "</ymin><xmax>20</xmax><ymax>30</ymax></bndbox></object>\n";
  return c.head + "<annotation>\n<filename>" + c.image + "</filename>\n<size><width>" + std::to_string(c.width) +
         "</width><height>" + std::to_string(c.height) + "</height></size>\n" + repeated(object, c.count) +
         "</annotation>\n";
}

std::string cvat_text(const Content& c) {
  const std::string box = "<box label=\"" + c.class_name + "\" xtl=\"" + c.box[0] + "\" ytl=\"" + c.box[1] +
                          "\" xbr=\"20\" ybr=\"30\" occluded=\"0\"/>\n";
  return c.head +
         "<annotations>\n<meta><task><labels><label><name>car</name></label></labels></task></meta>\n<image id=\"0\" "
         "name=\"" +
         c.image + "\" width=\"" + std::to_string(c.width) + "\" height=\"" + std::to_string(c.height) + "\">\n" +
         repeated(box, c.count) + "</image>\n</annotations>\n";
}

void write_yolo_set(const fs::path& root, const Content& c) {
  put(root / "data.yaml", "train: images\nnames: [car]\n");
  put(root / "labels/a.txt", yolo_text(c));
}

void write_coco_set(const fs::path& root, const Content& c) {
  std::string annotations;
  annotations.reserve(c.count * 90);
  for (std::size_t i = 1; i <= c.count; ++i) {
    annotations += (i > 1 ? ",\n" : "") + std::string("{\"id\":") + std::to_string(i) +
                   ",\"image_id\":1,\"category_id\":" + (c.class_number == "0" ? "1" : c.class_number) + ",\"bbox\":[" +
                   c.box[0] + "," + c.box[1] + "," + c.box[2] + "," + c.box[3] + "]}";
  }
  put(root / "instances.json", c.head + "{\"images\":[{\"id\":1,\"file_name\":\"" + c.image +
                                   "\",\"width\":" + std::to_string(c.width) + ",\"height\":" + std::to_string(c.height) +
                                   "}],\n\"categories\":[{\"id\":1,\"name\":\"car\"}],\n\"annotations\":[\n" + annotations +
                                   "\n]}\n");
}

void write_voc_set(const fs::path& root, const Content& c) {
  put(root / "Annotations/a.xml", voc_text_of(c));
  fs::create_directories(root / "JPEGImages");
}

void write_cvat_set(const fs::path& root, const Content& c) { put(root / "annotations.xml", cvat_text(c)); }

void write_cvat_yolo_set(const fs::path& root, const Content& c) {
  put(root / "obj.names", "car\n");
  put(root / "obj.data", "classes = 1\ntrain = data/train.txt\nnames = data/obj.names\n");
  put(root / "train.txt", (c.image == "a.png" ? "data/obj_train_data/" : "") + c.image + "\n");
  put(root / "obj_train_data/a.txt", yolo_text(c));
}

void write_labelimg_xml(const fs::path& root, const Content& c) { put(root / "a.xml", voc_text_of(c)); }

void write_labelimg_text(const fs::path& root, const Content& c) {
  put(root / "classes.txt", "car\n");
  put(root / "a.txt", yolo_text(c));
}

void write_mot_set(const fs::path& root, const Content& c) {
  std::string lines = c.head;
  lines.reserve(c.count * 40);
  for (std::size_t i = 1; i <= c.count; ++i) {
    lines += "1," + std::to_string(i) + "," + c.box[0] + "," + c.box[1] + "," + c.box[2] + "," + c.box[3] + ",1,1,1\n";
  }
  put(root / "gt/gt.txt", lines);
  put(root / "seqinfo.ini", "[Sequence]\nname=s\nimDir=" + (c.image == "a.png" ? std::string("img1") : c.image) +
                                "\nseqLength=1\nimWidth=" + std::to_string(c.width) +
                                "\nimHeight=" + std::to_string(c.height) + "\nimExt=.png\n");
}

constexpr std::array kKinds{
    Kind{"yolo", Format::kYolo, "labels/a.txt", "images/a.png", true, false, write_yolo_set},
    Kind{"coco", Format::kCoco, "instances.json", "images/a.png", true, false, write_coco_set},
    Kind{"voc", Format::kVoc, "Annotations/a.xml", "JPEGImages/a.png", false, true, write_voc_set},
    Kind{"cvat", Format::kCvat, "annotations.xml", "images/a.png", true, true, write_cvat_set},
    Kind{"cvat_yolo", Format::kCvatYolo, "obj_train_data/a.txt", "obj_train_data/a.png", true, false, write_cvat_yolo_set},
    Kind{"labelimg_xml", Format::kLabelImg, "a.xml", "a.png", false, true, write_labelimg_xml},
    Kind{"labelimg_text", Format::kLabelImg, "a.txt", "a.png", true, false, write_labelimg_text},
    Kind{"mot", Format::kMot, "gt/gt.txt", "img1/000001.png", false, false, write_mot_set},
};

/// What came of reading: a result, or one error.
struct Outcome {
  std::optional<ReadResult> result;
  std::string error, where;

  bool lists(ProblemKind kind) const {
    return result && std::any_of(result->problems.begin(), result->problems.end(),
                                 [&](const Problem& problem) { return problem.kind == kind; });
  }
};

class Hostile : public testing::FolderTest, public ::testing::WithParamInterface<Kind> {
 protected:
  void SetUp() override {
    FolderTest::SetUp();
    root_ = folder_ / "set";
  }

  void make(const Content& content, bool with_image = true) {
    GetParam().write(root_, content);
    if (with_image) put(root_ / GetParam().image, testing::png_header(640, 480));
  }

  /// Reads the set as it lies there, and, for CVAT, packed too, which must come to the same.
  Outcome outcome() {
    const Outcome plain = read(root_);
    if (GetParam().format == Format::kCvat || GetParam().format == Format::kCvatYolo) {
      fs::remove(folder_ / "set.zip");
      pack_folder(root_, folder_ / "set.zip");
      const Outcome packed = read(folder_ / "set.zip");
      EXPECT_EQ(plain.result.has_value(), packed.result.has_value()) << plain.error << packed.error;
      if (plain.result && packed.result) {
        EXPECT_EQ(testing::brief(plain.result->problems), testing::brief(packed.result->problems));
        EXPECT_EQ(plain.result->dataset.annotations.size(), packed.result->dataset.annotations.size());
      }
    }
    return plain;
  }

  static Outcome read(const fs::path& path, bool follow = false) {
    Outcome outcome;
    try {
      outcome.result = follow ? read_dataset(path, GetParam().format) : read_fenced_dataset(path, GetParam().format);
    } catch (const Error& error) {
      outcome.error = error.what();
      outcome.where = error.where();
    }
    return outcome;
  }

  /// Every file below a folder, with what is in it.
  static std::string all_text(const fs::path& folder) {
    std::string text;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      if (!entry.is_regular_file()) continue;
      std::ifstream file(entry.path(), std::ios::binary);
      text.append(std::istreambuf_iterator<char>(file), {});
    }
    return text;
  }

  fs::path root_;
};

INSTANTIATE_TEST_SUITE_P(EveryFormat, Hostile, ::testing::ValuesIn(kKinds),
                         [](const auto& kind) { return std::string(kind.param.name); });

TEST_P(Hostile, TheSoundSetIsRead) {  // or the other tests would prove nothing
  make({});
  const auto [result, error, where] = outcome();
  ASSERT_TRUE(result) << error;
  EXPECT_EQ(testing::brief(result->problems), std::vector<std::string>{});
  EXPECT_EQ(result->dataset.images.size(), 1U);
  EXPECT_EQ(result->dataset.annotations.size(), 1U);
  EXPECT_TRUE(fs::is_regular_file(result->dataset.path_of(result->dataset.images.at(0))));
}

TEST_P(Hostile, AMillionBoxesInAnImageAreCutOffWithOneProblemInBoundedTime) {
  make({.count = 1'000'000});
  const std::clock_t begin = std::clock();
  const Outcome outcome = read(root_);
  EXPECT_LT(static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC, 10) << "seconds of processor time";
  if (!outcome.result) {
    EXPECT_THAT(outcome.error, ::testing::HasSubstr("more than")) << "one clear error";
    return;
  }
  EXPECT_LE(outcome.result->dataset.annotations.size(), 100'000U);
  ASSERT_EQ(outcome.result->problems.size(), 1U);
  EXPECT_EQ(outcome.result->problems_left_out, 0U);
  const Problem& problem = outcome.result->problems.at(0);
  EXPECT_TRUE(problem.kind == ProblemKind::kTooMany || problem.kind == ProblemKind::kBadLine) << problem.message;
  EXPECT_EQ(problem.file, GetParam().labels);
  EXPECT_GT(problem.line, 0);
}

TEST_P(Hostile, NumbersThatAreNotFiniteAreListedWithTheirLine) {
  for (const char* number : {"nan", "inf", "-Infinity", "1e999", "0x10", "1;2", ""}) {
    SCOPED_TRACE(number);
    make({.box = {"0.5", number, "0.25", "0.25"}});
    const auto [result, error, where] = outcome();
    if (!result) {  // JSON has no such numbers: the file is none
      EXPECT_EQ(GetParam().format, Format::kCoco) << error;
      EXPECT_THAT(where, ::testing::HasSubstr("instances.json")) << error;
      continue;
    }
    EXPECT_EQ(result->dataset.annotations.size(), 0U);
    ASSERT_EQ(result->problems.size(), 1U);
    EXPECT_EQ(result->problems[0].file, GetParam().labels);
    EXPECT_GT(result->problems[0].line, 0);
  }
}

TEST_P(Hostile, NamesThatLeadOutLeaveTheirImageOut) {
  const bool named_by_labels = GetParam().format != Format::kYolo && std::string(GetParam().name) != "labelimg_text";
  if (!named_by_labels) GTEST_SKIP() << "its labels name no image";
  put(folder_ / "secret.png", "secret");
  for (const std::string& name :
       {std::string("../secret.png"), std::string("x/../../secret.png"), (folder_ / "secret.png").string(),
        std::string("..\\\\secret.png"), std::string("C:\\\\secret.png"), std::string("x\\u0000.png")}) {
    SCOPED_TRACE(name);
    if (name.find("u0000") != std::string::npos && GetParam().format != Format::kCoco) continue;  // JSON's way to write it
    make({.image = name}, false);
    const auto found = outcome();
    ASSERT_TRUE(found.result) << found.error;
    EXPECT_TRUE(found.lists(ProblemKind::kUnsafePath));
    for (const auto& image : found.result->dataset.images) {  // CVAT's YOLO then takes the images that are there
      EXPECT_EQ(safe_relative_path(image.file), image.file);
      EXPECT_EQ(image.file.find("secret"), std::string::npos);
    }
  }
}

TEST_P(Hostile, LinksOutOfTheSetAreNotFollowed) {
  put(folder_ / "secret.png", testing::png_header(640, 480) + "secret");
  make({}, false);
  const fs::path image = root_ / GetParam().image;
  fs::create_directories(image.parent_path());
  fs::create_symlink(folder_ / "secret.png", image);
  const Outcome found = read(root_);
  ASSERT_TRUE(found.result) << found.error;
  EXPECT_THAT(testing::brief(found.result->problems),
              ::testing::Contains("unsafe_path " + std::string(GetParam().image) + ":0"));
  EXPECT_EQ(found.result->dataset.images.size(), 0U);
  EXPECT_EQ(found.result->dataset.annotations.size(), 0U);
  write_dataset(found.result->dataset, Format::kCoco, folder_ / "out");
  EXPECT_EQ(all_text(folder_ / "out").find("secret"), std::string::npos);

  const Outcome wanted = read(root_, true);
  ASSERT_TRUE(wanted.result) << wanted.error;
  EXPECT_EQ(wanted.result->dataset.annotations.size(), 1U);
  write_dataset(wanted.result->dataset, Format::kCoco, folder_ / "wanted");
  EXPECT_NE(all_text(folder_ / "wanted").find("secret"), std::string::npos);
}

TEST_P(Hostile, FoldersThatAreLinksAreListedOnce) {
  const fs::path folder = fs::path(GetParam().image).parent_path();
  if (folder.empty() || folder == fs::path(GetParam().labels).parent_path()) GTEST_SKIP() << "the set itself";
  make({}, false);
  put(folder_ / "pictures" / fs::path(GetParam().image).filename(), testing::png_header(640, 480));
  fs::remove_all(root_ / folder);
  fs::create_directory_symlink(folder_ / "pictures", root_ / folder);
  const Outcome found = read(root_);
  ASSERT_TRUE(found.result) << found.error;
  EXPECT_EQ(found.result->dataset.annotations.size(), 0U);
  EXPECT_THAT(testing::brief(found.result->problems), ::testing::ElementsAre("unsafe_path " + folder.string() + ":0"));
}

TEST_P(Hostile, LabelsThatAreLinksOutOfTheSetAreNotRead) {
  make({});
  put(folder_ / "password", "root:x:0:0\n");
  fs::remove(root_ / GetParam().labels);
  fs::create_symlink(folder_ / "password", root_ / GetParam().labels);
  const Outcome found = read(root_);
  if (!found.result) {
    EXPECT_THAT(found.error, ::testing::HasSubstr("link leads out of the data set"));
    return;
  }
  EXPECT_TRUE(found.lists(ProblemKind::kUnsafePath));
  for (const auto& problem : found.result->problems) {
    EXPECT_EQ(problem.message.find("root:x"), std::string::npos) << "what is elsewhere stays unread: " << problem.message;
  }
}

TEST_P(Hostile, LinksWithinTheSetAreFollowed) {
  make({});
  for (const char* name : {GetParam().labels, GetParam().image}) {
    const fs::path moved = root_ / (".store/deep" + fs::path(name).extension().string());
    fs::create_directories(moved.parent_path());
    fs::rename(root_ / name, moved);
    fs::create_symlink(moved, root_ / name);
  }
  const Outcome found = read(root_);
  ASSERT_TRUE(found.result) << found.error;
  EXPECT_EQ(found.result->dataset.annotations.size(), 1U);
  EXPECT_FALSE(found.lists(ProblemKind::kUnsafePath));
}

TEST_P(Hostile, TextInAnotherEncodingIsOneProblem) {
  const std::array<std::string, 3> heads{std::string("\xFF\xFE\x30\x00", 4), "\xE9\xE8\xFC", std::string("\0\0\0", 3)};
  for (const auto& head : heads) {
    make({.head = head});
    const auto found = outcome();
    if (!found.result) {
      EXPECT_FALSE(found.error.empty());
      continue;
    }
    ASSERT_EQ(found.result->problems.size(), 1U) << found.result->problems.size();
    EXPECT_EQ(found.result->problems[0].file, GetParam().labels);
    for (std::string_view text = found.result->problems[0].message; !text.empty();) {
      const std::size_t length = utf8_length(text);
      ASSERT_GT(length, 0U) << "a message is UTF-8";
      text.remove_prefix(length);
    }
  }
}

TEST_P(Hostile, ClassesBeyondTheListAreListed) {
  if (!GetParam().numbers_in_list) GTEST_SKIP() << "it has no list of classes";
  make({.class_number = "7", .class_name = "unheard of"});
  const auto found = outcome();
  ASSERT_TRUE(found.result) << found.error;
  ASSERT_EQ(found.result->problems.size(), 1U);
  EXPECT_EQ(found.result->problems[0].kind, ProblemKind::kUnknownClass);
  EXPECT_EQ(found.result->problems[0].file, GetParam().labels);
  EXPECT_GT(found.result->problems[0].line, 0);
  EXPECT_EQ(found.result->dataset.annotations.size(), 0U);
}

TEST_P(Hostile, ImagesThatLieAboutTheirSizeAreFoundByTheCheck) {
  const bool stated = GetParam().format != Format::kYolo && GetParam().format != Format::kCvatYolo &&
                      std::string(GetParam().name) != "labelimg_text";
  if (!stated) GTEST_SKIP() << "its labels state no size";
  make({.width = 64, .height = 48});
  const auto found = outcome();
  ASSERT_TRUE(found.result) << found.error;
  CheckOptions options;
  options.read = [](const fs::path&) { return cv::Mat(480, 640, CV_8UC3, cv::Scalar(1, 2, 3)); };
  const auto list = check_dataset(*found.result, options);
  EXPECT_EQ(list.counts().at({ProblemKind::kSizeDiffers, Severity::kError}), 1U);
}

TEST_P(Hostile, BombsAreOneError) {
  std::string bomb;
  if (GetParam().xml) {
    bomb = "<!DOCTYPE x [<!ENTITY a \"lol\">";
    for (char c = 'a'; c < 'j'; ++c) {
      bomb += std::string("<!ENTITY ") + static_cast<char>(c + 1) + " \"" + repeated(std::string("&") + c + ";", 10) + "\">";
    }
    bomb += "]>";
  } else {
    bomb = repeated("[", 1'000'000);
  }
  make({.head = bomb});
  const Outcome found = read(root_);
  if (!found.result) {
    EXPECT_THAT(found.where, ::testing::HasSubstr(GetParam().labels)) << found.error;
    return;
  }
  ASSERT_EQ(found.result->problems.size(), 1U);
  EXPECT_EQ(found.result->problems[0].file, GetParam().labels);
  EXPECT_LT(found.result->problems[0].message.size(), 1000U);
}

class HostileYolo : public testing::FolderTest {};

TEST_F(HostileYolo, AliasesThatMultiplyAreOneError) {
  std::string yaml = "a: &a [x, x, x, x, x, x, x, x, x]\n";
  for (char c = 'b'; c < 'l'; ++c) {
    yaml += std::string(1, c) + ": &" + c + " [" + repeated(std::string("*") + static_cast<char>(c - 1) + ", ", 9) + "x]\n";
  }
  write("data.yaml", yaml + "train: images\nnames: *k\n");
  write("images/a.png", testing::png_header(8, 8));
  EXPECT_THROW(read_dataset(folder_ / "data.yaml"), Error);
}

TEST_F(HostileYolo, ListsAndNamesThatAreLinksOutOfTheSetAreNotRead) {
  const auto secret = write("secret.txt", "root:x:0:0\n");
  write("set/images/a.png", testing::png_header(8, 8));
  write("set/data.yaml", "train: train.txt\nnames: [car]\n");
  fs::create_symlink(secret, folder_ / "set/train.txt");
  EXPECT_THROW(read_fenced_dataset(folder_ / "set/data.yaml"), Error);
  fs::remove(folder_ / "set/data.yaml");
  fs::remove(folder_ / "set/train.txt");
  write("set/labels/a.txt", "0 .5 .5 .5 .5\n");
  fs::create_symlink(secret, folder_ / "set/classes.txt");
  EXPECT_THROW(read_fenced_dataset(folder_ / "set", Format::kYolo), Error);
}

}  // namespace
}  // namespace goshawk::dataset

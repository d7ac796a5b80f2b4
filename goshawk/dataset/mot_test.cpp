#include "goshawk/dataset/mot.h"

#include <algorithm>

#include "goshawk/core/error.h"
#include "goshawk/dataset/testing.h"

namespace goshawk::dataset {
namespace {

class Mot : public testing::FolderTest {};

constexpr const char* kInfo =
    "[Sequence]\nname=MOT17-02\nimDir=img1\nframeRate=30\nseqLength=3\nimWidth=640\nimHeight=480\nimExt=.jpg\n";

TEST_F(Mot, ReadsASequenceWithAllItsFrames) {
  write("MOT17-02/seqinfo.ini", kInfo);
  write("MOT17-02/gt/gt.txt", "3,2,1,1,10.5,20,0,7,0.25\n1,1,11,21,30,40,1,1,1\n");
  const auto result = read_mot(folder_);
  EXPECT_TRUE(result.problems.empty());
  ASSERT_EQ(result.dataset.images.size(), 3U);
  EXPECT_EQ(result.dataset.images[2].frame, 3);
  EXPECT_EQ(result.dataset.images[2].width, 640U);
  EXPECT_EQ(result.dataset.images[2].sequence, "MOT17-02");
  ASSERT_EQ(result.dataset.annotations.size(), 2U);
  const Annotation& person = result.dataset.annotations[0];
  EXPECT_EQ(person.rectangle, (Rectangle{10, 20, 30, 40}));  // counted from 0
  EXPECT_EQ(person.track, 1);
  const Annotation& other = result.dataset.annotations[1];
  EXPECT_EQ(result.dataset.categories[other.category], (Category{7, "static_person", ""}));
  EXPECT_EQ(result.dataset.attributes[other.attributes], (Attributes{{"considered", "0"}, {"visibility", "0.25"}}));
}

TEST_F(Mot, ARoundTripKeepsEveryLine) {
  const std::string lines = "1,1,281.931,187.466,79.93,209.537,1,1,1\n2,5,-3.25,0,10,20,0,7,0.5\n3,1,1,1,5,5,1,13,0.123\n";
  write("in/MOT17-02/seqinfo.ini", kInfo);
  write("in/MOT17-02/gt/gt.txt", lines);
  std::filesystem::create_directory(folder_ / "out");
  write_mot(read_mot(folder_ / "in").dataset, folder_ / "out");
  EXPECT_EQ(read("out/MOT17-02/gt/gt.txt"), lines);
  const std::string info = read("out/MOT17-02/seqinfo.ini");
  EXPECT_NE(info.find("seqLength=3"), std::string::npos);
  EXPECT_NE(info.find("imWidth=640"), std::string::npos);
  EXPECT_NE(info.find("frameRate=30\n"), std::string::npos);
}

TEST_F(Mot, AFrameRateThatIsNoneIsWrittenAsNotKnown) {
  write("in/MOT17-02/seqinfo.ini", kInfo);
  write("in/MOT17-02/gt/gt.txt", "1,1,1,1,5,5,1,1,1\n");
  Dataset set = read_mot(folder_ / "in").dataset;
  const std::pair<const char*, const char*> cases[] = {{"29.97", "29.97"}, {"3e1", "30"}, {".", "0"},   {"-5", "0"},
                                                       {"nan", "0"},       {"inf", "0"},  {"1e9", "0"}, {"30 fps", "0"}};
  for (const auto& [given, written] : cases) {
    set.attributes.at(static_cast<std::size_t>(set.images[0].attributes)) = {{"frame_rate", given}};
    std::filesystem::remove_all(folder_ / "out");
    std::filesystem::create_directory(folder_ / "out");
    WriteOptions options;
    options.images = Images::kNone;
    const auto notes = write_mot(set, folder_ / "out", options);
    const std::string info = read("out/MOT17-02/seqinfo.ini");
    EXPECT_NE(info.find(std::string("frameRate=") + written + "\n"), std::string::npos) << given << "\n" << info;
    EXPECT_EQ(notes.size(), written == std::string("0") ? 1U : 0U) << given;
  }
}

TEST_F(Mot, ForeignClassesAndDetectionsMakeTheRoundTripToo) {
  write("in/gt/gt.txt", "1,1,1,1,5,5,1,2,1\n");
  write("in/gt/labels.txt", "cat\ndog\n");
  const auto cats = read_mot(folder_ / "in");
  EXPECT_EQ(cats.dataset.categories.at(0).name, "dog");
  std::filesystem::create_directory(folder_ / "out");
  write_mot(cats.dataset, folder_ / "out");
  EXPECT_EQ(read_mot(folder_ / "out").dataset.categories.at(0).name, "dog");
  write("d/det/det.txt", "1,-1,10,20,5,5,0.75\n");
  const auto detections = read_mot(folder_ / "d");
  EXPECT_EQ(detections.dataset.annotations.at(0).score, 0.75F);
  EXPECT_EQ(detections.dataset.annotations.at(0).track, -1);
}

TEST_F(Mot, DetectionsStayDetectionsWhateverTheirConfidence) {
  const std::string lines =
      "1,-1,11,21,5,5,0.75,1,-1\n1,-1,1,1,5,5,-1,1,-1\n2,-1,1,1,5,5,23.5,1,-1\n3,-1,1,1,5,5,-1.5,1,0.5\n";
  write("in/det/det.txt", lines);
  write("in/seqinfo.ini", kInfo);
  std::filesystem::create_directory(folder_ / "out");
  for (const auto& note : write_mot(read_mot(folder_ / "in").dataset, folder_ / "out"))
    EXPECT_NE(note.kind, ProblemKind::kDropped);
  EXPECT_EQ(read("out/MOT17-02/det/det.txt"), lines);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "out/MOT17-02/gt"));
}

TEST_F(Mot, WhatIsNotWrittenIsTold) {
  write("in/seqinfo.ini", kInfo);
  write("in/gt/gt.txt", "1,1,1,1,5,5,1,1,0.5\n2,2147483647,1,1,5,5,0,1,1\n3,7,1,1,5,5,1,1,1\n");
  Dataset set = read_mot(folder_ / "in").dataset;
  set.categories[0] = {12, "van"};
  set.attributes.push_back({{"visibility", "half"}, {"colour", "red"}});
  set.annotations[0].attributes = static_cast<std::int32_t>(set.attributes.size()) - 1;
  set.annotations[2].track = -1;  // gets an identity of its own
  set.attributes.push_back({{"frame_rate", "25"}});
  set.images[2].attributes = static_cast<std::int32_t>(set.attributes.size()) - 1;
  std::filesystem::create_directory(folder_ / "out");
  WriteOptions options;
  options.images = Images::kNone;
  const auto notes = write_mot(set, folder_ / "out", options);
  EXPECT_EQ(read("out/MOT17-02/gt/gt.txt"), "1,1,1,1,5,5,1,1,1\n2,2147483647,1,1,5,5,0,1,1\n3,2,1,1,5,5,1,1,1\n");
  EXPECT_TRUE(read_mot(folder_ / "out").problems.empty());
  EXPECT_NE(read("out/MOT17-02/seqinfo.ini").find("frameRate=0\n"), std::string::npos);
  ASSERT_EQ(notes.size(), 3U);
  EXPECT_NE(notes[0].message.find("class numbers"), std::string::npos) << notes[0].message;
  EXPECT_NE(notes[1].message.find("attributes of objects; objects that lost some: 1"), std::string::npos)
      << notes[1].message;
  EXPECT_NE(notes[2].message.find("sequences whose images differ, which state none: 1"), std::string::npos)
      << notes[2].message;
}

TEST_F(Mot, ImagesOfNoSequenceMakeOneSequenceASize) {
  Dataset set;
  set.root = folder_ / "photos";
  set.categories = {{1, "person", ""}};
  const auto add = [&](const char* file, std::uint32_t width, std::uint32_t height, Rectangle box) {
    write(std::string("photos/") + file, file);
    ImageEntry image;
    image.file = file;
    image.width = width;
    image.height = height;
    Annotation annotation;
    annotation.image = static_cast<std::uint32_t>(set.images.size());
    annotation.rectangle = box;
    set.images.push_back(image);
    set.annotations.push_back(annotation);
  };
  add("a.jpg", 64, 48, {1, 2, 3, 4});
  add("b.jpg", 48, 640, {5, 600, 7, 8});
  add("c.jpg", 64, 48, {9, 10, 11, 12});
  add("d.png", 64, 48, {13, 14, 15, 16});
  std::filesystem::create_directory(folder_ / "out");
  write_mot(set, folder_ / "out");
  const auto back = read_mot(folder_ / "out").dataset;
  ASSERT_EQ(back.images.size(), 4U);
  ASSERT_EQ(back.annotations.size(), 4U);
  for (const auto& annotation : back.annotations) {
    const ImageEntry& image = back.images[annotation.image];
    const auto original = std::ranges::find(set.annotations, annotation.rectangle, &Annotation::rectangle);
    ASSERT_NE(original, set.annotations.end());
    const ImageEntry& before = set.images[original->image];
    EXPECT_EQ(read(("out/" + image.file).c_str()), before.file);  // the picture that the box was of
    EXPECT_EQ(std::pair(image.width, image.height), std::pair(before.width, before.height));
  }
}

TEST_F(Mot, ListsWhatIsWrongWithFileAndLine) {
  write("gt/gt.txt", "1,1,1,1,5,5\n1,1,2,2,5,5\nx\n1,2,nan,1,5,5\n1,99999999999,1,1,5,5\n9,1,1,1,5,5\n");
  write("seqinfo.ini", kInfo);
  const auto result = read_mot(folder_);
  EXPECT_EQ(result.dataset.annotations.size(), 1U);
  EXPECT_EQ(testing::brief(result.problems),
            (std::vector<std::string>{"bad_line gt/gt.txt:3", "not_finite gt/gt.txt:4", "bad_line gt/gt.txt:2",
                                      "bad_line gt/gt.txt:5", "bad_line gt/gt.txt:6"}));
}

TEST_F(Mot, ClaimsOfSizeTakeNoMemoryAndPathsStayInside) {
  write("a/gt/gt.txt", "1000000000000,1,1,1,5,5\n");
  EXPECT_EQ(read_mot(folder_ / "a").dataset.images.size(), 1U);
  write("a/seqinfo.ini", "[Sequence]\nseqLength=1000000000000\n");
  EXPECT_EQ(read_mot(folder_ / "a").dataset.images.size(), 1U);
  write("a/seqinfo.ini", "[Sequence]\nimDir=../../x\n");
  const auto result = read_mot(folder_ / "a");
  EXPECT_TRUE(result.dataset.images.empty());
  ASSERT_FALSE(result.problems.empty());
  EXPECT_EQ(result.problems[0].kind, ProblemKind::kUnsafePath);
  EXPECT_THROW(read_mot(folder_ / "nothing"), Error);
}

}  // namespace
}  // namespace goshawk::dataset

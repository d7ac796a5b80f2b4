#include "goshawk/dataset/coco.h"

#include "goshawk/core/error.h"
#include "goshawk/dataset/testing.h"

namespace goshawk::dataset {
namespace {

using testing::brief;

class Coco : public testing::FolderTest {
 protected:
  ErrorCode code_of(const std::string& text) {
    try {
      read_coco(write("bad.json", text));
    } catch (const Error& error) {
      message_ = error.describe();
      return error.code();
    }
    return ErrorCode::kInternal;
  }
  /// A file of one image and one category around some annotations.
  static std::string around(const std::string& annotations) {
    return "{\"annotations\":[\n" + annotations +
           "],\n\"images\":[{\"id\":7,\"file_name\":\"a.jpg\",\"width\":9,\"height\":7}],\"categories\":[{\"id\":3,\"name\":"
           "\"car\"}]}";
  }
  std::string message_;
};

constexpr const char* kGood = R"({"id":1,"image_id":7,"category_id":3,"bbox":[1,2,3,4]})";

TEST_F(Coco, AnnotationsMayStandBeforeTheImages) {
  const auto result = read_coco(
      write("set.json", around(R"({"id":5,"image_id":7,"category_id":3,"bbox":[1,2.5,3,4],"area":11,"iscrowd":1})")));
  EXPECT_TRUE(result.problems.empty());
  ASSERT_EQ(result.dataset.annotations.size(), 1U);
  const Annotation& one = result.dataset.annotations[0];
  EXPECT_EQ(one.id, 5);
  EXPECT_EQ(one.rectangle, (Rectangle{1, 2.5, 3, 4}));
  EXPECT_EQ(one.area, 11);
  EXPECT_TRUE(one.crowd);
  EXPECT_EQ(one.line, 2U);
  EXPECT_EQ(result.dataset.images[0].file, "images/a.jpg");
}

TEST_F(Coco, EachWrongObjectIsListedWithItsLineAndLeftOut) {
  const std::string text = around(std::string(kGood) + ",\n" + R"({"id":2,"image_id":8,"category_id":3,"bbox":[1,2,3,4]},
{"id":3,"image_id":7,"category_id":4,"bbox":[1,2,3,4]},
{"id":4,"image_id":7,"category_id":3,"bbox":[1,NaN,3,4]},
{"id":5,"image_id":7,"category_id":3,"bbox":[1,2,3,1e999]},
{"id":6,"image_id":7,"category_id":3,"bbox":[1,2,3]},
{"id":7,"image_id":7,"category_id":3},
{"id":8,"category_id":3,"bbox":[1,2,3,4]},
{"id":9,"image_id":7,"category_id":3,"segmentation":[[1,2,3,4]]},
{"id":10,"image_id":7,"category_id":3,"segmentation":{"size":[7,9],"counts":[60]}},
17)");
  const auto result = read_coco(write("set.json", text));
  EXPECT_EQ(result.dataset.annotations.size(), 1U);
  EXPECT_EQ(
      brief(result.problems),
      (std::vector<std::string>{"not_finite set.json:5", "not_finite set.json:6", "bad_line set.json:7",
                                "bad_line set.json:8", "bad_line set.json:9", "bad_line set.json:10", "bad_line set.json:11",
                                "bad_line set.json:12", "orphan_labels set.json:3", "unknown_class set.json:4"}));
}

TEST_F(Coco, WhatIsWrongWithAMaskCostsNoBox) {
  const auto result = read_coco(write("set.json", around(R"({"image_id":7,"category_id":3,"bbox":[0,0,5,5],
"segmentation":[[0,0,5,0,5,5],[1,1,2,1],[1,2,NaN,2,3,3],[1,1,2,1,2,2]]},
{"image_id":7,"category_id":3,"bbox":[1,2,3,4],"segmentation":[[1,2,3,4]]},
{"image_id":7,"category_id":3,"bbox":[1,2,3,4],"segmentation":{"size":[7,9],"counts":[60]}},
{"image_id":7,"category_id":3,"segmentation":[[1,2,3,4],[0,0,5,0,5,5]]})")));
  EXPECT_EQ(brief(result.problems), (std::vector<std::string>{"bad_line set.json:2", "bad_line set.json:4",
                                                              "bad_line set.json:5", "bad_line set.json:6"}));
  for (const auto& problem : result.problems) EXPECT_EQ(problem.severity, Severity::kWarning) << problem.message;
  EXPECT_NE(result.problems[0].message.find("left out of the mask"), std::string::npos) << result.problems[0].message;
  EXPECT_NE(result.problems[1].message.find("without a mask"), std::string::npos) << result.problems[1].message;
  const Dataset& set = result.dataset;
  ASSERT_EQ(set.annotations.size(), 4U);
  EXPECT_EQ(set.masks.at(0), Mask(Polygons{{0, 0, 5, 0, 5, 5}, {1, 1, 2, 1, 2, 2}}));
  EXPECT_EQ(set.annotations[0].mask, 0);
  EXPECT_EQ(set.annotations[1].mask, -1);
  EXPECT_EQ(set.annotations[1].rectangle, (Rectangle{1, 2, 3, 4}));
  EXPECT_EQ(set.annotations[1].area, 12);
  EXPECT_EQ(set.annotations[2].mask, -1);
  EXPECT_EQ(set.annotations[3].rectangle, (Rectangle{0, 0, 5, 5}));
}

TEST_F(Coco, AFileWhoseMasksAreJudgedMustHaveThemWhole) {
  write("set.json", around(R"({"image_id":7,"category_id":3,"bbox":[0,0,5,5],"segmentation":[[0,0,5,0,5,5],[1,1,2,1]]})"));
  const auto result = read_coco_truth(folder_ / "set.json", CocoParts::kBoxesAndMasks);
  ASSERT_EQ(result.problems.size(), 1U);
  EXPECT_EQ(result.problems[0].severity, Severity::kError);
}

TEST_F(Coco, ASizeThatIsNullOrZeroIsTheFiles) {
  write("images/a.png", testing::png_header(40, 30));
  write("images/b.png", testing::png_header(40, 30));
  const auto result = read_coco(write("set.json", R"({"images":[{"id":1,"file_name":"a.png","width":null,"height":null},
{"id":2,"file_name":"b.png","width":0,"height":30},{"id":3,"file_name":"c.png","width":-1,"height":30}],
"categories":[{"id":3,"name":"car"}],"annotations":[{"image_id":1,"category_id":3,"bbox":[1,2,3,4]}]})"));
  EXPECT_EQ(brief(result.problems), std::vector<std::string>{"bad_line set.json:2"});
  ASSERT_EQ(result.dataset.images.size(), 2U);
  for (const auto& image : result.dataset.images) {
    EXPECT_EQ(image.width, 40U);
    EXPECT_EQ(image.height, 30U);
  }
  EXPECT_EQ(result.dataset.annotations.size(), 1U);
}

TEST_F(Coco, UnsafeNamesLeaveTheirImagesOut) {
  for (const char* name : {"../../x.jpg", "/etc/passwd", "C:\\\\x.jpg", "a/../../b.jpg", ""}) {
    const auto result = read_coco(
        write("set.json",
              std::string(R"({"annotations":[],"categories":[],"images":[{"id":1,"width":2,"height":2,"file_name":")") +
                  name + "\"}]}"));
    EXPECT_EQ(brief(result.problems), std::vector<std::string>{"unsafe_path set.json:1"}) << name;
    EXPECT_TRUE(result.dataset.images.empty());
  }
}

TEST_F(Coco, NumbersUsedTwiceAreListed) {
  const auto result = read_coco(write("set.json", R"({"images":[{"id":1,"file_name":"a","width":1,"height":1},
{"id":1,"file_name":"b","width":1,"height":1}],"categories":[{"id":2,"name":"x"},{"id":2,"name":"y"}],"annotations":[
{"id":1,"image_id":1,"category_id":2,"bbox":[0,0,1,1]},{"id":1,"image_id":1,"category_id":2,"bbox":[0,0,1,2]}]})"));
  EXPECT_EQ(brief(result.problems),
            (std::vector<std::string>{"bad_line set.json:2", "bad_line set.json:2", "bad_line set.json:0"}));
  EXPECT_EQ(result.dataset.annotations.size(), 2U);
}

TEST_F(Coco, WhatIsNoSuchFileIsOneError) {
  EXPECT_EQ(code_of(""), ErrorCode::kBadData);
  EXPECT_EQ(code_of("[]"), ErrorCode::kBadData);
  EXPECT_EQ(code_of("{\"images\":[]}"), ErrorCode::kBadData);
  EXPECT_EQ(code_of("{\"images\":3,\"annotations\":[]}"), ErrorCode::kBadData);
  const std::string good = around(kGood);
  for (std::size_t cut = 1; cut < good.size(); cut += 7) EXPECT_EQ(code_of(good.substr(0, cut)), ErrorCode::kBadData) << cut;
  EXPECT_EQ(code_of(good + "}"), ErrorCode::kBadData);
  EXPECT_EQ(code_of(good + " {}"), ErrorCode::kBadData);
  EXPECT_EQ(code_of("\xFF\xFE{"), ErrorCode::kBadData);
  EXPECT_EQ(code_of("{\"images\":[],\"annotations\":[],\"x\":\"\xC3\x28\"}"), ErrorCode::kBadData);
  EXPECT_NE(message_.find("UTF-8"), std::string::npos) << message_;
  EXPECT_EQ(code_of(around(kGood).insert(1, "\"deep\":" + std::string(100'000, '[') + ",")), ErrorCode::kBadData);
}

TEST_F(Coco, DeepNestingIsNoTrouble) {
  const std::string deep = "\"deep\":" + std::string(200'000, '[') + std::string(200'000, ']') + ",";
  const auto result = read_coco(write("set.json", around(kGood).insert(1, deep)));
  EXPECT_EQ(result.dataset.annotations.size(), 1U);
  EXPECT_EQ(brief(result.problems), std::vector<std::string>{"dropped set.json:0"});
}

TEST_F(Coco, LimitsHold) {
  ReadLimits limits;
  limits.objects_per_image = 2;
  limits.problems = 3;
  const std::string one(kGood);
  const auto result = read_coco(write("set.json", around(one + "," + one + "," + one + "," + one)), limits);
  EXPECT_EQ(result.dataset.annotations.size(), 2U);
  EXPECT_EQ(result.problems.front().kind, ProblemKind::kTooMany);
  limits.file_bytes = 20;
  EXPECT_THROW(read_coco(folder_ / "set.json", limits), Error);
}

TEST_F(Coco, AByteOrderMarkIsSkipped) {
  EXPECT_EQ(read_coco(write("set.json", "\xEF\xBB\xBF" + around(kGood))).dataset.annotations.size(), 1U);
}

TEST_F(Coco, ARoundTripKeepsEverything) {
  const std::string text = around(
      R"({"id":4,"image_id":7,"category_id":3,"bbox":[0.1,2.3333333333333335,3,4],"area":5.5,"iscrowd":0,
"segmentation":[[0,0,5,0.30000000000000004,5,5],[1,1,2,1,2,2]],"attributes":{"colour":"red","occluded":true}},
{"id":9,"image_id":7,"category_id":3,"bbox":[1,2,3,3],"area":9,"iscrowd":1,
"segmentation":{"size":[9,7],"counts":";36000i0"},"track_id":4},
{"id":2,"image_id":7,"category_id":3,"bbox":[1,2,3,3],"area":9,"score":0.1,
"segmentation":{"size":[9,7],"counts":[11,3,6,3,6,3,31]}})");
  const Dataset before = read_coco(write("in/annotations/instances_val2017.json", text)).dataset;
  EXPECT_EQ(before.images[0].split, Split::kVal);
  std::filesystem::create_directory(folder_ / "out");
  WriteOptions options;
  options.images = Images::kNone;
  write_coco(before, folder_ / "out", options);
  const auto again = read_coco(folder_ / "out");
  EXPECT_TRUE(again.problems.empty()) << again.problems[0].message;
  const Dataset& after = again.dataset;
  EXPECT_EQ(after.images[0].split, Split::kVal);
  EXPECT_EQ(after.images[0].file, before.images[0].file);
  EXPECT_EQ(after.categories, before.categories);
  EXPECT_EQ(after.masks, before.masks);
  EXPECT_EQ(after.attributes, before.attributes);
  ASSERT_EQ(after.annotations.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    const Annotation &a = before.annotations[i], &b = after.annotations[i];
    EXPECT_EQ(a.id, b.id);
    EXPECT_EQ(a.rectangle, b.rectangle);
    EXPECT_EQ(a.area, b.area);
    EXPECT_EQ(a.crowd, b.crowd);
    EXPECT_EQ(a.score, b.score);
    EXPECT_EQ(a.track, b.track);
    EXPECT_EQ(a.mask, b.mask);
    EXPECT_EQ(a.occluded, b.occluded);
  }
}

constexpr const char* kOfSomeone = R"({"info":{"description":"two photos","year":2017,"version":"1.0"},
"licenses":[{"id":4,"name":"CC BY 2.0","url":"http://a/b"},{"id":1,"name":"none"},{"id":9,"name":"of nobody's"}],
"images":[{"id":7,"file_name":"a.jpg","width":9,"height":7,"license":4,"coco_url":"http://c/a.jpg","flickr_url":"http://f/a",
"date_captured":"2013-11-14 11:18:45"},{"id":8,"file_name":"b.jpg","width":9,"height":7,"license":1,
"attributes":{"night":true}},
{"id":9,"file_name":"c.jpg","width":9,"height":7}],"categories":[{"id":3,"name":"car"}],"annotations":[]})";

TEST_F(Coco, LicencesAndOriginsOfImagesStay) {
  const auto read_first = read_coco(write("in/instances.json", kOfSomeone));
  EXPECT_TRUE(read_first.problems.empty()) << read_first.problems[0].message;
  const Dataset& before = read_first.dataset;
  EXPECT_EQ(before.about, (Attributes{{"description", "two photos"}, {"year", "2017"}, {"version", "1.0"}}));
  ASSERT_EQ(before.images[0].attributes, 0);
  EXPECT_EQ(before.attributes[0], (Attributes{{"coco_url", "http://c/a.jpg"},
                                              {"flickr_url", "http://f/a"},
                                              {"date_captured", "2013-11-14 11:18:45"},
                                              {"license", "CC BY 2.0"},
                                              {"license_url", "http://a/b"}}));
  EXPECT_EQ(before.images[2].attributes, -1);
  std::filesystem::create_directory(folder_ / "out");
  WriteOptions options;
  options.images = Images::kNone;
  EXPECT_TRUE(write_coco(before, folder_ / "out", options).empty());
  const auto again = read_coco(folder_ / "out");
  EXPECT_TRUE(again.problems.empty()) << again.problems[0].message;
  EXPECT_EQ(again.dataset.about, before.about);
  EXPECT_EQ(again.dataset.attributes, before.attributes);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(again.dataset.images[i].attributes, before.images[i].attributes);
  const std::string text = read("out/annotations/instances.json");
  EXPECT_NE(text.find(R"("year": 2017)"), std::string::npos) << text;
  EXPECT_EQ(text.find("of nobody's"), std::string::npos) << text;
}

TEST_F(Coco, LicencesOfFilesThatAreJoinedStayWithTheirImages) {
  write("train/_annotations.coco.json", kOfSomeone);
  std::string other = kOfSomeone;
  other.replace(other.find("CC BY 2.0"), 9, "CC BY 4.0");
  write("valid/_annotations.coco.json", other);
  const auto set = read_coco(folder_).dataset;
  ASSERT_EQ(set.images.size(), 6U);
  const auto license = [&](std::size_t i) {
    return set.attributes.at(static_cast<std::size_t>(set.images[i].attributes)).at(3).second;
  };
  EXPECT_EQ(license(0), "CC BY 2.0");
  EXPECT_EQ(license(3), "CC BY 4.0");
}

TEST_F(Coco, OriginsThatSayNothingAreLeftOut) {  // CVAT writes all three, and its info is full of empty texts
  const auto result =
      read_coco(write("set.json", R"({"info":{"description":"","year":2024},"licenses":[{"id":0,"name":"","url":""}],
"images":[{"id":1,"file_name":"a.jpg","width":9,"height":7,"license":0,"flickr_url":"","coco_url":null,"date_captured":0},
{"id":2,"file_name":"b.jpg","width":9,"height":7,"license":null,"flickr_url":"0","coco_url":"","date_captured":1384427925}],
"categories":[],"annotations":[]})"));
  EXPECT_TRUE(result.problems.empty()) << result.problems[0].message;
  EXPECT_EQ(result.dataset.about, (Attributes{{"year", "2024"}}));
  EXPECT_EQ(result.dataset.images.at(0).attributes, -1);
  ASSERT_EQ(result.dataset.images.at(1).attributes, 0);
  EXPECT_EQ(result.dataset.attributes.at(0), (Attributes{{"date_captured", "1384427925"}}));
}

TEST_F(Coco, ALicenceOrOriginOfAnotherKindIsNoted) {
  const auto result = read_coco(write("set.json", R"({"licenses":[],
"images":[{"id":1,"file_name":"a.jpg","width":9,"height":7,"license":"CC0","flickr_url":["http://a"]},
{"id":2,"file_name":"b.jpg","width":9,"height":7,"license":0},{"id":3,"file_name":"c.jpg","width":9,"height":7,"license":8}],
"categories":[],"annotations":[]})"));
  EXPECT_EQ(result.dataset.images.size(), 3U);
  ASSERT_EQ(result.problems.size(), 2U);
  EXPECT_EQ(result.problems[0].message, "'license' of 2 images is not kept");
  EXPECT_EQ(result.problems[1].message, "'flickr_url' of 1 images is not kept");
}

TEST_F(Coco, OfAKeyThatIsThereTwiceTheLastCounts) {  // as in Python
  const auto set = read_coco(write("set.json", R"({"info":{"year":1,"version":"1","year":2},
"images":[{"id":7,"file_name":"a.jpg","width":9,"height":7,"flickr_url":"x","attributes":{"flickr_url":"y","night":1}}],
"categories":[{"id":3,"name":"car"}],"annotations":[
{"id":1,"image_id":7,"category_id":3,"bbox":[1,2,3,4],"attributes":{"a":1,"b":2,"a":3,"c":4,"b":5}}]})"))
                       .dataset;
  EXPECT_EQ(set.about, (Attributes{{"year", "2"}, {"version", "1"}}));
  EXPECT_EQ(set.attributes.at(static_cast<std::size_t>(set.images[0].attributes)),
            (Attributes{{"flickr_url", "y"}, {"night", "1"}}));
  EXPECT_EQ(set.attributes.at(static_cast<std::size_t>(set.annotations[0].attributes)),
            (Attributes{{"a", "3"}, {"b", "5"}, {"c", "4"}}));
}

/// simdjson's buffer for texts has room for each once: a second look would write behind it.
TEST_F(Coco, ATextThatIsMostOfTheFileIsReadOnce) {
  const std::string url = "http://" + std::string(3'000'000, 'u');
  const auto set = read_coco(write("set.json", R"({"images":[{"id":1,"file_name":"a","width":1,"height":1,"flickr_url":")" +
                                                   url + "\"}],\"categories\":[],\"annotations\":[]}"))
                       .dataset;
  EXPECT_EQ(set.attributes.at(0).at(0).second, url);
}

TEST_F(Coco, InfoAndLicencesOfAnotherKindAreNoted) {
  for (const char* value : {"null", "{}", "3", "\"CC0\"", "[1, null, [], \"x\"]"}) {
    std::string text = around(kGood);
    const auto result = read_coco(write("set.json", text.insert(1, std::string("\"licenses\":") + value + ",")));
    EXPECT_EQ(result.dataset.annotations.size(), 1U) << value;
    ASSERT_FALSE(result.problems.empty()) << value;
    for (const auto& problem : result.problems) EXPECT_EQ(problem.severity, Severity::kNote) << problem.message;
  }
  for (const char* value : {"null", "[]", "3", "\"of mine\"", "{\"contributor\":{\"name\":\"me\"}}"}) {
    std::string text = around(kGood);
    const auto result = read_coco(write("set.json", text.insert(1, std::string("\"info\":") + value + ",")));
    EXPECT_EQ(result.dataset.annotations.size(), 1U) << value;
    ASSERT_EQ(result.problems.size(), 1U) << value;
    EXPECT_EQ(result.problems[0].severity, Severity::kNote);
    EXPECT_EQ(result.problems[0].message, value[0] == '{' ? "'info.contributor' is not kept" : "'info' is not kept");
  }
}

TEST_F(Coco, FilesThatAreJoinedKeepTheInfoOfAll) {
  write("train/_annotations.coco.json", kOfSomeone);
  std::string other = kOfSomeone;
  other.replace(other.find("two photos"), 10, "two others");
  write("valid/_annotations.coco.json", other);
  const auto result = read_coco(folder_);
  EXPECT_EQ(result.dataset.about, (Attributes{{"year", "2017"}, {"version", "1.0"}}));
  ASSERT_EQ(result.problems.size(), 1U);
  EXPECT_EQ(result.problems[0].kind, ProblemKind::kDropped);
}

TEST_F(Coco, FilesOfSeveralSplitsAreJoined) {
  write("train/_annotations.coco.json", around(kGood));
  write("valid/_annotations.coco.json", around(kGood));
  write("valid/a.jpg", "x");
  const auto result = read_coco(folder_);
  ASSERT_EQ(result.dataset.images.size(), 2U);
  EXPECT_EQ(result.dataset.images[1].split, Split::kVal);
  EXPECT_EQ(result.dataset.images[1].file, "valid/a.jpg");
  EXPECT_NE(result.dataset.images[0].id, result.dataset.images[1].id);
  EXPECT_EQ(result.dataset.annotations[1].image, 1U);
  EXPECT_EQ(result.dataset.categories.size(), 1U);
}

TEST_F(Coco, SplitsAreWordsOfTheName) {
  const std::pair<const char*, Split> names[] = {{"instances_train2017", Split::kTrain},
                                                 {"person_keypoints_val2017", Split::kVal},
                                                 {"image_info_test-dev2017", Split::kTest},
                                                 {"Train", Split::kTrain},
                                                 {"instances_minival2014", Split::kVal},
                                                 {"latest", Split::kNone},
                                                 {"restrained", Split::kNone},
                                                 {"interval", Split::kNone},
                                                 {"my.validation.set", Split::kVal}};
  for (const auto& [name, split] : names) {
    const auto set = read_coco(write(std::string(name) + ".json", around(kGood))).dataset;
    EXPECT_EQ(set.images.at(0).split, split) << name;
  }
}

TEST_F(Coco, AListOfFramesBesideTheLabelsIsNone) {
  write("labels.json", around(kGood));
  write("frames.json", "{}");
  EXPECT_EQ(read_coco(folder_).dataset.annotations.size(), 1U);
}

TEST_F(Coco, ResultsAreLookedUp) {
  const Dataset truth = read_coco_truth(write("set.json", around(kGood)), CocoParts::kBoxes).dataset;
  auto results = read_coco_results(write("dt.json", R"([{"image_id":7,"category_id":3,"bbox":[1,2,3,4],"score":0.123456789},
{"image_id":7,"category_id":4,"bbox":[1,2,3,4],"score":1},
{"image_id":8,"category_id":3,"bbox":[1,2,3,4],"score":1},
{"image_id":7,"category_id":3,"bbox":[1,2,3,4],"score":Infinity}, {"image_id":7,"category_id":3,"bbox":[1,2,3,4]}])"),
                                   CocoParts::kBoxes);
  const Predictions predictions = resolve(results, truth);
  ASSERT_EQ(predictions.items.size(), 1U);
  EXPECT_EQ(predictions.items[0].score, 0.123456789);
  std::vector<ProblemKind> kinds;
  for (const auto& problem : results.problems) kinds.push_back(problem.kind);
  EXPECT_EQ(kinds, (std::vector{ProblemKind::kNotFinite, ProblemKind::kBadLine, ProblemKind::kUnknownClass,
                                ProblemKind::kOrphanLabels}));
  EXPECT_THROW(read_coco_results(write("dt.json", "{}"), CocoParts::kBoxes), Error);
}

}  // namespace
}  // namespace goshawk::dataset

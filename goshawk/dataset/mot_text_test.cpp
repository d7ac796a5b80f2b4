#include "goshawk/dataset/mot_text.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <random>

#include "goshawk/core/error.h"

namespace goshawk::dataset {
namespace {

MotText read(std::string_view text) { return parse_mot(text, "gt.txt"); }

TEST(MotText, ReadsAllColumns) {
  const auto text = read("3,17,1.5,-2,30.25,40,0.5,7,0.75,ignored\n");
  ASSERT_EQ(text.rows.size(), 1U);
  const MotRow& row = text.rows[0];
  EXPECT_EQ(row.frame, 3);
  EXPECT_EQ(row.id, 17);
  EXPECT_EQ(row.box, (Rectangle{1.5, -2, 30.25, 40}));
  EXPECT_EQ(row.confidence, 0.5);
  EXPECT_EQ(row.kind, 7);
  EXPECT_EQ(row.visibility, 0.75F);
  EXPECT_EQ(row.line, 1U);
}

TEST(MotText, TakesEverySeparatorAndLineEnd) {
  for (const char* const text :
       {"1,2,3,4,5,6\n2,2,3,4,5,6", "1 2 3 4 5 6\r\n2 2 3 4 5 6\r\n", "1\t2\t3\t4\t5\t6\n\n2\t2\t3\t4\t5\t6\n",
        "1;2;3;4;5;6;\n2;2;3;4;5;6;\n", " 1 , 2,3 ,4,5, 6 ,\n2,2,3,4,5,6\n",
        "\xEF\xBB\xBF"
        "1,2,3,4,5,6\n2,2,3,4,5,6\n"}) {
    const auto read_text = read(text);
    EXPECT_TRUE(read_text.problems.empty()) << text << ": " << read_text.problems.front().message;
    ASSERT_EQ(read_text.rows.size(), 2U) << text;
    EXPECT_EQ(read_text.rows[1].frame, 2) << text;
    EXPECT_EQ(read_text.rows[1].box, (Rectangle{3, 4, 5, 6})) << text;
  }
}

TEST(MotText, ReadsNumbersAsStrtodDoes) {
  std::mt19937 random(1);
  for (int round = 0; round < 20000; ++round) {
    std::string number = random() % 4 == 0 ? "-" : "";
    const int digits = 1 + static_cast<int>(random() % 18), point = static_cast<int>(random() % 20);
    for (int k = 0; k < digits; ++k) {
      if (k == point) number += '.';
      number += static_cast<char>('0' + random() % 10);
    }
    if (random() % 10 == 0) number += "e-" + std::to_string(random() % 12);
    const double expected = std::strtod(number.c_str(), nullptr);
    const auto text = read("1,1," + number + ",0,1,1\n");
    if (std::abs(expected) > 1e9) {
      EXPECT_EQ(text.problems.size(), 1U) << number;
    } else {
      ASSERT_EQ(text.rows.size(), 1U) << number;
      EXPECT_EQ(text.rows[0].box.x, expected) << number;
    }
  }
}

TEST(MotText, ReportsLineAndReasonOfWhatIsWrong) {
  const std::vector<std::pair<const char*, const char*>> lines = {
      {"1,1,2,3,4", "5 columns, at least 6 are needed: frame, id, left, top, width, height"},
      {"1,1,2,x,4,5", "top is not a number: 'x'"},
      {"1,1,2,,4,5", "top is not a number: ''"},
      {"1,1,2,3,4,5abc", "height is not a number: '5abc'"},
      {"1,1,nan,3,4,5", "left is not a finite number"},
      {"1,1,2,inf,4,5", "top is not a finite number"},
      {"1,1,2,3,1e308,5", "width is beyond any image: 1e+308"},
      {"0,1,2,3,4,5", "frame 0 does not exist, they are counted from 1"},
      {"-3,1,2,3,4,5", "frame -3 does not exist, they are counted from 1"},
      {"1.5,1,2,3,4,5", "frame is not a whole number: 1.5"},
      {"1,1e300,2,3,4,5", "id is not a whole number: 1e+300"},
  };
  for (const auto& [line, message] : lines) {
    const auto text = read(std::string("1,1,2,3,4,5\n\n") + line + "\n1,2,2,3,4,5\n");
    EXPECT_EQ(text.rows.size(), 2U) << line;
    ASSERT_EQ(text.problems.size(), 1U) << line;
    EXPECT_EQ(text.problems[0].message, message);
    EXPECT_EQ(text.problems[0].line, 3) << line;
    EXPECT_EQ(text.problems[0].file, "gt.txt");
  }
}

TEST(MotText, MessagesAreFitForATerminal) {
  const auto text = read("1,1,\x1b[31m\xff\xfe,3,4,5\n");
  ASSERT_EQ(text.problems.size(), 1U);
  EXPECT_EQ(text.problems[0].message.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.problems[0].message.find('\xff'), std::string::npos);
}

TEST(MotText, TakesHugeFrameNumbersAndCountsProblemsBeyondTheLimit) {
  EXPECT_EQ(read("1000000000000,1,2,3,4,5\n").rows.at(0).frame, 1'000'000'000'000);
  std::string bad;
  for (int k = 0; k < 30; ++k) bad += "oops\n";
  ReadLimits limits;
  limits.problems = 10;
  const auto text = parse_mot(bad, "x", limits);
  EXPECT_EQ(text.problems.size(), 10U);
  EXPECT_EQ(text.problems_left_out, 20U);
  EXPECT_TRUE(read("").rows.empty());
}

class SequenceInfoFile : public ::testing::Test {
 protected:
  void SetUp() override {
    path_ = std::filesystem::temp_directory_path() / ("seqinfo-" + std::to_string(::getpid()) + ".ini");
  }
  void TearDown() override { std::filesystem::remove(path_); }
  std::optional<SequenceInfo> read(std::string_view text) {
    std::ofstream(path_) << text;
    return read_sequence_info(path_);
  }
  std::filesystem::path path_;
};

TEST_F(SequenceInfoFile, IsRead) {
  const auto info = read(
      "[Other]\nname=x\n[Sequence]\r\nname = MOT16-02\r\nimDir=frames\n; note\nframeRate=29.97\n"
      "seqLength=600\nimWidth=1920\nimHeight=1080\nimExt=.png\n");
  ASSERT_TRUE(info);
  EXPECT_EQ(info->name, "MOT16-02");
  EXPECT_EQ(info->image_folder, "frames");
  EXPECT_EQ(info->image_extension, ".png");
  EXPECT_EQ(info->frame_rate, 29.97);
  EXPECT_EQ(info->frames, 600);
  EXPECT_EQ(info->width, 1920U);
  EXPECT_EQ(info->height, 1080U);
  EXPECT_FALSE(read_sequence_info(path_ / "none"));
}

TEST_F(SequenceInfoFile, ErrorsNameTheLine) {
  for (const char* const text : {"[Sequence]\nseqLength=many\n", "[Sequence]\nseqLength=-1\n", "[Sequence]\nimWidth=1e99\n",
                                 "[Sequence]\njunk\n", "[Sequence]\nframeRate=nan\n"}) {
    try {
      read(text);
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kBadData);
      EXPECT_EQ(error.where(), path_.string() + ":2");
    }
  }
}

}  // namespace
}  // namespace goshawk::dataset

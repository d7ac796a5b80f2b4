#include "goshawk/track/zones.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "goshawk/core/testing.h"

namespace goshawk::track {
namespace {

using ::testing::HasSubstr;

const std::vector<std::string> kClasses = {"person", "car"};
const cv::Size kFrame{640, 360};

Track track_at(int id, double x, double y, int class_id = 0, double side = 20) {
  const auto half = static_cast<float>(side / 2);
  const auto cx = static_cast<float>(x), cy = static_cast<float>(y);
  return {id, {cx - half, cy - half, cx + half, cy + half}, 0.9F, class_id, 0, 0};
}

Microseconds second(double seconds) { return Microseconds(static_cast<std::int64_t>(seconds * 1e6)); }

/// Leads the objects through the zones at 10 frames a second.
class Walk {
 public:
  explicit Walk(std::vector<Zone> zones) : counter_(std::move(zones), kClasses, kFrame) {}
  std::vector<ZoneEvent> step(const std::vector<Track>& tracks) {
    auto events = counter_.update(tracks, second(0.1 * frame_++));
    all.insert(all.end(), events.begin(), events.end());
    return events;
  }
  ZoneCounts counts(int zone = 0) const { return counter_.counts()[zone]; }
  std::vector<ZoneEvent> all;

 private:
  ZoneCounter counter_;
  int frame_ = 0;
};

Zone level_line(Anchor anchor = Anchor::kCorners) {
  Zone zone = parse_line("gate:100,200,500,200", 1);
  zone.anchor = anchor;
  return zone;
}

std::filesystem::path write_file(const std::string& name, const std::string& text) {
  const std::filesystem::path path = std::filesystem::path(::testing::TempDir()) / name;
  std::ofstream(path) << text;
  return path;
}

TEST(LineZone, CountsInToTheLeftOfItsWayAndOutToTheRight) {
  Walk walk({level_line()});
  for (int y = 300; y >= 100; y -= 10) walk.step({track_at(1, 300, y), track_at(2, 200, 400 - y, 1)});
  EXPECT_EQ(walk.counts().by_class.at(0), (ZoneTally{.in = 1}));
  EXPECT_EQ(walk.counts().by_class.at(1), (ZoneTally{.out = 1}));
  EXPECT_EQ(walk.counts().total().in, 1);
  ASSERT_EQ(walk.all.size(), 2U);
  EXPECT_EQ(walk.all[0].track_id, 1);
  EXPECT_EQ(walk.all[0].kind, ZoneEventKind::kIn);
}

TEST(LineZone, CountsAnObjectThatGoesAndComesBackBothWays) {
  Walk walk({level_line()});
  for (int turn = 0; turn < 3; ++turn) {
    for (int y = 250; y >= 150; y -= 10) walk.step({track_at(1, 300, y)});
    for (int y = 150; y <= 250; y += 10) walk.step({track_at(1, 300, y)});
  }
  EXPECT_EQ(walk.counts().total().in, 3);
  EXPECT_EQ(walk.counts().total().out, 3);
}

TEST(LineZone, DoesNotCountJitterOnTheLine) {
  for (const Anchor anchor : {Anchor::kCorners, Anchor::kCenter, Anchor::kBottomCenter}) {
    Walk walk({level_line(anchor)});
    const double shift = anchor == Anchor::kBottomCenter ? -10 : 0;
    for (int y = 250; y > 200; y -= 10) walk.step({track_at(1, 300, y + shift)});
    for (int i = 0; i < 40; ++i) walk.step({track_at(1, 300, 200 + shift + (i % 2 ? 0.9 : -0.9))});
    for (int y = 200; y > 150; y -= 10) walk.step({track_at(1, 300, y + shift)});
    EXPECT_EQ(walk.counts().total().in, 1);
    EXPECT_EQ(walk.counts().total().out, 0);
  }
}

TEST(LineZone, WaitsForTheAskedNumberOfFrames) {
  Zone line = level_line();
  line.frames = 3;
  Walk walk({line});
  walk.step({track_at(1, 300, 250)});
  for (int flicker = 0; flicker < 5; ++flicker) {
    walk.step({track_at(1, 300, 150)});
    walk.step({track_at(1, 300, 150)});
    walk.step({track_at(1, 300, 250)});
  }
  EXPECT_EQ(walk.counts().total().in, 0);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(walk.step({track_at(1, 300, 150)}).size(), i == 2 ? 1U : 0U);
}

TEST(LineZone, LooksOnlyBetweenItsEnds) {
  Walk walk({level_line()});
  for (int y = 300; y >= 100; y -= 10) walk.step({track_at(1, 95, y), track_at(2, 505, y)});
  EXPECT_EQ(walk.counts().total().in, 0);
}

TEST(LineZone, CountsACrossingThatWasHidden) {
  Walk walk({level_line()});
  walk.step({track_at(1, 300, 250)});
  for (int i = 0; i < 30; ++i) walk.step({});
  walk.step({track_at(1, 300, 150)});
  EXPECT_EQ(walk.counts().total().in, 1);
}

TEST(LineZone, LooksOnlyAtItsClasses) {
  Zone line = level_line();
  line.classes = {"car"};
  Walk walk({line});
  for (int y = 300; y >= 100; y -= 10) walk.step({track_at(1, 300, y, 0), track_at(2, 200, y, 1)});
  EXPECT_FALSE(walk.counts().by_class.contains(0));
  EXPECT_EQ(walk.counts().by_class.at(1).in, 1);
}

TEST(LineZone, TakesPercentOfTheFrame) {
  Walk walk({parse_line("10%,50%,90%,50%", 1)});
  for (int y = 250; y >= 100; y -= 10) walk.step({track_at(1, 300, y)});
  EXPECT_EQ(walk.counts().name, "line1");
  EXPECT_EQ(walk.counts().total().in, 1);
}

TEST(PolygonZone, MeasuresHowLongAnObjectStays) {
  Zone square = parse_polygon("yard:100,100,300,100,300,300,100,300", 1);
  square.anchor = Anchor::kCenter;
  Walk walk({square});
  for (int x = 50; x <= 350; x += 10) walk.step({track_at(1, x, 200), track_at(2, 500, 200)});
  const ZoneTally tally = walk.counts().total();
  EXPECT_EQ(tally.in, 1);
  EXPECT_EQ(tally.out, 1);
  EXPECT_EQ(tally.inside, 0);
  // Inside from x = 100 to x = 290; seen outside at 300.
  EXPECT_EQ(tally.dwell_total, second(2.0));
  ASSERT_EQ(walk.all.size(), 2U);
  EXPECT_EQ(walk.all[0].kind, ZoneEventKind::kEnter);
  EXPECT_EQ(walk.all[1].kind, ZoneEventKind::kExit);
  EXPECT_EQ(walk.all[1].dwell, second(2.0));
}

TEST(PolygonZone, CountsWhoIsInsideNowByClass) {
  Zone square = parse_polygon("100,100,300,100,300,300,100,300", 4);
  Walk walk({square});
  EXPECT_EQ(square.name, "zone4");
  for (int i = 0; i < 11; ++i)
    walk.step({track_at(1, 150, 150), track_at(2, 200, 200, 1), track_at(3, 250, 250, 1), track_at(4, 20, 20)});
  EXPECT_EQ(walk.counts().by_class.at(0).inside, 1);
  EXPECT_EQ(walk.counts().by_class.at(1).inside, 2);
  EXPECT_EQ(walk.counts().by_class.at(1).dwell_total, second(2.0));
  EXPECT_EQ(walk.counts().by_class.at(1).dwell_longest, second(1.0));
}

TEST(PolygonZone, MeansOverAllVisitsWhetherSeenInTheLastFrameOrNot) {
  Walk walk({parse_polygon("yard:100,100,300,100,300,300,100,300", 1)});
  for (int i = 0; i <= 10; ++i) walk.step({track_at(1, 200, 150), track_at(2, 250, 150)});
  walk.step({});
  const ZoneTally total = walk.counts().total();
  EXPECT_EQ(total.inside, 0);
  EXPECT_EQ(total.dwell_total, second(2.0));
  EXPECT_EQ(total.dwell_mean(), second(1.0));
  EXPECT_EQ(ZoneTally().dwell_mean(), second(0));
}

TEST(PolygonZone, EndsTheVisitOfAnObjectThatVanished) {
  Walk walk({parse_polygon("100,100,300,100,300,300,100,300", 1)});
  for (int i = 0; i < 6; ++i) walk.step({track_at(1, 150, 150)});
  for (int i = 0; i < 120; ++i) walk.step({});
  ASSERT_EQ(walk.all.size(), 2U);
  EXPECT_EQ(walk.all[1].kind, ZoneEventKind::kLost);
  EXPECT_EQ(walk.all[1].dwell, second(0.5));
  EXPECT_EQ(walk.counts().total().in, 1);
  EXPECT_EQ(walk.counts().total().inside, 0);
  EXPECT_EQ(walk.counts().total().dwell_total, second(0.5));
}

TEST(PolygonZone, WritesNamesAndSeconds) {
  Walk walk({parse_polygon("yard:100,100,300,100,300,300,100,300", 1)});
  for (int i = 0; i < 11; ++i) walk.step({track_at(1, 150, 150)});
  const nlohmann::json json = to_json(walk.counts(), kClasses);
  EXPECT_EQ(json["name"], "yard");
  EXPECT_EQ(json["type"], "polygon");
  EXPECT_EQ(json["by_class"]["person"]["inside"], 1);
  EXPECT_EQ(json["by_class"]["person"]["dwell_longest_s"], 1.0);
  const std::vector<std::string> alike{"person", "person"};
  EXPECT_EQ(to_json(walk.counts(), alike)["by_class"]["person (0)"]["inside"], 1);
}

TEST(ParseZones, SaysWhatIsWrongWithAFlag) {
  const auto line = [](const char* text) { return text_of_error([&] { parse_line(text, 1); }, ErrorCode::kUsage); };
  const auto polygon = [](const char* text) { return text_of_error([&] { parse_polygon(text, 1); }, ErrorCode::kUsage); };
  EXPECT_THAT(line("1,2,3"), HasSubstr("pairs of x,y"));
  EXPECT_THAT(line("door:1,2,3,x"), HasSubstr("'x' is not a coordinate"));
  EXPECT_THAT(line("1,2,nan,4"), HasSubstr("'nan' is not a coordinate"));
  EXPECT_THAT(line("1,2,1e99,4"), HasSubstr("is not a coordinate"));
  EXPECT_THAT(line(""), HasSubstr("pairs of x,y"));
  EXPECT_THAT(line("1,2,3,4,5,6"), HasSubstr("a line has 2 points, not 3"));
  EXPECT_THAT(line("7,8,7,8"), HasSubstr("points 1 and 2 are the same"));
  EXPECT_THAT(polygon("1,2,3,4"), HasSubstr("at least 3 points"));
  EXPECT_THAT(polygon("0,0,10,10,10,0,0,10"), HasSubstr("crosses itself: edges 1-2 and 3-4"));
  EXPECT_THAT(polygon("0,0,10,0,20,0"), HasSubstr("no width"));
  EXPECT_THAT(polygon("0,0,10,0,10,10,5,0"), HasSubstr("crosses itself"));
}

TEST(ParseZones, LeavesMixedUnitsToTheFrame) {
  EXPECT_EQ(parse_line("10,50,10%,50%", 1).points.size(), 2U) << "(10, 50) and (64, 180)";
  const auto line = [](const char* text) { return text_of_error([&] { parse_line(text, 1); }, ErrorCode::kUsage); };
  EXPECT_THAT(line("1,2,3%,4,5,6"), HasSubstr("a line has 2 points, not 3"));
  EXPECT_THAT(line("10%,50%,10%,50%"), HasSubstr("points 1 and 2 are the same"));
}

TEST(ParseZones, AllowsAnyWayAroundAndInnerCorners) {
  EXPECT_EQ(parse_polygon("a:0,0,0,10,5,5,10,10,10,0", 1).points.size(), 5U);
  EXPECT_EQ(parse_polygon("a=0,0,10,0,10,10,5,5,0,10", 1).name, "a");
}

TEST(ReadZones, ReadsYamlAndJson) {
  const auto yaml = read_zones(write_file("zones.yaml", R"(
zones:
  - name: gate
    points: [[10, 20], ["50%", 20.5]]
    classes: [car]
    anchor: center
    frames: 2
  - {type: polygon, points: [[0, 0], [100, 0], [100, 100]]}
)"));
  ASSERT_EQ(yaml.size(), 2U);
  EXPECT_EQ(
      yaml[0],
      (Zone{
          "gate", ZoneKind::kLine, {{{10, false}, {20, false}}, {{50, true}, {20.5, false}}}, {"car"}, Anchor::kCenter, 2}));
  EXPECT_EQ(yaml[1].name, "zone2");
  EXPECT_EQ(yaml[1].anchor, Anchor::kBottomCenter);
  const auto json = read_zones(write_file("zones.json", R"([{"name": "a", "type": "line", "points": [[1, 2], [3, 4]]}])"));
  EXPECT_EQ(json.at(0).anchor, Anchor::kCorners);
}

TEST(ReadZones, NamesTheFieldThatIsWrong) {
  const auto read = [](const std::string& text) {
    return text_of_error([&] { read_zones(write_file("bad.yaml", text)); }, ErrorCode::kBadConfig);
  };
  EXPECT_THAT(read("zones: 3"), HasSubstr("bad.yaml: zones"));
  EXPECT_THAT(read("[1]"), HasSubstr("bad.yaml: zones[0]"));
  EXPECT_THAT(read("- {name: a}"), HasSubstr("zones[0].points"));
  EXPECT_THAT(read("- {points: [[1, 2], [3]]}"), HasSubstr("zones[0].points[1]"));
  EXPECT_THAT(read("- {points: [[1, 2], [3, yes]]}"), HasSubstr("zones[0].points[1][1]"));
  EXPECT_THAT(read("- {points: [[1, 2], [3, 4]], anchr: center}"), HasSubstr("did you mean 'anchor'?"));
  EXPECT_THAT(read("- {points: [[1, 2], [3, 4]], anchor: centre}"), HasSubstr("did you mean 'center'?"));
  EXPECT_THAT(read("- {points: [[1, 2], [3, 4]], type: circle}"), HasSubstr("zones[0].type"));
  EXPECT_THAT(read("- {points: [[1, 2], [3, 4]], frames: 0}"), HasSubstr("zones[0].frames"));
  EXPECT_THAT(read("- {points: [[1, 2], [3, 4]], classes: car}"), HasSubstr("zones[0].classes"));
  EXPECT_THAT(read("- {name: a, points: [[1, 2], [3, 4]]}\n- {name: a, points: [[1, 2], [3, 4]]}"),
              HasSubstr("zones[1].name"));
  EXPECT_THAT(read("- {points: [[0, 0], [9, 9], [9, 0], [0, 9]]}"), HasSubstr("crosses itself"));
  EXPECT_THAT(read("zone:\n- {points: [[1, 2], [3, 4]]}"), HasSubstr("did you mean 'zones'?"));
  EXPECT_THAT(text_of_error([] { read_zones("/nowhere/zones.yaml"); }, ErrorCode::kNotFound), HasSubstr("zones.yaml"));
}

TEST(ZoneCounter, RefusesWhatDoesNotFitTheStream) {
  const auto make = [](std::vector<Zone> zones) {
    return text_of_error([&] { ZoneCounter(std::move(zones), kClasses, kFrame); }, ErrorCode::kBadConfig);
  };
  Zone zone = level_line();
  zone.classes = {"cart"};
  EXPECT_THAT(make({zone}), HasSubstr("did you mean 'car'?"));
  EXPECT_THAT(make({level_line(), level_line()}), HasSubstr("two zones"));
  EXPECT_THAT(make({parse_line("700,10,900,10", 1)}), HasSubstr("640x360"));
  EXPECT_THAT(make({parse_line("64,180,10%,50%", 1)}), HasSubstr("points 1 and 2 are the same"));
  EXPECT_THAT(make({parse_polygon("0,0,100%,100%,640,0,0,360", 1)}), HasSubstr("crosses itself"));
}

}  // namespace
}  // namespace goshawk::track

#include "goshawk/core/config.h"

#include <gmock/gmock.h>

#include <cmath>
#include <fstream>
#include <set>

#include "goshawk/core/document.h"
#include "goshawk/core/files.h"
#include "goshawk/core/testing.h"

namespace goshawk {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

/// A folder of its own as the current one, so that no goshawk.yaml or profile of the machine is seen.
class ConfigTest : public testing::Test {
 protected:
  ConfigTest() : before_(fs::current_path()) {
    fs::current_path(folder_);
    inputs_.profile_folder = folder_ / "profiles";
    fs::create_directory(inputs_.profile_folder);
  }
  ~ConfigTest() override { fs::current_path(before_); }

  void write(const fs::path& path, const std::string& text) { std::ofstream(folder_ / path) << text; }

  /// The error that loading gives.
  Error failure() {
    try {
      load_config(inputs_);
    } catch (const Error& error) {
      return error;
    }
    return {ErrorCode::kInternal, "no error"};
  }

  fs::path before_;
  TemporaryFolder temporary_;
  fs::path folder_ = temporary_.path();
  ConfigInputs inputs_;
};

TEST(ConfigSchema, IsConsistent) {
  std::set<std::string> keys, flags, variables, names;
  for (const auto& section : sections()) names.insert(section.name);
  for (const auto& setting : schema()) {
    SCOPED_TRACE(setting.key);
    EXPECT_TRUE(keys.insert(setting.key).second);
    // Training has a batch and a size of its own; no command takes both (Registry tests).
    const std::string family = setting.section() == "train" ? "train " : "";
    EXPECT_TRUE(setting.flag.empty() || flags.insert(family + setting.flag).second);
    EXPECT_TRUE(variables.insert(setting.environment_name()).second);
    EXPECT_TRUE(names.contains(std::string(setting.section())));
    EXPECT_EQ(setting.flag.find('_'), std::string::npos);
    EXPECT_FALSE(setting.help.empty());
    EXPECT_NE(setting.help.back(), '.');
    if (!setting.fallback.empty()) {
      EXPECT_NO_THROW(parse_setting(setting, setting.fallback, ErrorCode::kUsage, ""));
    }
    if (setting.type == SettingType::kChoice) {
      EXPECT_FALSE(setting.words.empty());
    }
  }
}

TEST_F(ConfigTest, NothingBehindANameUnsetsItWhereThatMeansSomething) {
  const json defaults = load_config(inputs_).to_json();
  for (const auto& setting : schema()) {
    SCOPED_TRACE(setting.key);
    const auto dot = setting.key.find('.');
    const std::string name = setting.key.substr(dot + 1);
    const std::string text = setting.section().empty() ? name + ":\n" : setting.key.substr(0, dot) + ":\n  " + name + ":\n";
    write("null.yaml", text);
    inputs_.file = folder_ / "null.yaml";
    const auto problems = check_config_file(folder_ / "null.yaml", inputs_.profile_folder);
    if (setting.fallback.empty()) {
      EXPECT_EQ(load_config(inputs_).to_json(), defaults);
      EXPECT_TRUE(problems.empty());
      continue;
    }
    EXPECT_THAT(failure().what(), HasSubstr(setting.key + " must be"));
    ASSERT_FALSE(problems.empty());
    EXPECT_EQ(problems[0].where(), (folder_ / "null.yaml").string() + (dot == std::string::npos ? ":1" : ":2"));
  }
}

TEST_F(ConfigTest, AProfileMaySayNothing) {
  write("profiles/empty.yaml",
        "description:\nsettings:\n  detect:\n    conf:\n  runtime:\n    batch: 4\nresolutions:\n  4k:\n");
  inputs_.flags["profile"] = {"empty"};
  const Config config = load_config(inputs_);
  EXPECT_FALSE(config.is_set("detect.conf"));
  EXPECT_EQ(config.for_resolution(3840, 2160).integer("runtime.batch"), 4);
  write("profiles/nothing.yaml", "settings:\nresolutions:\n");
  inputs_.flags["profile"] = {"nothing"};
  EXPECT_NO_THROW(load_config(inputs_));
}

TEST(ConfigSchema, NamesWhatAFlagTakes) {
  EXPECT_EQ(find_setting("track.lines")->placeholder(), "POINTS");
  EXPECT_EQ(find_setting("track.signals")->placeholder(), "TARGET");
}

TEST(ConfigSchema, ReadsSecondsMinutesAndHours) {
  EXPECT_DOUBLE_EQ(parse_seconds("12.5"), 12.5);
  EXPECT_DOUBLE_EQ(parse_seconds("1:02.5"), 62.5);
  EXPECT_DOUBLE_EQ(parse_seconds("2:00:01"), 7201);
  EXPECT_DOUBLE_EQ(parse_seconds("90:00"), 5400);
  for (const char* bad : {"", ":", "1:", ":1", "1:60", "1:2:3:4", "-1", "1.5:00", "abc", "1 2", "nan", "1:nan"}) {
    EXPECT_TRUE(std::isnan(parse_seconds(bad))) << bad;
  }
}

TEST(ConfigSchema, RefusesValuesOutOfTypeOrRange) {
  const auto refused = [](const char* key, const char* text) {
    try {
      parse_setting(*find_setting(key), text, ErrorCode::kUsage, "here");
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kUsage);
      EXPECT_EQ(error.where(), "here");
      EXPECT_THAT(error.what(), HasSubstr(key));
      return true;
    }
    return false;
  };
  EXPECT_TRUE(refused("detect.conf", "1.5"));
  EXPECT_TRUE(refused("detect.conf", "nan"));
  EXPECT_TRUE(refused("detect.conf", ""));
  EXPECT_TRUE(refused("detect.conf", "0.5x"));
  EXPECT_TRUE(refused("detect.imgsz", "640.0"));
  EXPECT_TRUE(refused("detect.imgsz", "99999999999999999999"));
  EXPECT_TRUE(refused("runtime.precision", "int8"));
  EXPECT_TRUE(refused("output.video", "maybe"));
  EXPECT_TRUE(refused("source.start", "1:99"));
  EXPECT_TRUE(refused("source.end", "1e15"));
  EXPECT_TRUE(refused("source.resize", "0.01"));
  EXPECT_FALSE(refused("detect.conf", "1"));
  EXPECT_FALSE(refused("runtime.batch", "auto"));
  EXPECT_FALSE(refused("runtime.precision", "FP16"));
  EXPECT_FALSE(refused("output.video", "off"));
}

TEST_F(ConfigTest, LaterLayersWinAndSayWhereValuesComeFrom) {
  write("my.yaml", "detect:\n  conf: 0.1\n  iou: 0.2\n  max_det: 7\nlog:\n  level: warn\n");
  inputs_.file = "my.yaml";
  inputs_.environment = {{"GOSHAWK_DETECT_IOU", "0.3"}, {"GOSHAWK_DETECT_MAX_DET", "8"}, {"PATH", "/bin"}};
  inputs_.flags = {{"detect.max_det", {"9"}}, {"profile", {"debug"}}};
  const Config config = load_config(inputs_);
  EXPECT_EQ(config.number_if_set("detect.conf"), 0.1);
  EXPECT_EQ(config.origin("detect.conf"), "my.yaml:2");
  EXPECT_EQ(config.number_if_set("detect.iou"), 0.3);
  EXPECT_EQ(config.origin("detect.iou"), "environment GOSHAWK_DETECT_IOU");
  EXPECT_EQ(config.integer_if_set("detect.max_det"), 9);
  EXPECT_EQ(config.origin("detect.max_det"), "flag --max-det");
  EXPECT_EQ(config.text("runtime.device"), "cpu");
  EXPECT_EQ(config.origin("runtime.device"), "profile debug");
  EXPECT_EQ(config.text("log.level"), "warn");  // the file over the profile
  EXPECT_EQ(config.origin("source.every"), "default");
  EXPECT_FALSE(config.is_set("detect.classes"));
}

TEST_F(ConfigTest, EverySettingCanBeSetInEveryLayer) {
  for (const auto& setting : schema()) {
    SCOPED_TRACE(setting.key);
    if (setting.key == "profile") continue;
    std::string text = setting.fallback;
    if (text.empty()) text = setting.type == SettingType::kTime || setting.max <= 1 ? "0.5" : "64";
    json document;
    const auto dot = setting.key.find('.');
    if (dot == std::string::npos) document[setting.key] = text;
    else document[setting.key.substr(0, dot)][setting.key.substr(dot + 1)] = text;
    write("one.json", document.dump());
    ConfigInputs file = inputs_, environment = inputs_, flag = inputs_;
    file.file = "one.json";
    environment.environment = {{setting.environment_name(), text}};
    flag.flags = {{setting.key, {text}}};
    const json value = load_config(flag).entry(setting.key).value;
    EXPECT_EQ(load_config(file).entry(setting.key).value, value);
    EXPECT_EQ(load_config(environment).entry(setting.key).value, value);
    EXPECT_EQ(load_config(flag).entry(setting.key).layer, ConfigLayer::kFlag);
  }
}

TEST_F(ConfigTest, ReadsJsonWithLines) {
  write("my.json", "{\n  \"detect\": {\n    \"conf\": 0.25,\n    \"classes\": [\"car\", 2]\n  }\n}\n");
  inputs_.file = "my.json";
  const Config config = load_config(inputs_);
  EXPECT_EQ(config.origin("detect.classes"), "my.json:4");
  EXPECT_THAT(config.list("detect.classes"), ElementsAre("car", "2"));
}

TEST_F(ConfigTest, TakesGoshawkYamlOfTheCurrentFolderUnlessToldNone) {
  write("goshawk.yaml", "detect: {conf: 0.4}\n");
  EXPECT_EQ(load_config(inputs_).number_if_set("detect.conf"), 0.4);
  inputs_.file = "none";
  EXPECT_FALSE(load_config(inputs_).is_set("detect.conf"));
}

TEST_F(ConfigTest, NullUnsetsWhatAnEarlierLayerSet) {
  write("goshawk.yaml", "detect:\n  max_det: null\n  conf: ~\nsource:\nprofile: edge\n");
  inputs_.defaults = {{"detect.conf", "0.1"}};
  const Config config = load_config(inputs_);
  EXPECT_FALSE(config.is_set("detect.max_det"));
  EXPECT_EQ(config.origin("detect.max_det"), "goshawk.yaml:2");
  EXPECT_FALSE(config.is_set("detect.conf"));
  EXPECT_EQ(config.integer("source.every"), 1);
}

TEST_F(ConfigTest, TheWholeConfigurationReadsBackAsItself) {
  inputs_.flags = {{"detect.iou", {"0.15"}}, {"source.timeout", {"5"}}, {"profile", {"debug"}}};
  const Config saved = load_config(inputs_);
  write("config.yaml", to_yaml(saved.to_json()));
  inputs_.flags.clear();
  inputs_.file = "config.yaml";
  EXPECT_EQ(load_config(inputs_).to_json(), saved.to_json());
}

TEST_F(ConfigTest, ListsOfFlagsAndVariables) {
  inputs_.flags = {{"detect.classes", {"car, bus", "2"}}, {"track.lines", {"a:1,2,3,4", "5,6,7,8"}}};
  inputs_.environment = {{"GOSHAWK_TRACK_ZONES", "1,1,2,1,2,2; b:3,3,4,3,4,4"}};
  const Config config = load_config(inputs_);
  EXPECT_THAT(config.list("detect.classes"), ElementsAre("car", "bus", "2"));
  EXPECT_THAT(config.list("track.lines"), ElementsAre("a:1,2,3,4", "5,6,7,8"));
  EXPECT_THAT(config.list("track.zones"), ElementsAre("1,1,2,1,2,2", "b:3,3,4,3,4,4"));
}

TEST_F(ConfigTest, UnknownKeysAreRefusedWithPlaceAndSuggestion) {
  write("goshawk.yaml", "detect:\n  iou: 0.5\n  cnof: 0.3\n");
  const Error error = failure();
  EXPECT_EQ(error.code(), ErrorCode::kBadConfig);
  EXPECT_EQ(error.where(), "goshawk.yaml:3");
  EXPECT_THAT(error.what(), HasSubstr("did you mean 'detect.conf'?"));
  write("goshawk.yaml", "detecct: {conf: 0.4}\n");
  EXPECT_THAT(failure().what(), HasSubstr("did you mean 'detect'?"));
}

TEST_F(ConfigTest, KeyInTheWrongSectionIsSuggested) {
  write("goshawk.yaml", "source:\n  classes: [car]\n");
  EXPECT_THAT(failure().what(), HasSubstr("did you mean 'detect.classes'?"));
}

TEST_F(ConfigTest, BadValuesNameTheirLayer) {
  write("goshawk.yaml", "detect:\n  conf: lots\n");
  EXPECT_EQ(failure().where(), "goshawk.yaml:2");
  write("goshawk.yaml", "detect: 5\n");
  EXPECT_EQ(failure().where(), "goshawk.yaml:1");
  write("goshawk.yaml", "- a\n- b\n");
  EXPECT_EQ(failure().code(), ErrorCode::kBadConfig);
  write("goshawk.yaml", "detect: {conf: {a: 1}}\n");
  EXPECT_EQ(failure().code(), ErrorCode::kBadConfig);
  inputs_.file = "none";
  inputs_.environment = {{"GOSHAWK_DETECT_CONF", "2"}};
  EXPECT_EQ(failure().code(), ErrorCode::kBadConfig);
  EXPECT_EQ(failure().where(), "environment GOSHAWK_DETECT_CONF");
  inputs_.environment.clear();
  inputs_.flags = {{"detect.conf", {"2"}}};
  EXPECT_EQ(failure().code(), ErrorCode::kUsage);
  EXPECT_EQ(failure().where(), "flag --conf");
}

TEST_F(ConfigTest, UnknownVariablesOfOurSectionsAreRefusedOthersAreNot) {
  inputs_.environment = {{"GOSHAWK_DETECT_CONFIDENCE_MIN", "0.3"}};
  EXPECT_EQ(failure().where(), "environment GOSHAWK_DETECT_CONFIDENCE_MIN");
  inputs_.environment = {{"GOSHAWK_DETCT_CONF", "0.3"}};
  EXPECT_THAT(failure().what(), HasSubstr("GOSHAWK_DETECT_CONF"));
  inputs_.environment = {{"GOSHAWK_CONF", "0.3"}};  // without its section
  EXPECT_THAT(failure().what(), HasSubstr("GOSHAWK_DETECT_CONF"));
  inputs_.environment = {{"GOSHAWK_CACHE", "/x"}, {"GOSHAWK_SHARED_DATA", "1"}, {"GOSHAWK_BIN", "1"}};
  EXPECT_NO_THROW(load_config(inputs_));
}

TEST_F(ConfigTest, HostileFilesEndInOneError) {
  write("goshawk.yaml", "detect: {conf: 0.3\n");
  EXPECT_EQ(failure().code(), ErrorCode::kBadConfig);
  write("goshawk.yaml", std::string(2 << 20, '#'));
  EXPECT_EQ(failure().code(), ErrorCode::kBadData);
  write("goshawk.yaml",
        "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
        "d: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e]\n");
  EXPECT_EQ(failure().code(), ErrorCode::kBadConfig);
  write("goshawk.yaml", "detect: {conf: 0.3, conf: 0.4}\n");
  EXPECT_EQ(failure().code(), ErrorCode::kBadConfig);
  write("goshawk.yaml", "output: {name: \"a\xFF\"}\n");
  EXPECT_THAT(failure().what(), HasSubstr("not UTF-8"));
  write("goshawk.yaml", "output: {name: {\xFF: 1}}\n");
  EXPECT_EQ(failure().code(), ErrorCode::kBadConfig);
  inputs_.file = "missing.yaml";
  EXPECT_EQ(failure().code(), ErrorCode::kNotFound);
}

TEST(ConfigProfiles, ResolutionIsTheSmallestThatHoldsThePicture) {
  const std::vector<std::string> names{"1080p", "4k", "8k"};
  EXPECT_EQ(resolution_name(640, 360, names), "1080p");
  EXPECT_EQ(resolution_name(1920, 1080, names), "1080p");
  EXPECT_EQ(resolution_name(1080, 1920, names), "1080p");
  EXPECT_EQ(resolution_name(1920, 1088, names), "4k");
  EXPECT_EQ(resolution_name(3840, 2160, names), "4k");
  EXPECT_EQ(resolution_name(7680, 4320, names), "8k");
  EXPECT_EQ(resolution_name(16384, 8192, names), "8k");
  EXPECT_EQ(resolution_name(640, 360, {}), "");
}

TEST_F(ConfigTest, SettingsByResolutionStandBetweenProfileAndFile) {
  const Config config = load_config(inputs_);
  EXPECT_EQ(config.for_resolution(1920, 1080).integer("runtime.batch"), 8);
  EXPECT_EQ(config.for_resolution(3840, 2160).integer("runtime.batch"), 4);
  const Config huge = config.for_resolution(7680, 4320);
  EXPECT_EQ(huge.integer("runtime.batch"), 2);
  EXPECT_EQ(huge.number("source.resize"), 0.5);
  EXPECT_EQ(huge.origin("source.resize"), "profile auto (8k)");
  write("goshawk.yaml", "runtime: {batch: 3}\n");
  EXPECT_EQ(load_config(inputs_).for_resolution(7680, 4320).integer("runtime.batch"), 3);
  EXPECT_EQ(load_config(inputs_).for_resolution(7680, 4320).number("source.resize"), 0.5);
}

TEST_F(ConfigTest, OwnProfilesAreFoundAndChecked) {
  write("profiles/night.yaml", "settings: {detect: {conf: 0.15}}\nresolutions: {4k: {source: {resize: 0.25}}}\n");
  inputs_.flags = {{"profile", {"night"}}};
  const Config config = load_config(inputs_);
  EXPECT_EQ(config.number_if_set("detect.conf"), 0.15);
  EXPECT_EQ(config.for_resolution(3840, 2160).origin("source.resize"), "profile night (4k)");
  inputs_.flags = {{"profile", {"nihgt"}}};
  EXPECT_THAT(failure().what(), HasSubstr("did you mean 'night'?"));
  EXPECT_EQ(failure().where(), "flag --profile");
  inputs_.flags = {{"profile", {"../night"}}};
  EXPECT_EQ(failure().code(), ErrorCode::kUsage);
  inputs_.flags = {{"profile", {"night"}}};
  for (const char* bad : {"setings: {}\n", "settings: {detect: {cnof: 1}}\n", "resolutions: {5k: {}}\n",
                          "settings: {profile: edge}\n", "resolutions: {4k: {source: {resize: 9}}}\n", "[]\n"}) {
    write("profiles/night.yaml", bad);
    EXPECT_EQ(failure().code(), ErrorCode::kBadConfig) << bad;
  }
}

TEST_F(ConfigTest, ResolutionsHoldOnlyWhatActsAfterTheSourceIsOpen) {
  inputs_.flags = {{"profile", {"mine"}}};
  for (const char* key : {"model: a.onnx", "source: {start: 3}", "source: {timeout: 3}", "source: {max_frames: ~}",
                          "output: {project: x}", "output: {name: x}", "log: {quiet: true}"}) {
    write("profiles/mine.yaml", std::string("resolutions: {4k: {") + key + "}}\n");
    const Error error = failure();
    EXPECT_EQ(error.code(), ErrorCode::kBadConfig) << key;
    EXPECT_THAT(error.what(), HasSubstr("before the resolution of the source is known")) << key;
    EXPECT_EQ(error.where(), "profile mine (4k)") << key;
  }
  write("profiles/mine.yaml",
        "resolutions: {4k: {source: {every: 2, resize: 0.5}, detect: {conf: 0.3}, track: {tracker: sort},"
        " output: {quality: 30}, runtime: {batch: 2}}}\n");
  EXPECT_EQ(load_config(inputs_).for_resolution(3840, 2160).integer("source.every"), 2);
}

TEST_F(ConfigTest, EveryBuiltInProfileHolds) {
  for (const auto& profile : builtin_profiles()) {
    inputs_.flags = {{"profile", {profile.name}}};
    const Config config = load_config(inputs_);
    for (const auto& [width, height] : {std::pair{640, 360}, {1920, 1080}, {3840, 2160}, {7680, 4320}}) {
      EXPECT_NO_THROW(config.for_resolution(width, height)) << profile.name;
    }
  }
}

TEST_F(ConfigTest, ChangesReadBackAsTheSameSettings) {
  inputs_.flags = {{"detect.conf", {"0.15"}},  {"detect.classes", {"car,no"}}, {"track.lines", {"a:1,2,3,4"}},
                   {"source.start", {"1:30"}}, {"runtime.batch", {"auto"}},    {"output.video", {"false"}},
                   {"output.name", {"007"}}};
  const Config saved = load_config(inputs_);
  write("profiles/mine.yaml", to_yaml(json{{"settings", saved.as_profile().settings}}));
  inputs_.flags = {{"profile", {"mine"}}};
  const Config read = load_config(inputs_);
  for (const auto& setting : schema()) {
    if (setting.key != "profile") {
      EXPECT_EQ(read.entry(setting.key).value, saved.entry(setting.key).value) << setting.key;
    }
  }
}

TEST_F(ConfigTest, AProfileMadeOfSettingsGivesThemAtEachResolution) {
  write("profiles/mine.yaml",
        "settings: {runtime: {batch: 2}}\n"
        "resolutions: {1080p: {runtime: {batch: 8}, detect: {conf: 0.4}}, 4k: {runtime: {batch: 16}}}\n");
  inputs_.flags = {{"profile", {"mine"}}, {"runtime.batch", {"3"}}};
  const Config config = load_config(inputs_);
  const Profile saved = config.as_profile();
  write("profiles/next.yaml", to_yaml(json{{"settings", saved.settings}, {"resolutions", saved.resolutions}}));
  inputs_.flags = {{"profile", {"next"}}};
  const Config read = load_config(inputs_);
  for (const auto& [width, height] : {std::pair{640, 360}, {1920, 1080}, {3840, 2160}}) {
    EXPECT_EQ(read.for_resolution(width, height).integer("runtime.batch"), 3) << width;
    EXPECT_EQ(read.for_resolution(width, height).entry("detect.conf").value,
              config.for_resolution(width, height).entry("detect.conf").value)
        << width;
  }
}

TEST_F(ConfigTest, CheckListsEveryProblem) {
  write("bad.yaml", "profile: edeg\ndetect:\n  cnof: 1\n  iou: 3\nsource: 7\nlog:\n  level: info\n");
  const auto problems = check_config_file("bad.yaml", inputs_.profile_folder);
  std::vector<std::string> places;
  for (const auto& problem : problems) places.push_back(problem.where());
  EXPECT_THAT(places, testing::UnorderedElementsAre("bad.yaml:1", "bad.yaml:3", "bad.yaml:4", "bad.yaml:5"));
  write("good.yaml", "detect: {conf: 0.2}\n");
  EXPECT_TRUE(check_config_file("good.yaml", inputs_.profile_folder).empty());
  write("profile.yaml", "settings: {detect: {conf: 0.2}}\nresolutions: {4k: {runtime: {batch: 0}}}\n");
  EXPECT_EQ(check_config_file("profile.yaml", inputs_.profile_folder).size(), 1U);
}

TEST_F(ConfigTest, DefaultsOfACommandAreTheLowestLayer) {
  inputs_.defaults = {{"log.level", "warn"}, {"source.every", "5"}};
  inputs_.flags = {{"source.every", {"2"}}};
  const Config config = load_config(inputs_);
  EXPECT_EQ(config.text("log.level"), "warn");
  EXPECT_EQ(config.integer("source.every"), 2);
}

using ConfigDeathTest = ConfigTest;
TEST_F(ConfigDeathTest, UnknownKeyOrWrongTypeInCodeAborts) {
  const Config config;
  EXPECT_DEATH(config.text("detect.confidence"), "not in the schema");
  EXPECT_DEATH(config.boolean("detect.conf"), "not a boolean");
}

}  // namespace
}  // namespace goshawk

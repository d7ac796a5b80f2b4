#include "apps/goshawk/run_folder.h"

#include <gtest/gtest.h>

#include <map>

#include "goshawk/core/testing.h"

namespace goshawk::cli {
namespace {

namespace fs = std::filesystem;

TEST(NameOfSource, IsThatOfTheFileOrFolder) {
  const fs::path before = fs::current_path();
  const TemporaryFolder scratch;
  const fs::path here = scratch / "here.v1";
  fs::create_directories(here / "shots_2024.05.01" / "many");
  scratch.write("here.v1/odd[1].mp4", "x");
  fs::current_path(here);
  const std::map<std::string, std::string> names{
      {"clips/traffic.mp4", "traffic"},
      {"shot_2024.05.mp4", "shot_2024.05"},
      {"shots_2024.05.01", "shots_2024.05.01"},
      {"shots_2024.05.01/", "shots_2024.05.01"},
      {"shots_2024.05.01/*.jpg", "shots_2024.05.01"},
      {"shots_2024.05.01/many/../00?.jpg", "shots_2024.05.01"},
      {"shots_2024.05.01/m*/same.jpg", "shots_2024.05.01"},
      {"*.jpg", "here.v1"},
      {".", "here.v1"},
      {"./", "here.v1"},
      {"shots_2024.05.01/..", "here.v1"},
      {"odd[1].mp4", "odd[1]"},
      {"/", "run"},
      {"camera:0", "camera0"},
      {"/dev/video3", "video3"},
      {"rtsp://user:word@camera/1", "stream"},
      {std::string(99, 'a') + "\u00e9.mp4", std::string(99, 'a')},
  };
  for (const auto& [source, name] : names) EXPECT_EQ(name_of_source(source), name) << source;
  fs::current_path(before);
}

}  // namespace
}  // namespace goshawk::cli

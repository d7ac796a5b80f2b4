#include "goshawk/report/page.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

#include "goshawk/core/files.h"
#include "goshawk/report/plot.h"

namespace goshawk::report {
namespace {

TEST(Page, EscapesEverythingItIsGiven) {
  const std::string bad = "<script>alert(1)</script>\"'&\x01\xFF";
  Page page(bad, bad);
  page.section(bad);
  page.paragraph(bad);
  page.key_figures({{bad, bad}});
  page.table({bad}, {{bad}});
  const std::string picture = bar_chart({"Objects", {"", {}, {}}, {"", {}, {}}}, {{"car", 2}});
  page.figure({picture, bad});
  page.pictures({{picture, bad}});
  const std::string html = page.html();
  EXPECT_EQ(html.find("<script"), std::string::npos);
  EXPECT_EQ(html.find("\"'&"), std::string::npos);
  EXPECT_NE(html.find("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp; \xEF\xBF\xBD"), std::string::npos);
}

TEST(Page, NamesMayBreakBehindTheirSeparatorsAlone) {
  Page page("x");
  page.table({"where"}, {{"images/street_000123.jpg:7"}});
  EXPECT_NE(page.html().find("<td>images/<wbr>street_<wbr>000123.jpg:<wbr>7</td>"), std::string::npos) << page.html();
  page.table({"where"}, {{"ends/"}});
  EXPECT_NE(page.html().find("<td>ends/</td>"), std::string::npos);
}

TEST(Page, DataUriIsBase64OfTheBytes) {
  EXPECT_EQ(data_uri("\xFF\xD8\x01"), "data:image/jpeg;base64,/9gB");
  EXPECT_EQ(data_uri("\xFF\xD8\x01\x02"), "data:image/jpeg;base64,/9gBAg==");
  EXPECT_EQ(data_uri("\x89PNG\r"), "data:image/png;base64,iVBORw0=");
}

TEST(Page, AlignsColumnsOfNumbersAndIsWrittenWhole) {
  Page page("Data set traffic", "6 classes, 128 images");
  page.key_figures({{"images", "128"}, {"objects", "939"}, {"classes", "71"}, {"errors", "3"}});
  page.section("Classes");
  page.table({"class", "objects", "share"}, {{"car", "120", "61.5 %"}, {"traffic light", "7", "3.6 %"}});
  const std::string bars = bar_chart({"Objects by class", {"", {}, {}}, {"objects", {}, {}}}, {{"car", 120}, {"light", 7}});
  page.figure({bars, "Objects by class"});
  page.section("Pictures");
  page.pictures({{bars, "images/a.jpg, line 3"}, {bars, "images/b.jpg"}, {bars, "images/c.jpg"}});
  EXPECT_NE(page.html().find("<td>car</td><td class=\"n\">120</td><td class=\"n\">61.5 %</td>"), std::string::npos);
  const char* keep = std::getenv("GOSHAWK_PLOTS");
  const auto folder = keep != nullptr ? std::filesystem::path(keep) : std::filesystem::temp_directory_path();
  const auto path = folder / ("goshawk-page-" + std::to_string(keep != nullptr ? 0 : ::getpid()) + ".html");
  page.write(path);
  EXPECT_EQ(read_file(path), page.html());
  if (keep == nullptr) std::filesystem::remove(path);
}

}  // namespace
}  // namespace goshawk::report

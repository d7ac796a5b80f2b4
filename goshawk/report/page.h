// A report as one HTML file: no script, no other files, light or dark as the reader's system is.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace goshawk::report {

/// `text` for HTML, between tags or in quoted attributes: valid UTF-8 without control characters, & < > " ' escaped.
std::string escape_html(std::string_view text);
/// "data:image/png;base64,..." of a PNG or JPEG file's bytes.
std::string data_uri(std::string_view image_bytes);

struct Picture {
  std::string bytes;    // a PNG or JPEG file
  std::string caption;  // also read aloud in place of the picture
};

/// Collects a page from top to bottom. All text is escaped. Not thread-safe.
class Page {
 public:
  /// `subtitle`: one line under the title, may be empty.
  explicit Page(std::string_view title, std::string_view subtitle = {});

  void section(std::string_view title);
  void paragraph(std::string_view text);
  /// Large figures side by side: {"images", "128"}.
  void key_figures(const std::vector<std::pair<std::string, std::string>>& figures);
  /// Columns whose cells are numbers are aligned to the right. Scrolls sideways on narrow screens.
  void table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows);
  /// One picture over the whole width.
  void figure(const Picture& picture);
  /// Pictures side by side, as many as fit when none is narrower than `least_width` (CSS pixels).
  void pictures(const std::vector<Picture>& pictures, int least_width = 240);

  std::string html() const;
  /// Writes atomically. Throws Error{kIo}.
  void write(const std::filesystem::path& path) const;

 private:
  std::string title_;
  std::string body_;
};

}  // namespace goshawk::report

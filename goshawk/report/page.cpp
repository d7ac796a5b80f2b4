#include "goshawk/report/page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

#include "goshawk/core/base64.h"
#include "goshawk/core/error.h"
#include "goshawk/core/files.h"
#include "goshawk/report/canvas.h"

namespace goshawk::report {
namespace {

constexpr std::string_view kStyle = R"(
:root{color-scheme:light dark;--ground:#fff;--panel:#f5f7f9;--ink:#22272e;--quiet:#666e78;--rule:#dde2e7;--accent:#0072b2}
@media(prefers-color-scheme:dark){:root{--ground:#15191e;--panel:#1e242b;--ink:#e4e8ec;--quiet:#98a2ad;--rule:#333c46;--accent:#56b4e9}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.5 system-ui,"DejaVu Sans",sans-serif}
main{max-width:1080px;margin:0 auto;padding:24px 20px 64px}
h1{font-size:1.7rem;line-height:1.2;margin:0 0 4px;overflow-wrap:anywhere}
h2{font-size:1.2rem;margin:40px 0 12px;padding-top:14px;border-top:1px solid var(--rule)}
.sub{color:var(--quiet);margin:0 0 20px;overflow-wrap:anywhere}
p{overflow-wrap:anywhere}
.keys{display:grid;grid-template-columns:repeat(auto-fit,minmax(130px,1fr));gap:12px;margin:16px 0}
.keys div{background:var(--panel);border-radius:8px;padding:12px 14px}
.keys b{display:block;font-size:1.5rem;line-height:1.25;color:var(--accent);font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
.keys span{color:var(--quiet);font-size:.85rem}
.scroll{overflow-x:auto;margin:12px 0}
table{border-collapse:collapse;font-size:.92rem;min-width:50%}
th{text-align:left;color:var(--quiet);font-weight:600}
th,td{padding:6px 14px 6px 0;border-bottom:1px solid var(--rule);vertical-align:top}
td{overflow-wrap:break-word}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
figure{margin:14px 0}
figure img{display:block;max-width:100%;height:auto;border-radius:6px;background:#fff}
figcaption{color:var(--quiet);font-size:.85rem;margin-top:6px;overflow-wrap:anywhere}
.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,var(--least)),1fr));gap:16px}
.grid figure{margin:0}.grid img{width:100%}
)";

bool is_number(std::string_view cell) {
  return cell.empty() || cell == "-" ||
         (cell.find_first_of("0123456789") != std::string_view::npos &&
          cell.find_first_not_of("0123456789.,+-%e ") == std::string_view::npos);
}

/// For HTML, as `escape_html`; a line may end behind a separator of a path or name, so that none is cut within a word.
std::string breakable(std::string_view text) {
  std::string html;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find_first_of("/_:", begin), text.size() - 1) + 1;
    html += escape_html(text.substr(begin, end - begin));
    if (end < text.size()) html += "<wbr>";
    begin = end;
  }
  return html;
}

std::string figure_html(const Picture& picture) {
  const std::string caption = escape_html(picture.caption);
  return fmt::format("<figure><img src=\"{}\" alt=\"{}\">{}</figure>\n", data_uri(picture.bytes), caption,
                     caption.empty() ? "" : "<figcaption>" + breakable(picture.caption) + "</figcaption>");
}

}  // namespace

std::string escape_html(std::string_view text) {
  std::string escaped;
  for (const char c : clean_text(text)) {
    if (c == '&') escaped += "&amp;";
    else if (c == '<') escaped += "&lt;";
    else if (c == '>') escaped += "&gt;";
    else if (c == '"') escaped += "&quot;";
    else if (c == '\'') escaped += "&#39;";
    else escaped += c;
  }
  return escaped;
}

std::string data_uri(std::string_view image_bytes) {
  const bool png = image_bytes.starts_with("\x89PNG");
  require(png || image_bytes.starts_with("\xFF\xD8"), "a report's pictures are PNG or JPEG files");
  return (png ? "data:image/png;base64," : "data:image/jpeg;base64,") + to_base64(image_bytes);
}

Page::Page(std::string_view title, std::string_view subtitle) : title_(escape_html(title)) {
  body_ = "<h1>" + title_ + "</h1>\n";
  if (!subtitle.empty()) body_ += "<p class=\"sub\">" + breakable(subtitle) + "</p>\n";
}

void Page::section(std::string_view title) { body_ += "<h2>" + escape_html(title) + "</h2>\n"; }

void Page::paragraph(std::string_view text) { body_ += "<p>" + escape_html(text) + "</p>\n"; }

void Page::key_figures(const std::vector<std::pair<std::string, std::string>>& figures) {
  body_ += "<div class=\"keys\">";
  for (const auto& [name, value] : figures) {
    body_ += "<div><b>" + escape_html(value) + "</b><span>" + escape_html(name) + "</span></div>";
  }
  body_ += "</div>\n";
}

void Page::table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows) {
  std::vector<bool> numbers(header.size(), !rows.empty());
  for (const auto& row : rows) {
    require(row.size() == header.size(), "a table's rows are as long as its header");
    for (std::size_t i = 0; i < row.size(); ++i) numbers[i] = numbers[i] && is_number(row[i]);
  }
  const auto add = [&](std::string_view tag, const std::vector<std::string>& cells) {
    body_ += "<tr>";
    for (std::size_t i = 0; i < cells.size(); ++i) {
      body_ += fmt::format("<{0}{1}>{2}</{0}>", tag, numbers[i] ? " class=\"n\"" : "", breakable(cells[i]));
    }
    body_ += "</tr>\n";
  };
  body_ += "<div class=\"scroll\"><table><thead>";
  add("th", header);
  body_ += "</thead><tbody>";
  for (const auto& row : rows) add("td", row);
  body_ += "</tbody></table></div>\n";
}

void Page::figure(const Picture& picture) { body_ += figure_html(picture); }

void Page::pictures(const std::vector<Picture>& pictures, int least_width) {
  body_ += fmt::format("<div class=\"grid\" style=\"--least:{}px\">\n", least_width);
  for (const auto& picture : pictures) body_ += figure_html(picture);
  body_ += "</div>\n";
}

std::string Page::html() const {
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta "
      "http-equiv=\"Content-Security-Policy\" "
      "content=\"default-src 'none'; img-src data:; style-src "
      "'unsafe-inline'\">\n<title>{}</title>\n<style>{}</style>\n</head>\n"
      "<body>\n<main>\n{}</main>\n</body>\n</html>\n",
      title_, kStyle, body_);
}

void Page::write(const std::filesystem::path& path) const { write_file_atomically(path, html()); }

}  // namespace goshawk::report

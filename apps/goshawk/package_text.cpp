#include "apps/goshawk/package_text.h"

#include <fmt/format.h>

#include <cctype>
#include <cstring>
#include <utility>

#include "goshawk/core/text.h"

namespace goshawk::cli {

extern const char* const kExampleProgram;  // examples/detect/main.cpp, made part of the program by CMake
extern const char* const kExampleBuild;    // its CMakeLists.txt

namespace {

/// `text` with each "{KEY}" replaced.
std::string filled(std::string text, const std::vector<std::pair<std::string, std::string>>& values) {
  for (const auto& [key, value] : values) {
    const std::string place = "{" + key + "}";
    for (auto at = text.find(place); at != std::string::npos; at = text.find(place, at + value.size())) {
      text.replace(at, place.size(), value);
    }
  }
  return text;
}

/// A word of a unit's command line: in quotes where it holds more than plain characters. Source: systemd.syntax(7)
/// "Quoting", systemd.unit(5) "Specifiers" for `%%`, systemd.service(5) "Command lines" for `$$`.
std::string unit_word(const std::string& text) {
  std::string word;
  bool plain = true;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    plain = plain && (std::isalnum(byte) != 0 || byte >= 0x80 || std::strchr("/._-+@:,=%", c) != nullptr);
    if (c == '%' || c == '$') word += std::string(2, c);
    else if (c == '"' || c == '\\') word += std::string("\\") + c;
    else if (byte < 0x20 || byte == 0x7F) word += fmt::format("\\x{:02x}", byte);
    else word += c;
  }
  return plain ? word : '"' + word + '"';
}

constexpr const char* kReadme = R"(# {NAME}

Object detection with goshawk, ready to be put on a machine.

| model | what it is | size | a picture | on | AP50-95 |
|---|---|---:|---:|---|---:|
{MODELS}
Time and accuracy are those of the machine that package_info.json names; `goshawk bench {FIRST}` measures here.

| file | what |
|---|---|
| recipes/ | how each model is used, in words: input, colours, boxes, thresholds |
| goshawk.yaml | the settings that were in force when the package was made |
| package_info.json | size and SHA-256 of every file; measured speed and accuracy, machine, versions, licences |
| example/ | a minimal C++ program that uses the library |
| systemd/ | a service that tracks a camera or stream |

Check on the machine it is for, which also replays the pictures that each model carries with their answers:

    goshawk package verify .

Use:

    goshawk track street.mp4 --config goshawk.yaml --model {FIRST}

The C++ program, with the sources of goshawk:

    cmake -S example -B build -DCMAKE_BUILD_TYPE=Release -DGOSHAWK_SOURCE=/path/to/goshawk
    cmake --build build --target detect
    build/detect {FIRST} street.jpg
)";

constexpr const char* kUnit = R"([Unit]
Description=goshawk {NAME}
After=network-online.target
Wants=network-online.target

[Service]
# Put the package into /opt/{NAME}, goshawk into /usr/local/bin, and name the camera or stream in /etc/default/{NAME}:
#   SOURCE=rtsp://camera/stream
EnvironmentFile=/etc/default/{NAME}
ExecStartPre=/usr/local/bin/goshawk package verify /opt/{NAME}
ExecStart=/usr/local/bin/goshawk track ${SOURCE} --config /opt/{NAME}/goshawk.yaml --model {MODEL} --project %S/{NAME}
StateDirectory={NAME}
CacheDirectory={NAME}
Environment=GOSHAWK_CACHE=%C/{NAME}
DynamicUser=yes
ProtectSystem=strict
ProtectHome=yes
NoNewPrivileges=yes
Restart=on-failure
RestartSec=5

[Install]
WantedBy=multi-user.target
)";

}  // namespace

std::string package_readme(const std::string& name, const std::vector<PackagedModel>& models) {
  std::string rows;
  for (const auto& model : models) {
    rows += "| " + model.file + " | " + model.network + " | " + model.size + " | " + model.time + " | " + model.device +
            " | " + model.accuracy + " |\n";
  }
  return filled(kReadme, {{"NAME", name}, {"MODELS", rows}, {"FIRST", shell_word(models.at(0).file)}});
}

std::string package_program() { return kExampleProgram; }

std::string package_cmake() { return kExampleBuild; }

std::string package_unit(const std::string& name, const std::string& model_file) {
  return filled(kUnit, {{"NAME", name}, {"MODEL", unit_word("/opt/" + name + "/" + model_file)}});
}

}  // namespace goshawk::cli

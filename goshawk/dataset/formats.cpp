#include "goshawk/dataset/formats.h"

#include <array>

namespace goshawk::dataset {
namespace {

struct FormatName {
  Format format;
  const char* name;
};

constexpr std::array kFormats{
    FormatName{Format::kYolo, "yolo"}, FormatName{Format::kCoco, "coco"},          FormatName{Format::kVoc, "voc"},
    FormatName{Format::kCvat, "cvat"}, FormatName{Format::kCvatYolo, "cvat-yolo"}, FormatName{Format::kLabelImg, "labelimg"},
    FormatName{Format::kMot, "mot"}};

}  // namespace

const char* name(Format format) {
  for (const auto& entry : kFormats) {
    if (entry.format == format) return entry.name;
  }
  return "unknown";
}

std::optional<Format> format_of(std::string_view name) {
  for (const auto& entry : kFormats) {
    if (entry.name == name) return entry.format;
  }
  return std::nullopt;
}

}  // namespace goshawk::dataset

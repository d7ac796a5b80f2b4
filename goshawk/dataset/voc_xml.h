// One Pascal VOC XML file: the labels of one image.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "goshawk/dataset/dataset.h"
#include "goshawk/dataset/not_kept.h"
#include "goshawk/dataset/problems.h"
#include "goshawk/dataset/xml_file.h"

namespace goshawk::dataset {

/// An object as the file has it. Corners are taken as written: x = xmin, width = xmax - xmin (docs/decisions/070).
struct VocObject {
  std::string name;
  Rectangle rectangle;    // pixels
  Attributes attributes;  // "pose" (unless Unspecified), "parts" ("head 1 2 3 4; hand 5 6 7 8"), and those of <attributes>
  std::uint32_t line = 0;
  bool difficult = false, truncated = false, occluded = false;
};

struct VocFile {
  std::string filename;                 // as written, from anywhere
  std::uint32_t width = 0, height = 0;  // 0: not said
  Attributes attributes;  // "verified", "segmented", "depth" (unless 3), "source.database", "owner.name" and their like
  std::vector<VocObject> objects;
};

/// Reads the file; objects that cannot be used are left out and listed under `file` with their line.
/// Throws XmlError when it is no XML, or not VOC's.
VocFile parse_voc(const XmlFile& xml, const std::string& file, const ReadLimits& limits, ProblemList& problems,
                  NotKept& not_kept);

/// The file's text. `folder` and VocFile::filename are written as they are.
std::string voc_text(const VocFile& voc, const std::string& folder);

/// True for the image attributes that `voc_text` writes.
bool is_voc_image_attribute(const std::string& name);

/// Makes the image as large as its objects reach: for images whose size nobody says, so that pixels stay pixels.
void size_from_objects(VocFile& voc);

}  // namespace goshawk::dataset

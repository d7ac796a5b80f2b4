// Many small pictures with their boxes on one sheet.
#pragma once

#include <opencv2/core/mat.hpp>
#include <span>
#include <string>
#include <vector>

#include "goshawk/core/geometry.h"

namespace goshawk::cli {

struct SheetBox {
  Box box;              // as fractions of the picture's width and height; what lies outside is cut off
  int class_index = 0;  // gives the colour, the same on every sheet
  std::string name;     // of the class, for the legend
  float score = -1;     // of a prediction, shown behind the name; -1: none
  bool crowd = false;   // dashed and hatched
};

struct SheetTile {
  cv::Mat picture;  // 8-bit BGR, as `fit_into_tile` gives it; empty: it could not be read
  std::string caption;
  std::vector<SheetBox> boxes;
};

struct SheetLayout {
  int columns = 4;
  cv::Size tile{360, 270};  // room for a picture; its caption is below
};

/// `image` as large as a tile allows, with its proportions; small ones are enlarged four times at most.
cv::Mat fit_into_tile(const cv::Mat& image, cv::Size tile);

/// The sheet: tiles row by row, and below them the classes on it with their colours and numbers of boxes. 8-bit BGR.
cv::Mat contact_sheet(std::span<const SheetTile> tiles, const SheetLayout& layout);

}  // namespace goshawk::cli

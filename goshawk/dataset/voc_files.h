// Many VOC files into one data set; shared by the VOC folder layout and LabelImg's.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "goshawk/dataset/dataset.h"
#include "goshawk/dataset/label_tree.h"
#include "goshawk/dataset/voc_xml.h"

namespace goshawk::dataset {

/// Names of classes in a fixed order, with their colours; those that turn up besides follow in alphabetical order.
using KnownClasses = std::vector<Category>;

/// Reads `tree.xml` on all cores, and puts images, classes and objects into `result`, images in the order of their label
/// files. `image_of(label file, <filename>)`: path of the image, which need not exist; nullopt: an unsafe one.
/// Files that cannot be read are listed and left out, and so are second labels of an image.
void read_voc_files(const LabelTree& tree, const KnownClasses& known,
                    const std::function<std::optional<std::string>(const std::string&, const std::string&)>& image_of,
                    const ReadLimits& limits, ReadResult& result);

/// Adds the images of the tree that have no labels and lie where labelled ones lie; not those whose labels were refused.
void add_unlabelled(const LabelTree& tree, const std::vector<std::string>& refused, Dataset& dataset);

/// Names without extension of the label files that no image came from.
std::vector<std::string> refused_stems(const LabelTree& tree, const Dataset& dataset);

/// True when all attributes of images are ones that VOC files hold.
bool has_voc_image_attributes_alone(const Dataset& dataset);

/// The objects of one image as VOC has them; image attributes that VOC does not know are left out.
VocFile voc_file_of(const Dataset& dataset, std::size_t image, std::size_t begin, std::size_t end);

}  // namespace goshawk::dataset

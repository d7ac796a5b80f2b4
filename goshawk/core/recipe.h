// How a detector's ONNX file is to be used: the plain value that detect/ reads, writes and acts on.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace goshawk {

/// Where boxes come from in the model's outputs. Each value is one decoder of detect/decode.h, which states its source.
enum class Family {
  kUnknown,
  kYoloV5,       // [N, anchors, 5 + classes]: cx cy w h objectness scores, input pixels (YOLOv5, YOLOv7, decoded YOLOX)
  kYoloV8,       // [N, 4 + classes, anchors]: cx cy w h scores, input pixels (Ultralytics v5u, v8, 9, 11, 12)
  kYoloEnd2End,  // [N, boxes, 6]: x1 y1 x2 y2 score class, input pixels (Ultralytics 26, v10, and exports with nms=True)
  kYolox,        // [N, anchors, 5 + classes]: grid offsets and log sizes, objectness, scores
  kNanoDet,      // [N, points, classes + 4 * bins]: scores and distance distributions; or one output pair a stride
  kDetr,         // logits [N, queries, classes (+1)] and boxes [N, queries, 4] cx cy w h in [0, 1] (DETR, RT-DETR), or both
                 // joined as [N, queries, 4 + classes] (Ultralytics RT-DETR)
  kDetections,   // separate boxes, scores and classes outputs, already suppressed (SSD, torchvision, RT-DETR exports)
  kYuNet,        // faces: cls, obj, bbox and kps outputs for strides 8, 16, 32
};

/// How an image is brought to the model's input size.
enum class Resize {
  kLetterboxCenter,   // keep the aspect ratio, pad both sides (Ultralytics)
  kLetterboxTopLeft,  // keep the aspect ratio, pad right and bottom (YOLOX)
  kStretch,           // each axis by itself (NanoDet demos, DETR, torchvision)
  kPadOnly,           // no scaling: pad right and bottom to a multiple of the stride (YuNet); an image that is larger than
                      // a fixed input is scaled as kLetterboxTopLeft does
};

enum class ColorOrder { kRgb, kBgr };
enum class Layout { kNchw, kNhwc };

/// What the four numbers of a box are (family kDetections).
enum class BoxFormat { kXyxy, kYxyx, kCxcywh };

/// What turns a raw class score into a probability (family kDetr).
enum class Activation {
  kNone,     // the model already did
  kSigmoid,  // each class by itself
  kSoftmax,  // over all classes and a last one that means "no object"
};

/// Everything that is needed to use a detector, with nothing left to guess. Stored in ONNX metadata as JSON
/// (key "goshawk.recipe") or written by hand as YAML; the fields' names are the keys. docs/recipe.md lists them.
struct Recipe {
  Family family = Family::kUnknown;
  std::vector<std::string> class_names;  // index = class_id
  int input_width = 640;                 // pixels
  int input_height = 640;
  bool dynamic_size = false;  // the model takes other heights and widths too (multiples of `stride`)
  int stride = 32;            // largest stride of the network
  Layout layout = Layout::kNchw;
  Resize resize = Resize::kLetterboxCenter;
  ColorOrder color = ColorOrder::kRgb;
  // Tensor value of a channel = (pixel - mean) / deviation, pixel in 0..255, in the tensor's channel order; key "std".
  std::array<float, 3> mean{0, 0, 0};
  std::array<float, 3> deviation{255, 255, 255};
  int pad_value = 114;       // 0..255
  float confidence = 0.25F;  // default threshold on the score
  float iou = 0.7F;          // default threshold of class-aware NMS; ignored where the model suppresses by itself
  int max_detections = 300;  // per image
  // Where outputs of one family differ.
  BoxFormat box_format = BoxFormat::kXyxy;    // kDetections
  bool normalized_boxes = false;              // kDetections: boxes in [0, 1] of the input instead of input pixels
  int first_class = 0;                        // kDetections: the label that class_names[0] has; 1 where 0 is background
  Activation activation = Activation::kNone;  // kDetr
  bool operator==(const Recipe&) const = default;
};

}  // namespace goshawk

// Output tensors of any size and content against every decoder: no crash, and boxes and scores that are finite.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "goshawk/core/error.h"
#include "goshawk/detect/decode.h"
#include "goshawk/detect/recipe_io.h"

namespace {

using namespace goshawk;          // NOLINT: a fuzzer
using namespace goshawk::detect;  // NOLINT

/// Takes numbers from the front of the input; zeros when it is used up.
class Bytes {
 public:
  Bytes(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
  unsigned byte() { return size_ == 0 ? 0 : (--size_, *data_++); }
  float number() {
    float value = 0;
    if (size_ < sizeof value) return static_cast<float>(byte()) / 255;
    std::memcpy(&value, data_, sizeof value);
    data_ += sizeof value;
    size_ -= sizeof value;
    return value;
  }
  bool empty() const { return size_ == 0; }

 private:
  const std::uint8_t* data_;
  std::size_t size_;
};

runtime::Tensor tensor_from(Bytes& bytes) {
  const unsigned rank = bytes.byte() % 5;
  std::vector<std::int64_t> shape;
  std::size_t count = 1;
  for (unsigned i = 0; i < rank; ++i) {
    shape.push_back(bytes.byte() % 24);
    count *= static_cast<std::size_t>(shape.back());
  }
  std::shared_ptr<float[]> values(new float[count]());
  for (std::size_t i = 0; i < count && !bytes.empty(); ++i) values[i] = bytes.number();
  return {shape, values};
}

constexpr Family kFamilies[] = {Family::kYoloV5,  Family::kYoloV8, Family::kYoloEnd2End, Family::kYolox,
                                Family::kNanoDet, Family::kDetr,   Family::kDetections,  Family::kYuNet};
constexpr const char* kNames[] = {"boxes", "scores", "labels", "pred_boxes", "logits", "num_dets", "cls_8", "output0"};

void decode_one(Bytes bytes) {
  Recipe recipe = family_defaults(kFamilies[bytes.byte() % 8]);
  recipe.class_names.assign(1 + bytes.byte() % 4, "x");
  recipe.activation = static_cast<Activation>(bytes.byte() % 3);
  recipe.box_format = static_cast<BoxFormat>(bytes.byte() % 3);
  recipe.first_class = static_cast<int>(bytes.byte() % 3);
  recipe.stride = bytes.byte() % 2 == 0 ? 32 : 64;
  const int width = 8 * static_cast<int>(1 + bytes.byte() % 8), height = 8 * static_cast<int>(1 + bytes.byte() % 8);
  std::vector<runtime::Tensor> outputs;
  std::vector<runtime::TensorInfo> infos;
  const unsigned count = 1 + bytes.byte() % 6;
  for (unsigned i = 0; i < count; ++i) {
    const std::string name = kNames[bytes.byte() % 8];
    outputs.push_back(tensor_from(bytes));
    // What the model said of itself need not be what it gives.
    infos.push_back({name, {}, bytes.byte() % 4 == 0 ? std::vector<std::int64_t>{-1, -1, -1} : outputs.back().shape});
  }
  std::vector<Candidate> candidates;
  Decoder::create(recipe, infos)->decode(outputs, bytes.byte() % 3, width, height, {0.1F, {}}, candidates);
  suppress(candidates, 0.5F, 100);
  for (const Candidate& c : candidates) {
    const bool finite = std::isfinite(c.score) && std::isfinite(c.box.x1) && std::isfinite(c.box.y2);
    require(finite && c.class_id >= 0 && c.class_id < static_cast<int>(recipe.class_names.size()), "a candidate is usable");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    decode_one({data, size});
  } catch (const goshawk::Error&) {
    // Outputs that do not fit the recipe.
  }
  return 0;
}

#include "goshawk/train/kept_batch.h"

#include <fmt/format.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "goshawk/train/safetensors.h"

namespace goshawk::train {

void keep_batch(const std::filesystem::path& path, const Batch& batch, const ImageStore& store) {
  StoredTensors content;
  StoredTensor pixels{StoredType::kUint8, {static_cast<std::int64_t>(batch.size()), batch.side, batch.side, 3}, {}};
  pixels.bytes.assign(batch.pixels.begin(), batch.pixels.end());
  content.tensors["pixels"] = std::move(pixels);
  std::vector<float> rows;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    for (const auto& o : batch.targets[i].objects) {
      rows.insert(rows.end(),
                  {static_cast<float>(i), static_cast<float>(o.class_id), o.box.x1, o.box.y1, o.box.x2, o.box.y2});
    }
    content.metadata[fmt::format("image{}", i)] = store.image(batch.images[i]).path.string();
  }
  StoredTensor boxes{StoredType::kFloat32, {static_cast<std::int64_t>(rows.size() / 6), 6}, {}};
  boxes.bytes.assign(reinterpret_cast<const char*>(rows.data()), rows.size() * sizeof(float));
  content.tensors["boxes"] = std::move(boxes);
  write_safetensors(path, content);
}

}  // namespace goshawk::train

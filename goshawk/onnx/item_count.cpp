#include "goshawk/onnx/item_count.h"

#include <google/protobuf/io/coded_stream.h>

#include <limits>

#include "goshawk/core/error.h"

namespace goshawk::onnx {
namespace {

using google::protobuf::io::CodedInputStream;

constexpr int kDeepest = 100;  // protobuf's own limit of messages within messages

/// Messages that hold what can be many. kLeaf: nothing in it becomes larger than it is in the file. kRare: nobody's
/// detectors have it, and it is taken for as many items as its bytes could make.
enum class Kind {
  kModel,
  kGraph,
  kNode,
  kAttribute,
  kTensor,
  kSparseTensor,
  kFunction,
  kValue,
  kType,
  kTensorType,
  kListType,
  kMapType,
  kShape,
  kLeaf,
  kRare
};

struct Part {
  Kind within;
  std::uint32_t field;
  Kind kind;
};
// Source: onnx.proto of ONNX 1.23.
constexpr Part kParts[] = {{Kind::kModel, 7, Kind::kGraph},
                           {Kind::kModel, 20, Kind::kRare},  // training
                           {Kind::kModel, 25, Kind::kFunction},
                           {Kind::kModel, 26, Kind::kRare},  // devices
                           {Kind::kGraph, 1, Kind::kNode},
                           {Kind::kGraph, 5, Kind::kTensor},
                           {Kind::kGraph, 11, Kind::kValue},
                           {Kind::kGraph, 12, Kind::kValue},
                           {Kind::kGraph, 13, Kind::kValue},
                           {Kind::kGraph, 14, Kind::kRare},  // quantization
                           {Kind::kGraph, 15, Kind::kSparseTensor},
                           {Kind::kNode, 5, Kind::kAttribute},
                           {Kind::kNode, 10, Kind::kRare},  // devices
                           {Kind::kFunction, 7, Kind::kNode},
                           {Kind::kFunction, 11, Kind::kAttribute},
                           {Kind::kFunction, 12, Kind::kValue},
                           {Kind::kAttribute, 5, Kind::kTensor},
                           {Kind::kAttribute, 6, Kind::kGraph},
                           {Kind::kAttribute, 10, Kind::kTensor},
                           {Kind::kAttribute, 11, Kind::kGraph},
                           {Kind::kAttribute, 14, Kind::kType},
                           {Kind::kAttribute, 15, Kind::kType},
                           {Kind::kAttribute, 22, Kind::kSparseTensor},
                           {Kind::kAttribute, 23, Kind::kSparseTensor},
                           {Kind::kSparseTensor, 1, Kind::kTensor},
                           {Kind::kSparseTensor, 2, Kind::kTensor},
                           {Kind::kValue, 2, Kind::kType},
                           {Kind::kType, 1, Kind::kTensorType},
                           {Kind::kType, 4, Kind::kListType},
                           {Kind::kType, 5, Kind::kMapType},
                           {Kind::kType, 8, Kind::kTensorType},
                           {Kind::kType, 9, Kind::kListType},
                           {Kind::kTensorType, 2, Kind::kShape},
                           {Kind::kListType, 1, Kind::kType},
                           {Kind::kMapType, 2, Kind::kType}};

Kind kind_of(Kind within, std::uint32_t field) {
  for (const auto& part : kParts) {
    if (part.within == within && part.field == field) return part.kind;
  }
  return Kind::kLeaf;
}

/// Lists of numbers that are packed into one field: bytes of memory for one byte of the file, at most.
struct Numbers {
  Kind within;
  std::uint32_t field;
  std::uint32_t growth;
};
constexpr Numbers kNumbers[] = {{Kind::kTensor, 1, 8},  {Kind::kTensor, 5, 4},    {Kind::kTensor, 7, 8},
                                {Kind::kTensor, 11, 8}, {Kind::kAttribute, 8, 8}, {Kind::kSparseTensor, 3, 8}};

class Counter {
 public:
  Counter(const std::string& where, const ReadLimits& limits) : where_(where), limits_(limits) {}

  void count(std::string_view bytes, Kind kind, int depth) {
    if (depth > kDeepest) refuse("its parts are nested too deeply");
    CodedInputStream stream(reinterpret_cast<const std::uint8_t*>(bytes.data()), static_cast<int>(bytes.size()));
    while (const std::uint32_t tag = stream.ReadTag()) {
      add(items_, limits_.items, "parts");
      const bool message = (tag & 7U) == 2;
      if (message) count_content(stream, bytes, kind, tag >> 3, depth);
      else if (!skip_number(stream, tag)) damaged();
    }
    if (!stream.ConsumedEntireMessage()) damaged();
  }

 private:
  [[noreturn]] void refuse(const std::string& why) const {
    throw Error(ErrorCode::kBadData, "the model cannot be used: " + why, where_);
  }
  [[noreturn]] void damaged() const { refuse("it is not an ONNX file, or is cut off"); }

  void add(std::size_t& counted, std::size_t most, const char* what, std::size_t more = 1) const {
    counted += more;
    if (counted > most) refuse("it has more than " + std::to_string(most) + " " + what);
  }

  void count_content(CodedInputStream& stream, std::string_view bytes, Kind within, std::uint32_t field, int depth) {
    std::uint32_t length = 0;
    if (!stream.ReadVarint32(&length)) damaged();
    const auto begin = static_cast<std::size_t>(stream.CurrentPosition());
    if (length > bytes.size() - begin || !stream.Skip(static_cast<int>(length))) damaged();
    const Kind kind = kind_of(within, field);
    if (kind == Kind::kNode) add(nodes_, limits_.nodes, "nodes");
    if (kind == Kind::kTensor && within == Kind::kGraph) add(constants_, limits_.constants, "constants");
    if (kind == Kind::kGraph && within == Kind::kModel && ++graphs_ > 1) refuse("it has two graphs");
    if (kind == Kind::kRare) add(items_, limits_.items, "parts", length / 2);
    else if (kind != Kind::kLeaf) count(bytes.substr(begin, length), kind, depth + 1);
    count_numbers(within, field, length);
  }

  void count_numbers(Kind within, std::uint32_t field, std::uint64_t length) {
    for (const auto& numbers : kNumbers) {
      if (numbers.within == within && numbers.field == field) number_bytes_ += numbers.growth * length;
    }
    if (number_bytes_ > limits_.bytes) {
      refuse("its numbers need more than " + std::to_string(limits_.bytes >> 20) + " MiB");
    }
  }

  static bool skip_number(CodedInputStream& stream, std::uint32_t tag) {
    std::uint64_t ignored = 0;
    std::uint32_t ignored32 = 0;
    switch (tag & 7U) {
      case 0:
        return stream.ReadVarint64(&ignored);
      case 1:
        return stream.ReadLittleEndian64(&ignored);
      case 5:
        return stream.ReadLittleEndian32(&ignored32);
      default:
        return false;  // groups, which ONNX does not have
    }
  }

  const std::string& where_;
  const ReadLimits& limits_;
  std::size_t items_ = 0, nodes_ = 0, constants_ = 0, graphs_ = 0;
  std::uint64_t number_bytes_ = 0;
};

}  // namespace

void check_item_counts(std::string_view bytes, const std::string& where, const ReadLimits& limits) {
  require(bytes.size() <= std::numeric_limits<int>::max(), "check_item_counts: bytes beyond 2 GiB");
  Counter(where, limits).count(bytes, Kind::kModel, 0);
}

}  // namespace goshawk::onnx

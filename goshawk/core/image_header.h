// What the headers of JPEG and TIFF say of a picture's size and orientation. One reader, so that labels and pixels are
// turned alike.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <vector>

namespace goshawk {

/// A file's bytes by place; what lies beyond its end reads as nothing.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /// True when all of `size` bytes at `offset` were read.
  virtual bool read(std::uint64_t offset, void* out, std::size_t size) = 0;

  /// An unsigned number of 1 to 4 bytes.
  std::optional<std::uint32_t> number(std::uint64_t offset, int size, bool big_endian);
  /// `text`: at most 16 bytes.
  bool starts_with(std::uint64_t offset, std::string_view text);
};

/// Does not own the bytes.
class MemoryBytes : public ByteSource {
 public:
  explicit MemoryBytes(std::string_view bytes) : bytes_(bytes) {}
  bool read(std::uint64_t offset, void* out, std::size_t size) override;

 private:
  std::string_view bytes_;
};

/// The first directory of a TIFF structure. Source: TIFF 6.0, section 2.
struct TiffDirectory {
  static constexpr std::uint64_t kEntrySize = 12;  // bytes
  struct Entry {
    std::uint32_t tag = 0;
    std::uint64_t offset = 0;            // of the entry itself, from the beginning of the file
    std::optional<std::uint32_t> value;  // of types SHORT and LONG: what stands in the entry, else nullopt
  };

  std::uint64_t offset = 0;  // of the number of entries, from the beginning of the file
  bool big_endian = false;
  std::vector<Entry> entries;  // at most 512, all within the file

  std::optional<std::uint32_t> value(std::uint32_t tag) const;
  /// EXIF Orientation (CIPA DC-008, tag 0x0112), 1..8; 1 where it is absent or another number.
  int orientation() const;
};

/// Of the structure in the bytes `begin` to `end`: a whole TIFF file, or what follows "Exif\0\0" in a JPEG. nullopt: none
/// there.
std::optional<TiffDirectory> read_tiff_directory(ByteSource& bytes, std::uint64_t begin = 0,
                                                 std::uint64_t end = std::numeric_limits<std::uint64_t>::max());

struct JpegHeader {
  std::uint32_t width = 0, height = 0;  // pixels, as stored; 0 where no frame header was found
  int orientation = 1;                  // of the first EXIF segment, 1..8; 1 where there is none or it is damaged
};

/// Reads the segments up to the first scan (at most 1,000) and passes over filling and stray bytes between them as libjpeg
/// does. Source: ITU-T T.81, annex B.
JpegHeader read_jpeg_header(ByteSource& bytes);

}  // namespace goshawk

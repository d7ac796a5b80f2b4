// What a source's text names, and what libav may touch for it.
#pragma once

#include <filesystem>
#include <string>

namespace goshawk::media {

enum class SourceKind {
  kDisk,    // a file, a folder or a glob
  kCamera,  // camera:N or /dev/videoN
  kHttp,    // http:// or https://, HLS included
  kRtsp,    // rtsp:// or rtsps://
};

/// Throws Error{kUsage} for a URL of another scheme, for an empty text, and for a camera that is no number.
SourceKind kind_of_source(const std::string& spec);

/// The device file of `camera:N`; a path is returned as it is. Throws Error{kUsage} when N is no number.
std::string camera_device(const std::string& spec);

/// Comma-separated names, as libav's options protocol_whitelist and format_whitelist take them. A disk file may only reach
/// `file` and containers that name no other file; a playlist of the network may only reach the network.
std::string allowed_protocols(SourceKind kind);
std::string allowed_formats(SourceKind kind);

/// What the first bytes of a file say. Sources: the formats' own signatures.
enum class ImageFormat { kNone, kJpeg, kPng, kWebp, kBmp, kTiff };
ImageFormat sniff_image(std::string_view first_bytes);

/// The first bytes of a regular file. Throws Error{kNotFound} when it is not there, not readable or no regular file (a pipe
/// would block), {kBadData} when it is empty.
std::string first_bytes(const std::filesystem::path& path);

}  // namespace goshawk::media

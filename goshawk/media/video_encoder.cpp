#include "goshawk/media/video_encoder.h"

extern "C" {
#include <libavutil/opt.h>
}

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "goshawk/core/error.h"
#include "goshawk/core/text.h"
#include "goshawk/media/libav_log.h"

namespace goshawk::media {
namespace {

constexpr AVRational kTimeBase{1, 90'000};  // exact for all usual frame rates, fine for any other

void check_preset(const std::string& preset) {
  static const std::vector<std::string> kPresets{"ultrafast", "superfast", "veryfast", "faster",   "fast",
                                                 "medium",    "slow",      "slower",   "veryslow", "placebo"};
  if (std::find(kPresets.begin(), kPresets.end(), preset) != kPresets.end()) return;
  throw Error(ErrorCode::kUsage, "unknown x264 preset '" + preset + "'" + did_you_mean(preset, kPresets), {},
              "presets go from ultrafast (the default) over veryfast and medium to placebo");
}

/// Bits a second that look about like x264's CRF `quality`: twice as many for six steps down.
std::int64_t bit_rate(const VideoWriterOptions& options) {
  const double pixels = static_cast<double>(options.width) * options.height * std::max(1.0, options.frame_rate);
  return std::llround(std::clamp(pixels * 0.1 * std::exp2((23 - options.quality) / 6.0), 100e3, 200e6));
}

/// Each encoder has its own words for quality.
void set_quality(AVCodecContext& codec, const std::string& encoder, const VideoWriterOptions& options) {
  if (encoder == "libx264") {
    av_opt_set(codec.priv_data, "preset", options.preset.c_str(), 0);
    av_opt_set(codec.priv_data, "crf", std::to_string(options.quality).c_str(), 0);
  } else if (encoder == "h264_nvenc") {
    av_opt_set(codec.priv_data, "rc", "vbr", 0);
    av_opt_set(codec.priv_data, "cq", std::to_string(options.quality).c_str(), 0);
  } else if (encoder == "mpeg4") {
    codec.flags |= AV_CODEC_FLAG_QSCALE;
    codec.global_quality = FF_QP2LAMBDA * std::clamp(2 + options.quality / 8, 2, 31);
  } else {
    codec.bit_rate = bit_rate(options);
  }
}

Av<AVCodecContext> try_encoder(const std::string& name, const VideoWriterOptions& options, int width, int height) {
  const AVCodec* encoder = avcodec_find_encoder_by_name(name.c_str());
  if (encoder == nullptr || encoder->type != AVMEDIA_TYPE_VIDEO) return nullptr;
  auto codec = new_codec_context(encoder);
  codec->width = width;
  codec->height = height;
  codec->pix_fmt = AV_PIX_FMT_YUV420P;
  codec->time_base = name == "mpeg4" ? AVRational{1, 60'000} : kTimeBase;  // MPEG-4 part 2 counts to 65,535 a second
  codec->framerate = av_d2q(options.frame_rate, 100'000);
  codec->color_range = AVCOL_RANGE_MPEG;
  codec->colorspace = AVCOL_SPC_BT709;
  codec->color_primaries = AVCOL_PRI_BT709;
  codec->color_trc = AVCOL_TRC_BT709;
  codec->chroma_sample_location = AVCHROMA_LOC_LEFT;
  codec->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
  codec->thread_count = options.threads;
  set_quality(*codec, name, options);
  return avcodec_open2(codec.get(), encoder, nullptr) < 0 ? nullptr : std::move(codec);
}

/// What --encoder takes.
std::vector<std::string> known_encoders() {
  auto names = encoders_of_build();
  names.insert(names.begin(), "auto");
  return names;
}

}  // namespace

const std::vector<std::string>& encoders_in_order() {
  static const std::vector<std::string> kEncoders{"libx264",     "h264_nvenc",   "h264_qsv", "h264_amf", "h264_videotoolbox",
                                                  "libopenh264", "h264_v4l2m2m", "h264_omx", "mpeg4"};
  return kEncoders;
}

std::vector<std::string> encoders_of_build() {
  std::vector<std::string> names;
  for (const auto& name : encoders_in_order()) {
    if (avcodec_find_encoder_by_name(name.c_str()) != nullptr) names.push_back(name);
  }
  return names;
}

Av<AVCodecContext> open_encoder(const VideoWriterOptions& options, int width, int height) {
  silence_libav();
  forget_libav_message();
  const bool any = options.encoder == "auto";
  if (any || options.encoder == "libx264") check_preset(options.preset);
  if (!any && avcodec_find_encoder_by_name(options.encoder.c_str()) == nullptr) {
    const auto known = known_encoders();
    throw Error(ErrorCode::kUnavailable,
                "this build of libav has no encoder '" + options.encoder + "'" + did_you_mean(options.encoder, known), {},
                fmt::format("it has {}", fmt::join(known, ", ")));
  }
  for (const auto& name : any ? encoders_in_order() : std::vector<std::string>{options.encoder}) {
    if (auto codec = try_encoder(name, options, width, height)) return codec;
  }
  std::string message = any ? "no video encoder starts" : "the video encoder " + options.encoder + " does not start";
  if (const auto said = last_libav_message(); !said.empty()) message += ": " + said;
  throw Error(ErrorCode::kUnavailable, message, {},
              fmt::format("this build of libav has {}", fmt::join(known_encoders(), ", ")));
}

}  // namespace goshawk::media

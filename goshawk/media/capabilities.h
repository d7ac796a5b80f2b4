// What this machine's libav can read and write, for `goshawk doctor`.
#pragma once

#include <string>
#include <vector>

namespace goshawk::media {

struct Capabilities {
  std::string version;                // of the FFmpeg that runs, for instance "5.1.9-0+deb12u1"
  std::string encoder;                // what `--encoder auto` takes here (it was opened to see); empty: none starts
  std::vector<std::string> encoders;  // those of the build that `auto` knows, best first; hardware ones may not start
  std::vector<std::string> decoders;  // of the usual video codecs, those that are there
  std::vector<std::string> streams;   // of rtsp, hls, https, http, those that are there
  std::vector<std::string> cameras;   // device files
};

/// Looks at libav and /dev; nothing is cached. Takes milliseconds.
Capabilities capabilities();

}  // namespace goshawk::media

// One file over HTTPS, resumed where it was cut, checked before it takes its final name.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>

namespace goshawk::cli {

struct DownloadRequest {
  std::string url;             // https; http only to this machine itself (loopback)
  std::filesystem::path path;  // final name; its folder is made. The part that is there lies in `path` + ".part"
  std::uint64_t size = 0;      // bytes, exactly; more are never taken from the server
  std::string sha256;          // 64 lower-case hexadecimal digits
  int attempts = 5;            // without any progress in between; answers such as 404 are not tried again
  std::chrono::milliseconds backoff{1000};  // before the second attempt; doubles each time, 30 s at most
  std::chrono::seconds connect_timeout{15};
  std::chrono::seconds stall_timeout{30};            // without a single byte
  std::function<void(std::uint64_t)> on_progress;    // bytes that are there so far
  std::function<void(const std::string&)> on_retry;  // one line on what went wrong
};

/// Fetches the file. Proxies come from the environment (https_proxy, no_proxy). At most 5 redirects, https only.
/// Throws Error{kUnavailable} (network, server), {kBadData} (wrong size or checksum: the part is deleted), {kIo} (disk),
/// {kUsage} (not https; the same file is being fetched by another process), {kInterrupted} (the part is kept for the next
/// call). Thread rule: any number of threads, on different paths.
void download(const DownloadRequest& request, std::stop_token stop = {});

}  // namespace goshawk::cli

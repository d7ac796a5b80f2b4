#include "apps/goshawk/download.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>

#include "goshawk/core/descriptor.h"
#include "goshawk/core/error.h"
#include "goshawk/core/files.h"

namespace goshawk::cli {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr int kMaxTransfers = 100;  // of one file: ends the story of a server that always cuts and never resumes

struct CurlDeleter {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};

/// libcurl wants to be initialised once a process.
void initialise_curl() {
  static const CURLcode kResult = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (kResult != CURLE_OK) throw Error(ErrorCode::kInternal, "libcurl does not start");
}

std::string host_of(const std::string& url, std::string& scheme) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parsed(curl_url(), curl_url_cleanup);
  if (!parsed || curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) return {};
  const auto part = [&](CURLUPart which) {
    char* text = nullptr;
    std::string result;
    if (curl_url_get(parsed.get(), which, &text, 0) == CURLUE_OK) result = text;
    curl_free(text);
    return result;
  };
  scheme = part(CURLUPART_SCHEME);
  return part(CURLUPART_HOST);
}

/// Protocols that may be used, as libcurl writes them. Throws for anything but https, and http to loopback.
const char* protocols_for(const std::string& url) {
  std::string scheme;
  const std::string host = host_of(url, scheme);
  if (scheme == "https" && !host.empty()) return "https";
  const bool loopback = host == "127.0.0.1" || host == "localhost" || host == "[::1]";
  if (scheme == "http" && loopback) return "http,https";
  throw Error(ErrorCode::kUsage, "models are fetched over https only", without_secrets(url));
}

/// The `.part` file, locked for as long as this lives.
class PartFile {
 public:
  explicit PartFile(fs::path path)
      : path_(std::move(path)), file_(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_APPEND, 0644)) {
    if (!file_.is_open()) fail("cannot write");
    if (::flock(file_.get(), LOCK_EX | LOCK_NB) == 0) return;
    throw Error(ErrorCode::kUsage, "another process is fetching this file", path_.string(), "wait until it is done");
  }
  ~PartFile() {
    struct stat status {};
    if (::fstat(file_.get(), &status) == 0 && status.st_size == 0) ::unlink(path_.c_str());  // nothing came: leave nothing
  }
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;

  const fs::path& path() const { return path_; }
  std::uint64_t size() const {
    struct stat status {};
    if (::fstat(file_.get(), &status) != 0) fail("cannot read");
    return static_cast<std::uint64_t>(status.st_size);
  }
  void clear() {
    if (::ftruncate(file_.get(), 0) != 0) fail("cannot write");
  }
  /// False when the disk refuses; `write_error` says why.
  bool append(const char* bytes, std::size_t count) {
    while (count > 0) {
      const ssize_t written = ::write(file_.get(), bytes, count);
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) {
        write_error = std::strerror(errno);
        return false;
      }
      bytes += written;
      count -= static_cast<std::size_t>(written);
    }
    return true;
  }

  std::string write_error;

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(ErrorCode::kIo, what + ": " + std::strerror(errno), path_.string());
  }

  fs::path path_;
  Descriptor file_;
};

/// State of one transfer that libcurl's callbacks see.
struct Transfer {
  const DownloadRequest& request;
  PartFile& part;
  std::stop_token stop;
  std::uint64_t there = 0;  // bytes in the part
  bool too_long = false;
  std::chrono::steady_clock::time_point last_byte = std::chrono::steady_clock::now();
  bool stalled = false;
};

std::size_t take_bytes(char* bytes, std::size_t, std::size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  if (transfer.there + count > transfer.request.size) {
    transfer.too_long = true;
    return 0;
  }
  if (!transfer.part.append(bytes, count)) return 0;
  transfer.there += count;
  transfer.last_byte = std::chrono::steady_clock::now();
  return count;
}

int look_up(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  auto& transfer = *static_cast<Transfer*>(user);
  if (transfer.request.on_progress) transfer.request.on_progress(transfer.there);
  // libcurl's own low-speed limit looks at an average over seconds; this one is exact.
  transfer.stalled = std::chrono::steady_clock::now() - transfer.last_byte > transfer.request.stall_timeout;
  return transfer.stop.stop_requested() || transfer.stalled ? 1 : 0;
}

[[noreturn]] void stopped(const DownloadRequest& request) {
  throw Error(ErrorCode::kInterrupted, "stopped", without_secrets(request.url), "the same command goes on from here");
}

void wait(std::chrono::milliseconds time, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any condition;
  std::unique_lock lock(mutex);
  condition.wait_for(lock, stop, time, [] { return false; });
}

/// How one transfer ended: nothing when all is there, else what went wrong in a way that may pass.
std::optional<std::string> transfer_once(const DownloadRequest& request, PartFile& part, const std::stop_token& stop) {
  const std::unique_ptr<CURL, CurlDeleter> handle(curl_easy_init());
  if (!handle) throw Error(ErrorCode::kInternal, "libcurl does not start");
  CURL* curl = handle.get();
  Transfer transfer{request, part, stop, part.size()};
  char message[CURL_ERROR_SIZE] = "";
  const char* protocols = protocols_for(request.url);
  curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, protocols);
  curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, protocols);
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 5L);
  curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "goshawk");
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, message);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, static_cast<long>(request.connect_timeout.count()));
  curl_easy_setopt(curl, CURLOPT_RESUME_FROM_LARGE, static_cast<curl_off_t>(transfer.there));
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_bytes);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, look_up);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &transfer);

  const CURLcode result = curl_easy_perform(curl);
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  const std::string where = without_secrets(request.url);
  if (stop.stop_requested()) stopped(request);
  if (transfer.stalled) return fmt::format("the server sent nothing for {} s", request.stall_timeout.count());
  if (!part.write_error.empty()) throw Error(ErrorCode::kIo, "cannot write: " + part.write_error, part.path().string());
  if (transfer.too_long) {
    part.clear();
    throw Error(ErrorCode::kBadData, fmt::format("the server sends more than the {} bytes expected", request.size), where);
  }
  if (result == CURLE_RANGE_ERROR || status == 416) {  // this server cannot go on in the middle
    part.clear();
    return "the server cannot resume, starting again";
  }
  if (status == 429 || status >= 500) return fmt::format("the server answers with HTTP status {}", status);
  if (result == CURLE_HTTP_RETURNED_ERROR) {
    throw Error(ErrorCode::kUnavailable, fmt::format("the server answers with HTTP status {}", status), where,
                status == 404 ? "the file has moved or is gone" : "");
  }
  const std::string reason = *message != '\0' ? message : curl_easy_strerror(result);
  switch (result) {
    case CURLE_OK:
      break;
    case CURLE_TOO_MANY_REDIRECTS:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
      throw Error(ErrorCode::kUnavailable, reason, where);
    default:
      return reason;
  }
  if (transfer.there < request.size) return fmt::format("the server sent {} of {} bytes", transfer.there, request.size);
  return std::nullopt;
}

void fetch_all(const DownloadRequest& request, PartFile& part, const std::stop_token& stop) {
  int tries = 0, all_tries = 0;
  auto backoff = request.backoff;
  while (part.size() < request.size) {
    const std::uint64_t before = part.size();
    const auto problem = transfer_once(request, part, stop);
    if (!problem) return;
    if (part.size() > before) {
      tries = 0;
      backoff = request.backoff;
    }
    if (++tries >= request.attempts || ++all_tries >= kMaxTransfers) {
      throw Error(ErrorCode::kUnavailable, *problem, without_secrets(request.url),
                  "check the network (and https_proxy), then run the same command: it goes on from where it stopped");
    }
    if (request.on_retry) request.on_retry(*problem);
    wait(backoff, stop);
    if (stop.stop_requested()) stopped(request);
    backoff = std::min<std::chrono::milliseconds>(backoff * 2, 30s);
  }
}

}  // namespace

void download(const DownloadRequest& request, std::stop_token stop) {
  require(request.size > 0 && request.sha256.size() == 64, "download: size and SHA-256 are known");
  protocols_for(request.url);
  initialise_curl();
  make_folder(request.path.parent_path());

  fs::path part_path = request.path;
  part_path += ".part";
  PartFile part(part_path);
  if (part.size() > request.size) part.clear();
  bool resumed = part.size() > 0;
  while (true) {
    fetch_all(request, part, stop);
    if (sha256_of_file(part_path) == request.sha256) break;
    part.clear();
    if (!resumed) {
      std::error_code ignored;
      fs::remove(part_path, ignored);
      throw Error(ErrorCode::kBadData, "the file that came is not the one expected: its SHA-256 differs",
                  without_secrets(request.url), "it was deleted; do not use this source");
    }
    resumed = false;  // the old part was of another file: once more from the start
  }
  rename_durably(part_path, request.path);
}

}  // namespace goshawk::cli

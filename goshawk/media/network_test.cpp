// Sources that do not answer, over loopback only.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <thread>

#include "goshawk/core/error.h"
#include "goshawk/media/source.h"
#include "goshawk/media/testing.h"

namespace goshawk::media {
namespace {

using testing::ffmpeg;
using testing::read_all;
using testing::read_bytes;
using testing::TemporaryFolder;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// Listens on 127.0.0.1 and hands each connection to `serve`, one at a time.
class LoopbackServer {
 public:
  explicit LoopbackServer(std::function<void(int)> serve) : serve_(std::move(serve)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(listener_, 8), 0);
    EXPECT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { accept_all(); });
  }
  ~LoopbackServer() {
    stopping_ = true;
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  LoopbackServer(const LoopbackServer&) = delete;
  LoopbackServer& operator=(const LoopbackServer&) = delete;
  std::string url(const std::string& scheme, const std::string& path) const {
    return scheme + "://127.0.0.1:" + std::to_string(port_) + path;
  }
  int connections() const { return connections_; }

 private:
  void accept_all() {
    while (!stopping_) {
      const int connection = ::accept(listener_, nullptr, nullptr);
      if (connection < 0) return;
      ++connections_;
      serve_(connection);
      ::close(connection);
    }
  }

  std::function<void(int)> serve_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<int> connections_{0};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

/// Waits until the peer is gone.
void say_nothing(int connection) {
  char bytes[512];
  while (::read(connection, bytes, sizeof bytes) > 0) {
  }
}

std::string request_path(int connection) {
  std::string request;
  char byte = 0;
  while (request.find("\r\n\r\n") == std::string::npos && ::read(connection, &byte, 1) == 1) request += byte;
  const auto from = request.find(' ') + 1;
  return request.substr(from, request.find(' ', from) - from);
}

void send_all(int connection, const std::string& bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    const auto sent = ::send(connection, bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL);
    if (sent <= 0) return;
    at += static_cast<std::size_t>(sent);
  }
}

void answer(int connection, const std::string& body, const std::string& type = "application/octet-stream") {
  send_all(connection, "HTTP/1.1 200 OK\r\nContent-Type: " + type + "\r\nContent-Length: " + std::to_string(body.size()) +
                           "\r\nConnection: close\r\n\r\n" + body);
}

struct Outcome {
  ErrorCode code;
  Clock::duration time;
};

Outcome outcome_of(const std::string& url, SourceOptions options, std::stop_token stop = {}) {
  const auto start = Clock::now();
  try {
    read_all(*open_source(url, options, std::move(stop)));
  } catch (const Error& error) {
    EXPECT_EQ(error.describe().find("secret"), std::string::npos) << error.describe();
    return {error.code(), Clock::now() - start};
  }
  ADD_FAILURE() << "no error for " << url;
  return {ErrorCode::kInternal, Clock::now() - start};
}

TEST(NetworkSource, ThatNeverAnswersEndsWithinTheTimeout) {
  const LoopbackServer server(say_nothing);
  SourceOptions options;
  options.timeout = 400ms;
  for (const std::string scheme : {"rtsp", "http"}) {
    const auto outcome = outcome_of(server.url(scheme, "/live?key=secret"), options);
    EXPECT_EQ(outcome.code, ErrorCode::kUnavailable) << scheme;
    EXPECT_LT(outcome.time, 2s) << scheme;
  }
}

TEST(NetworkSource, ThatNobodyServesIsUnavailable) {
  int port = 0;
  { port = std::stoi(LoopbackServer(say_nothing).url("x", "").substr(14)); }
  for (const std::string scheme : {"rtsp", "http"}) {
    EXPECT_EQ(outcome_of(scheme + "://127.0.0.1:" + std::to_string(port) + "/", {}).code, ErrorCode::kUnavailable);
  }
}

TEST(NetworkSource, CanBeStoppedWhileItWaits) {
  const LoopbackServer server(say_nothing);
  std::stop_source stop;
  std::jthread later([&] {
    std::this_thread::sleep_for(200ms);
    stop.request_stop();
  });
  const auto outcome = outcome_of(server.url("rtsp", "/live"), {}, stop.get_token());
  EXPECT_EQ(outcome.code, ErrorCode::kInterrupted);
  EXPECT_LT(outcome.time, 3s);
}

TEST(NetworkSource, ThatFallsSilentInTheMiddleIsUnavailable) {
  const TemporaryFolder folder;
  ffmpeg("-f lavfi -i testsrc2=size=160x90:rate=25:duration=4 -c:v libx264 -preset veryfast -pix_fmt yuv420p -g 10 -b:v 2M",
         folder / "a.ts");
  const auto bytes = read_bytes(folder / "a.ts");
  const LoopbackServer server([&](int connection) {
    request_path(connection);
    send_all(connection, "HTTP/1.1 200 OK\r\nContent-Type: video/mp2t\r\n\r\n" + bytes);
    say_nothing(connection);
  });
  SourceOptions options;
  options.timeout = 1500ms;
  auto source = open_source(server.url("http", "/a.ts"), options);
  EXPECT_TRUE(source->info().live);
  const auto start = Clock::now();
  std::size_t frames = 0;
  try {
    while (source->read()) ++frames;
    ADD_FAILURE() << "the silence was taken for an end";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnavailable) << error.describe();
  }
  EXPECT_GT(frames, 10U);
  EXPECT_LT(Clock::now() - start, 5s);
}

TEST(NetworkSource, ReadsAFileAndAPlaylist) {
  const TemporaryFolder folder;
  ffmpeg(
      "-f lavfi -i testsrc2=size=160x90:rate=25:duration=2 -c:v libx264 -preset veryfast -pix_fmt yuv420p -g 25 -f hls "
      "-hls_time 1 -hls_list_size 0",
      folder / "list.m3u8");
  const LoopbackServer server(
      [&](int connection) { answer(connection, read_bytes(folder.path() / request_path(connection).substr(1))); });
  EXPECT_EQ(read_all(*open_source(server.url("http", "/list.m3u8"))).size(), 50U);
  EXPECT_EQ(read_all(*open_source(server.url("HTTP", "/list0.ts"))).size(), 25U);
  EXPECT_FALSE(open_source(server.url("http", "/list.m3u8"))->info().live);
  EXPECT_FALSE(open_source(server.url("http", "/list0.ts"))->info().live) << "it has an end, though nobody can seek there";
}

TEST(NetworkSource, WithAPlaylistThatIsStillWrittenIsLiveWhateverItsServerCanDo) {
  const TemporaryFolder folder;
  ffmpeg(
      "-f lavfi -i testsrc2=size=160x90:rate=25:duration=4 -c:v libx264 -preset veryfast -pix_fmt yuv420p -g 25 -f hls "
      "-hls_time 1 -hls_list_size 0 -hls_flags omit_endlist",
      folder / "list.m3u8");
  for (const std::string ranges : {"", "Accept-Ranges: bytes\r\n"}) {
    const LoopbackServer server([&](int connection) {
      const auto body = read_bytes(folder.path() / request_path(connection).substr(1));
      send_all(connection, "HTTP/1.1 200 OK\r\n" + ranges + "Content-Length: " + std::to_string(body.size()) +
                               "\r\nConnection: close\r\n\r\n" + body);
    });
    EXPECT_TRUE(open_source(server.url("http", "/list.m3u8"))->info().live) << ranges;
  }
}

TEST(NetworkSource, MayNotReachTheDisk) {
  const TemporaryFolder folder;
  ffmpeg("-f lavfi -i testsrc2=size=160x90:rate=25:duration=1 -c:v libx264 -pix_fmt yuv420p", folder / "private.ts");
  const std::string list =
      "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://" + (folder / "private.ts").string() + "\n#EXT-X-ENDLIST\n";
  const LoopbackServer server([&](int connection) {
    request_path(connection);
    answer(connection, list, "application/vnd.apple.mpegurl");
  });
  outcome_of(server.url("http", "/list.m3u8"), {});
}

TEST(NetworkSource, IsNotReachedFromADisk) {
  const TemporaryFolder folder;
  const LoopbackServer server(say_nothing);
  testing::write_bytes(folder / "list.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n" + server.url("http", "/a.ts") +
                                                 "\n#EXT-X-ENDLIST\n");
  EXPECT_EQ(outcome_of(folder / "list.m3u8", {}).code, ErrorCode::kBadData);
  EXPECT_EQ(server.connections(), 0);
}

TEST(NetworkSource, WithoutThePageIsNotFound) {
  const LoopbackServer server([](int connection) {
    request_path(connection);
    send_all(connection, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  });
  EXPECT_EQ(outcome_of(server.url("http", "/a.mp4?token=secret"), {}).code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace goshawk::media

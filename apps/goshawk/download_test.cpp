#include "apps/goshawk/download.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <mutex>
#include <sstream>
#include <thread>

#include "goshawk/core/error.h"
#include "goshawk/core/files.h"
#include "goshawk/core/testing.h"

namespace goshawk::cli {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using testing::HasSubstr;

/// What the server does with one request: sends `bytes`, waits, closes.
struct Reply {
  std::string bytes;
  std::chrono::milliseconds silence{0};  // before closing; ends early with the server
};

/// A web server on loopback that answers each request with what `handler` says of its text and number.
class Server {
 public:
  using Handler = std::function<Reply(const std::string& request, int number)>;

  explicit Server(Handler handler)
      : handler_(std::move(handler)), socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    EXPECT_EQ(::bind(socket_, reinterpret_cast<const sockaddr*>(&address), length), 0);
    EXPECT_EQ(::listen(socket_, 8), 0);
    ::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~Server() {
    ending_ = true;
    ::shutdown(socket_, SHUT_RDWR);
    thread_.join();
    ::close(socket_);
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/model.onnx"; }
  std::vector<std::string> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  void serve() {
    while (!ending_) {
      const int connection = ::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC);
      if (connection < 0) return;
      std::string request;
      char buffer[4096];
      while (request.find("\r\n\r\n") == std::string::npos) {
        const auto count = ::recv(connection, buffer, sizeof buffer, 0);
        if (count <= 0) break;
        request.append(buffer, static_cast<std::size_t>(count));
      }
      int number = 0;
      {
        const std::lock_guard lock(mutex_);
        requests_.push_back(request);
        number = static_cast<int>(requests_.size());
      }
      const Reply reply = handler_(request, number);
      std::size_t sent = 0;
      while (sent < reply.bytes.size()) {
        const auto count = ::send(connection, reply.bytes.data() + sent, reply.bytes.size() - sent, MSG_NOSIGNAL);
        if (count <= 0) break;
        sent += static_cast<std::size_t>(count);
      }
      for (auto waited = 0ms; waited < reply.silence && !ending_; waited += 10ms) std::this_thread::sleep_for(10ms);
      ::close(connection);
    }
  }

  Handler handler_;
  int socket_;
  int port_ = 0;
  std::atomic<bool> ending_{false};
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;
  std::thread thread_;
};

std::string whole(const std::string& body, const std::string& status = "200 OK") {
  return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\nConnection: close\r\n\r\n" +
         body;
}

/// First byte that `request` asks for; 0 without a Range header.
std::size_t range_of(const std::string& request) {
  const auto at = request.find("Range: bytes=");
  return at == std::string::npos ? 0 : std::stoul(request.substr(at + 13));
}

/// The answer of a server that knows ranges.
std::string ranged(const std::string& body, const std::string& request) {
  const std::size_t from = range_of(request);
  if (from == 0) return whole(body);
  return "HTTP/1.1 206 Partial Content\r\nContent-Length: " + std::to_string(body.size() - from) +
         "\r\nContent-Range: bytes " + std::to_string(from) + "-" + std::to_string(body.size() - 1) + "/" +
         std::to_string(body.size()) + "\r\nConnection: close\r\n\r\n" + body.substr(from);
}

class DownloadTest : public testing::Test {
 protected:
  DownloadTest() {
    for (int i = 0; i < 300'001; ++i) body_ += static_cast<char>(i * 7 + i / 251);
  }

  DownloadRequest request_to(const std::string& url) const {
    DownloadRequest request;
    request.url = url;
    request.path = folder_ / "models/model.onnx";
    request.size = body_.size();
    request.sha256 = sha256_of_bytes(body_);
    request.attempts = 3;
    request.backoff = 1ms;
    request.stall_timeout = 1s;
    return request;
  }
  void leave_part(const std::string& bytes) const {
    fs::create_directories(folder_ / "models");
    std::ofstream(folder_ / "models/model.onnx.part", std::ios::binary) << bytes;
  }
  void expect_complete() const {
    EXPECT_EQ(read_file(folder_ / "models/model.onnx"), body_);
    EXPECT_FALSE(fs::exists(folder_ / "models/model.onnx.part"));
  }
  void expect_absent() const { EXPECT_FALSE(fs::exists(folder_ / "models/model.onnx")); }

  static Error failure(const DownloadRequest& request, std::stop_token stop = {}) {
    try {
      download(request, std::move(stop));
    } catch (const Error& error) {
      return error;
    }
    return {ErrorCode::kInternal, "no error"};
  }

  TemporaryFolder temporary_;
  fs::path folder_ = temporary_.path();
  std::string body_;
};

TEST_F(DownloadTest, FetchesChecksAndNamesTheFile) {
  const Server server([&](const std::string& request, int) { return Reply{ranged(body_, request)}; });
  std::uint64_t last = 0;
  auto request = request_to(server.url());
  request.on_progress = [&](std::uint64_t done) {
    EXPECT_GE(done, last);
    last = done;
  };
  download(request);
  expect_complete();
  EXPECT_EQ(server.requests().size(), 1U);
  EXPECT_GT(last, 0U);
}

TEST_F(DownloadTest, GoesOnWhereAnEarlierCallStopped) {
  leave_part(body_.substr(0, 123'456));
  const Server server([&](const std::string& request, int) { return Reply{ranged(body_, request)}; });
  download(request_to(server.url()));
  expect_complete();
  ASSERT_EQ(server.requests().size(), 1U);
  EXPECT_EQ(range_of(server.requests()[0]), 123'456U);
}

TEST_F(DownloadTest, StartsAgainWhenTheServerCannotResume) {
  leave_part(body_.substr(0, 123'456));
  const Server server([&](const std::string&, int) { return Reply{whole(body_)}; });
  download(request_to(server.url()));
  expect_complete();
}

TEST_F(DownloadTest, StartsAgainWhenTheServerRefusesTheRange) {
  leave_part(body_.substr(0, 123'456));
  const Server server([&](const std::string& request, int) {
    return Reply{range_of(request) > 0 ? whole("no", "416 Range Not Satisfiable") : whole(body_)};
  });
  download(request_to(server.url()));
  expect_complete();
}

TEST_F(DownloadTest, ACutConnectionIsResumed) {
  const Server server([&](const std::string& request, int number) {
    const std::string bytes = ranged(body_, request);
    return Reply{number < 4 ? bytes.substr(0, 70'000) : bytes};
  });
  int retries = 0;
  auto request = request_to(server.url());
  request.attempts = 2;  // counts attempts without progress only
  request.on_retry = [&](const std::string&) { ++retries; };
  download(request);
  expect_complete();
  EXPECT_EQ(retries, 3);
  EXPECT_GT(range_of(server.requests()[3]), range_of(server.requests()[2]));
}

TEST_F(DownloadTest, AWrongChecksumLeavesNothing) {
  std::string other = body_;
  other[1000] ^= 1;
  const Server server([&](const std::string& request, int) { return Reply{ranged(other, request)}; });
  const Error error = failure(request_to(server.url()));
  EXPECT_EQ(error.code(), ErrorCode::kBadData);
  EXPECT_THAT(error.what(), HasSubstr("SHA-256"));
  expect_absent();
  EXPECT_FALSE(fs::exists(folder_ / "models/model.onnx.part"));
}

TEST_F(DownloadTest, APartOfAnotherFileIsThrownAway) {
  leave_part(std::string(5000, 'x'));
  const Server server([&](const std::string& request, int) { return Reply{ranged(body_, request)}; });
  download(request_to(server.url()));
  expect_complete();
  EXPECT_EQ(server.requests().size(), 2U);
}

TEST_F(DownloadTest, APartThatIsWholeIsOnlyChecked) {
  leave_part(body_);
  download(request_to("http://127.0.0.1:9/nobody-listens"));
  expect_complete();
}

TEST_F(DownloadTest, NotFoundIsNotTriedAgain) {
  const Server server([&](const std::string&, int) { return Reply{whole("gone", "404 Not Found")}; });
  const Error error = failure(request_to(server.url()));
  EXPECT_EQ(error.code(), ErrorCode::kUnavailable);
  EXPECT_THAT(error.what(), HasSubstr("404"));
  EXPECT_EQ(server.requests().size(), 1U);
  expect_absent();
}

TEST_F(DownloadTest, ABusyServerIsAskedAgain) {
  const Server server([&](const std::string& request, int number) {
    return Reply{number < 3 ? whole("busy", "503 Service Unavailable") : ranged(body_, request)};
  });
  download(request_to(server.url()));
  expect_complete();
}

TEST_F(DownloadTest, GivesUpAfterTheAttemptsGiven) {
  const Server server([&](const std::string&, int) { return Reply{whole("busy", "503 Service Unavailable")}; });
  const Error error = failure(request_to(server.url()));
  EXPECT_EQ(error.code(), ErrorCode::kUnavailable);
  EXPECT_EQ(server.requests().size(), 3U);
}

TEST_F(DownloadTest, MoreBytesThanExpectedAreNotTaken) {
  const Server server([&](const std::string&, int) { return Reply{whole(body_ + "tail")}; });
  EXPECT_EQ(failure(request_to(server.url())).code(), ErrorCode::kBadData);
  expect_absent();
}

TEST_F(DownloadTest, AShortFileIsAnError) {
  const Server server([&](const std::string& request, int) {
    return Reply{range_of(request) > 0 ? whole("", "416 Range Not Satisfiable") : whole(body_.substr(0, 100))};
  });
  EXPECT_EQ(failure(request_to(server.url())).code(), ErrorCode::kUnavailable);
  expect_absent();
}

TEST_F(DownloadTest, ASilentServerIsLeft) {
  const Server server([&](const std::string&, int) { return Reply{whole(body_).substr(0, 50'000), 20s}; });
  auto request = request_to(server.url());
  request.attempts = 1;
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(failure(request).code(), ErrorCode::kUnavailable);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 8s);
  expect_absent();
}

TEST_F(DownloadTest, StoppingKeepsThePart) {
  const Server server([&](const std::string&, int) { return Reply{whole(body_).substr(0, 50'000), 20s}; });
  std::stop_source stop;
  auto request = request_to(server.url());
  request.stall_timeout = 30s;
  request.on_progress = [&](std::uint64_t done) {
    if (done > 40'000) stop.request_stop();
  };
  EXPECT_EQ(failure(request, stop.get_token()).code(), ErrorCode::kInterrupted);
  EXPECT_GT(fs::file_size(folder_ / "models/model.onnx.part"), 40'000U);
  expect_absent();
}

TEST_F(DownloadTest, NobodyListening) {
  const Error error = failure(request_to("http://127.0.0.1:9/model.onnx"));
  EXPECT_EQ(error.code(), ErrorCode::kUnavailable);
  EXPECT_TRUE(fs::is_empty(folder_ / "models"));
}

TEST_F(DownloadTest, RedirectsAreFollowedButNotForever) {
  const Server server([&](const std::string& request, int) {
    if (request.starts_with("GET /model.onnx ")) {
      return Reply{"HTTP/1.1 302 Found\r\nLocation: /real\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"};
    }
    return Reply{ranged(body_, request)};
  });
  download(request_to(server.url()));
  expect_complete();
  const Server loop([&](const std::string&, int) {
    return Reply{"HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"};
  });
  fs::remove(folder_ / "models/model.onnx");
  EXPECT_EQ(failure(request_to(loop.url())).code(), ErrorCode::kUnavailable);
  EXPECT_LE(loop.requests().size(), 6U);
}

TEST_F(DownloadTest, ARedirectToAnotherProtocolIsRefused) {
  write_file_atomically(folder_ / "secret", body_);
  const Server server([&](const std::string&, int) {
    return Reply{"HTTP/1.1 302 Found\r\nLocation: file://" + (folder_ / "secret").string() +
                 "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"};
  });
  EXPECT_EQ(failure(request_to(server.url())).code(), ErrorCode::kUnavailable);
  expect_absent();
}

TEST_F(DownloadTest, OnlyHttpsLeavesThisMachine) {
  for (const char* url : {"http://example.com/model.onnx", "ftp://127.0.0.1/model.onnx", "file:///etc/passwd", "model.onnx",
                          "http://127.0.0.1.example.com/x", "http://user@example.com/x", ""}) {
    EXPECT_EQ(failure(request_to(url)).code(), ErrorCode::kUsage) << url;
  }
}

TEST_F(DownloadTest, OneProcessAtATime) {
  leave_part("");
  const int other = ::open((folder_ / "models/model.onnx.part").c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_EQ(::flock(other, LOCK_EX), 0);
  EXPECT_EQ(failure(request_to("http://127.0.0.1:9/model.onnx")).code(), ErrorCode::kUsage);
  ::close(other);
}

TEST_F(DownloadTest, AFolderThatCannotBeMadeIsAnIoError) {
  std::ofstream(folder_ / "models") << "a file";
  EXPECT_EQ(failure(request_to("http://127.0.0.1:9/model.onnx")).code(), ErrorCode::kIo);
}

}  // namespace
}  // namespace goshawk::cli

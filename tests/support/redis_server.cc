#include "tests/support/redis_server.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/support/eventually.h"
#include "tests/support/free_port.h"

namespace yikou::test {
namespace {

constexpr absl::Duration kStartBound = absl::Seconds(10);
constexpr absl::Duration kStopBound = absl::Seconds(10);

void RequireInPath(const std::string& program) {
  const char* path = std::getenv("PATH");
  for (const absl::string_view dir : absl::StrSplit(path != nullptr ? path : "", ':')) {
    if (access(absl::StrCat(dir, "/", program).c_str(), X_OK) == 0) return;
  }
  throw std::runtime_error(
      absl::StrCat(program, " is not in PATH; install it (apt-get install ", program, ")"));
}

// Returns a socket connected to the path, or -1.
int ConnectTo(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    throw std::runtime_error(absl::StrCat(path, " is too long for a socket; set TMPDIR to /tmp"));
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval timeout = {2, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0) return fd;
  close(fd);
  return -1;
}

}  // namespace

RedisServer::RedisServer(std::vector<std::string> extra_args)
    : extra_args_(std::move(extra_args)), port_(0), unix_socket_(dir_.File("redis.sock")) {
  RequireInPath("redis-server");
  // Somebody else may take the port between our look and the server's.
  for (int i = 0; i < 5; ++i) {
    port_ = FreePort();
    if (TryStart()) return;
  }
  throw std::runtime_error(absl::StrCat("redis-server does not start: ", process_->Output()));
}

bool RedisServer::TryStart() {
  std::vector<std::string> args = {"redis-server", "--port", std::to_string(port_),
                                   "--bind",       host(),   "--unixsocket",
                                   unix_socket_,   "--dir",  dir_.path(),
                                   "--appendonly", "yes",    "--appendfsync",
                                   "everysec",     "--save", "",
                                   "--daemonize",  "no"};
  args.insert(args.end(), extra_args_.begin(), extra_args_.end());
  process_ = std::make_unique<Process>(std::move(args), dir_.File("redis.log"));
  // Asked over the socket in our directory, which nobody else's server has; it is opened after the
  // port. A server with a password is ready when it asks for it.
  std::string answer;
  Eventually(kStartBound, [&] {
    answer = Command("PING");
    return answer == "+PONG" || absl::StartsWith(answer, "-NOAUTH") || !process_->Running();
  });
  return answer == "+PONG" || absl::StartsWith(answer, "-NOAUTH");
}

void RedisServer::Start() {
  if (process_->Running()) return;
  if (!TryStart()) {
    throw std::runtime_error(absl::StrCat("redis-server does not start: ", process_->Output()));
  }
}

void RedisServer::Stop() {
  process_->Kill(SIGTERM);
  if (!process_->WaitFor(kStopBound)) throw std::runtime_error("redis-server does not stop");
}

void RedisServer::KillHard() {
  process_->Kill(SIGKILL);
  process_->Wait();
}

void RedisServer::Signal(int signal) { process_->Kill(signal); }

void RedisServer::FlushAll() {
  const std::string answer = Command("FLUSHALL");
  if (answer != "+OK") throw std::runtime_error(absl::StrCat("FLUSHALL said: ", answer));
}

std::string RedisServer::Command(absl::string_view words) const {
  const int fd = ConnectTo(unix_socket_);
  if (fd < 0) return "";
  const std::string line = absl::StrCat(words, "\r\n");
  std::string reply;
  if (send(fd, line.data(), line.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(line.size())) {
    char byte;
    while (recv(fd, &byte, 1, 0) == 1 && byte != '\r') reply.push_back(byte);
  }
  close(fd);
  return reply;
}

}  // namespace yikou::test

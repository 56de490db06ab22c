#include "libs/rpc/acceptor.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/log.h"
#include "libs/base/status.h"

namespace yikou::rpc {
namespace {

constexpr int kPollMillis = 100;
constexpr int kOwnDescriptors = 128;  // store, Redis, logs, gRPC's own
constexpr int kAcceptsPerStep = 256;  // then Stop and the look-through get their turn
constexpr auto kLookInterval = std::chrono::seconds(1);
// At the cap each refusal would look through all connections; a flood must not make that costly.
constexpr auto kLeastLookInterval = std::chrono::milliseconds(10);

using AddressInfo = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

absl::StatusOr<AddressInfo> Resolve(const std::string& address) {
  const size_t colon = address.rfind(':');
  std::string host = address.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  addrinfo hints = {};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (colon == std::string::npos || host.empty() ||
      getaddrinfo(host.c_str(), address.c_str() + colon + 1, &hints, &found) != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("The address \"", address, "\" is not <numeric host>:<port>."));
  }
  return AddressInfo(found, &freeaddrinfo);
}

// Binds and listens; -1 with errno.
int ListenOn(const addrinfo& address) {
  const int fd = socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, address.ai_addr, address.ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0) return fd;
  const int why = errno;
  close(fd);
  errno = why;
  return -1;
}

int PortOf(int fd) {
  sockaddr_storage address = {};
  socklen_t size = sizeof address;
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  // The port stands at the same place for IPv4 and IPv6.
  return ntohs(reinterpret_cast<const sockaddr_in*>(&address)->sin_port);
}

ino_t InodeOf(int fd) {
  struct stat info = {};
  return fstat(fd, &info) == 0 && S_ISSOCK(info.st_mode) ? info.st_ino : 0;
}

int AffordableConnections(const Acceptor::Options& options) {
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
    return options.max_connections;
  }
  const int descriptors = static_cast<int>(std::min<rlim_t>(limit.rlim_cur, 1 << 20));
  const int affordable = std::max(descriptors - kOwnDescriptors, descriptors / 2);
  if (affordable >= options.max_connections) return options.max_connections;
  base::LogWarning("rpc.connections_lowered", {{"server", options.name},
                                               {"wanted", absl::StrCat(options.max_connections)},
                                               {"max", absl::StrCat(affordable)},
                                               {"descriptors", absl::StrCat(descriptors)}});
  return affordable;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Acceptor>> Acceptor::Listen(Options options,
                                                           telemetry::Metrics* metrics) {
  YK_ASSIGN_OR_RETURN(const AddressInfo address, Resolve(options.address));
  const int fd = ListenOn(*address);
  if (fd < 0) {
    return absl::UnavailableError(
        absl::StrCat("The address ", options.address, " cannot be bound: ", strerror(errno)));
  }
  options.max_connections = AffordableConnections(options);
  return std::unique_ptr<Acceptor>(new Acceptor(std::move(options), metrics, fd, PortOf(fd)));
}

Acceptor::Acceptor(Options options, telemetry::Metrics* metrics, int listen_fd, int port)
    : options_(std::move(options)), metrics_(metrics), listen_fd_(listen_fd), port_(port) {
  OpenReserve();
}

Acceptor::~Acceptor() {
  Stop();
  if (reserve_fd_ >= 0) close(reserve_fd_);
}

void Acceptor::Start(base::Executor* executor, std::function<void(int fd)> take) {
  take_ = std::move(take);
  looked_through_ = std::chrono::steady_clock::now();
  loop_ = executor->StartLoop("accept-" + options_.name, [this] { return Step(); });
}

void Acceptor::Stop() {
  loop_.reset();
  if (listen_fd_ >= 0) close(listen_fd_);
  listen_fd_ = -1;
}

absl::Duration Acceptor::Step() {
  pollfd waiting = {listen_fd_, POLLIN, 0};
  const int ready = poll(&waiting, 1, kPollMillis);
  if (std::chrono::steady_clock::now() - looked_through_ >= kLookInterval) ForgetClosed();
  if (ready <= 0) return absl::ZeroDuration();
  for (int i = 0; i < kAcceptsPerStep; ++i) {
    if (!AcceptOne()) break;
  }
  return absl::ZeroDuration();
}

// False when nobody waits any more, or nobody can be served now.
bool Acceptor::AcceptOne() {
  const int fd = accept4(listen_fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd >= 0) {
    if (static_cast<int>(connections_.size()) >= options_.max_connections &&
        std::chrono::steady_clock::now() - looked_through_ >= kLeastLookInterval) {
      ForgetClosed();
    }
    if (static_cast<int>(connections_.size()) >= options_.max_connections) {
      Refuse(fd);
    } else {
      Take(fd);
    }
    return true;
  }
  if (errno == EMFILE || errno == ENFILE) return RefuseWithReserve();
  // A caller that gave up while it waited, or a network error that belongs to it, is not our end.
  return errno != EAGAIN && errno != EWOULDBLOCK && errno != EBADF && errno != EINVAL;
}

// Without a free descriptor the waiting caller could not even be refused, and poll() would report
// it for ever: give up the reserve for a moment.
bool Acceptor::RefuseWithReserve() {
  if (reserve_fd_ < 0) {
    poll(nullptr, 0, kPollMillis);  // nothing to be done but not to spin
    OpenReserve();
    return false;
  }
  close(reserve_fd_);
  const int fd = accept4(listen_fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd >= 0) Refuse(fd);
  OpenReserve();
  return fd >= 0;
}

void Acceptor::Refuse(int fd) {
  // A reset leaves no socket in TIME_WAIT behind, of which a flood would make thousands.
  const linger now = {1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close(fd);
  metrics_->Add(telemetry::kConnectionsRefused, {options_.name});
}

void Acceptor::Take(int fd) {
  // gRPC sets this on the sockets it accepts itself, but not on those it is given.
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  connections_.push_back({fd, InodeOf(fd)});
  open_count_ = static_cast<int>(connections_.size());
  metrics_->Set(telemetry::kConnections, {options_.name}, open_count_);
  take_(fd);
}

void Acceptor::ForgetClosed() {
  looked_through_ = std::chrono::steady_clock::now();
  connections_.erase(std::remove_if(connections_.begin(), connections_.end(),
                                    [](const Connection& connection) {
                                      return InodeOf(connection.fd) != connection.inode;
                                    }),
                     connections_.end());
  open_count_ = static_cast<int>(connections_.size());
  metrics_->Set(telemetry::kConnections, {options_.name}, open_count_);
}

void Acceptor::OpenReserve() { reserve_fd_ = open("/dev/null", O_RDONLY | O_CLOEXEC); }

}  // namespace yikou::rpc

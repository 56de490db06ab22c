#include "tests/support/fault_proxy.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <deque>
#include <future>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

namespace yikou::test {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr size_t kMostHeld = 1 << 20;  // bytes held in one direction before its sender must wait

struct Faults {
  std::array<absl::Duration, 2> delay = {};
  std::array<std::optional<size_t>, 2> cut_after;
  bool refuse = false;
  bool half_open = false;
};

// One direction of one connection.
struct Pipe {
  struct Chunk {
    SteadyClock::time_point due;
    std::string bytes;
  };
  int from = -1;
  int to = -1;
  std::deque<Chunk> chunks;
  size_t held = 0;
  bool ended = false;   // `from` sends nothing more
  bool closed = false;  // and `to` has been told

  bool Due(SteadyClock::time_point now) const { return !chunks.empty() && chunks[0].due <= now; }
};

struct Connection {
  std::string source;
  std::array<Pipe, 2> pipes;  // by Way
  bool swallowed = false;
  bool broken = false;
};

sockaddr_in Loopback(int port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

void CloseWithReset(int fd) {
  const linger at_once = {1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  close(fd);
}

}  // namespace

struct FaultProxy::Impl {
  int listener = -1;
  int wake = -1;
  int target = 0;
  size_t accepted = 0;
  std::map<std::string, Faults> faults;  // by source; "" is everybody
  std::list<Connection> connections;
  std::mutex mutex;
  std::deque<std::function<void()>> work;  // guarded by mutex
  bool stop = false;                       // set on the proxy's thread

  void Run();
  int Poll(std::vector<pollfd>* fds);
  void RunWork();
  void Accept();
  void Read(Connection& connection, Way way);
  void Write(Connection& connection, Way way);
  void Sweep();
  Faults& FaultsOf(const std::string& source) {
    const auto own = faults.find(source);
    return own != faults.end() ? own->second : faults[""];
  }
  // Breaks the connections of one source, or all of them.
  void Break(const std::string& source) {
    for (Connection& connection : connections) {
      connection.broken |= source.empty() || connection.source == source;
    }
  }
  Faults& FaultsFor(absl::string_view source) { return faults[std::string(source)]; }
};

FaultProxy::FaultProxy(int target_port) : impl_(std::make_unique<Impl>()) {
  impl_->target = target_port;
  impl_->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  impl_->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof(address);
  if (bind(impl_->listener, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      listen(impl_->listener, 128) != 0 ||
      getsockname(impl_->listener, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw std::runtime_error("the fault proxy finds no free port");
  }
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { impl_->Run(); });
}

FaultProxy::~FaultProxy() {
  Do([this] { impl_->stop = true; });
  thread_.join();
  impl_->Break("");
  impl_->Sweep();
  close(impl_->listener);
  close(impl_->wake);
}

void FaultProxy::Do(std::function<void()> work) {
  std::promise<void> done;
  {
    std::lock_guard<std::mutex> lock(impl_->mutex);
    impl_->work.push_back([&] {
      work();
      done.set_value();
    });
  }
  eventfd_write(impl_->wake, 1);
  done.get_future().wait();
}

void FaultProxy::ForwardTo(int target_port) {
  Do([&] { impl_->target = target_port; });
}

void FaultProxy::Delay(Way way, absl::Duration by, absl::string_view source) {
  Do([&] { impl_->FaultsFor(source).delay[way] = by; });
}

void FaultProxy::Cut(absl::string_view source) {
  Do([&] {
    impl_->Break(std::string(source));
    impl_->Sweep();
  });
}

void FaultProxy::Refuse(absl::string_view source) {
  Do([&] {
    impl_->FaultsFor(source).refuse = true;
    impl_->Break(std::string(source));
    impl_->Sweep();
  });
}

void FaultProxy::HalfOpen(absl::string_view source) {
  Do([&] { impl_->FaultsFor(source).half_open = true; });
}

void FaultProxy::CutAfter(Way way, size_t bytes, absl::string_view source) {
  Do([&] { impl_->FaultsFor(source).cut_after[way] = bytes; });
}

void FaultProxy::Heal() {
  Do([&] {
    impl_->faults.clear();
    for (Connection& connection : impl_->connections) connection.broken |= connection.swallowed;
    impl_->Sweep();
  });
}

size_t FaultProxy::open() {
  size_t count = 0;
  Do([&] { count = impl_->connections.size(); });
  return count;
}

size_t FaultProxy::accepted() {
  size_t count = 0;
  Do([&] { count = impl_->accepted; });
  return count;
}

void FaultProxy::Impl::RunWork() {
  eventfd_t ignored;
  eventfd_read(wake, &ignored);
  std::deque<std::function<void()>> now;
  {
    std::lock_guard<std::mutex> lock(mutex);
    now.swap(work);
  }
  for (const auto& piece : now) piece();
}

// Fills `fds`: wake, listener, then both ends of every connection (client, server). Returns how
// many milliseconds the next delayed bytes are away; -1 when there are none.
int FaultProxy::Impl::Poll(std::vector<pollfd>* fds) {
  *fds = {{wake, POLLIN, 0}, {listener, POLLIN, 0}};
  const auto now = SteadyClock::now();
  auto next = SteadyClock::time_point::max();
  for (const Connection& connection : connections) {
    short events[2] = {0, 0};  // of client, of server
    for (const Way way : {kToServer, kToClient}) {
      const Pipe& pipe = connection.pipes[way];
      if (!pipe.ended && pipe.held < kMostHeld) events[way] |= POLLIN;
      if (pipe.Due(now)) events[1 - way] |= POLLOUT;
      if (!pipe.chunks.empty() && !pipe.Due(now)) next = std::min(next, pipe.chunks[0].due);
    }
    // poll ignores a negative descriptor; with no events it would spin on a peer that hung up.
    fds->push_back({events[0] != 0 ? connection.pipes[kToServer].from : -1, events[0], 0});
    fds->push_back({events[1] != 0 ? connection.pipes[kToServer].to : -1, events[1], 0});
  }
  if (next == SteadyClock::time_point::max()) return -1;
  return static_cast<int>(
      std::chrono::ceil<std::chrono::milliseconds>(std::max(next - now, SteadyClock::duration(0)))
          .count());
}

void FaultProxy::Impl::Run() {
  std::vector<pollfd> fds;
  while (!stop) {
    const int timeout = Poll(&fds);
    if (poll(fds.data(), fds.size(), timeout) < 0 && errno != EINTR) return;
    size_t at = 2;
    for (Connection& connection : connections) {
      const short client = fds[at].revents;
      const short server = fds[at + 1].revents;
      at += 2;
      if (client & (POLLIN | POLLHUP | POLLERR)) Read(connection, kToServer);
      if (server & (POLLIN | POLLHUP | POLLERR)) Read(connection, kToClient);
      if (!connection.broken) Write(connection, kToServer);
      if (!connection.broken) Write(connection, kToClient);
    }
    Sweep();
    if (fds[1].revents != 0) Accept();
    if (fds[0].revents != 0) RunWork();
  }
}

void FaultProxy::Impl::Accept() {
  sockaddr_in peer = {};
  socklen_t size = sizeof(peer);
  const int client =
      accept4(listener, reinterpret_cast<sockaddr*>(&peer), &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (client < 0) return;
  ++accepted;
  Connection connection;
  connection.source = inet_ntoa(peer.sin_addr);
  const Faults own = FaultsOf(connection.source);
  connection.swallowed = own.half_open;
  int server = -1;
  if (!own.refuse && !own.half_open && target != 0) {
    // On the loopback a connect succeeds or fails at once.
    server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = Loopback(target);
    if (connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
      close(server);
      server = -1;
    }
  }
  if (server < 0 && !own.half_open) {
    CloseWithReset(client);
    return;
  }
  connection.pipes[kToServer].from = connection.pipes[kToClient].to = client;
  connection.pipes[kToServer].to = connection.pipes[kToClient].from = server;
  connections.push_back(std::move(connection));
}

void FaultProxy::Impl::Read(Connection& connection, Way way) {
  Pipe& pipe = connection.pipes[way];
  if (pipe.ended || connection.broken) return;
  Faults& own = FaultsOf(connection.source);
  char buffer[65536];
  const ssize_t got = recv(pipe.from, buffer, sizeof(buffer), MSG_DONTWAIT);
  if (got < 0) {
    connection.broken = errno != EAGAIN && errno != EINTR;
    return;
  }
  if (own.half_open) {
    connection.swallowed = true;
    pipe.ended = pipe.closed = got == 0;
    return;
  }
  if (got == 0) {
    pipe.ended = true;
    return;
  }
  size_t carried = got;
  std::optional<size_t>& left = own.cut_after[way];
  const bool cut = left && carried >= *left;
  if (cut) carried = *left;
  if (left) *left -= carried;
  pipe.chunks.push_back({SteadyClock::now() + absl::ToChronoNanoseconds(own.delay[way]),
                         std::string(buffer, carried)});
  pipe.held += carried;
  if (!cut) return;
  left.reset();
  // What was let through goes out before the cut, so that the count is exact.
  pipe.chunks.back().due = SteadyClock::now();
  Write(connection, way);
  for (Connection& other : connections) other.broken |= &FaultsOf(other.source) == &own;
}

void FaultProxy::Impl::Write(Connection& connection, Way way) {
  Pipe& pipe = connection.pipes[way];
  const auto now = SteadyClock::now();
  while (pipe.Due(now)) {
    std::string& bytes = pipe.chunks[0].bytes;
    const ssize_t sent = send(pipe.to, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) {
      connection.broken = errno != EAGAIN && errno != EINTR;
      return;
    }
    pipe.held -= sent;
    bytes.erase(0, sent);
    if (bytes.empty()) pipe.chunks.pop_front();
  }
  if (pipe.ended && pipe.chunks.empty() && !pipe.closed) {
    shutdown(pipe.to, SHUT_WR);
    pipe.closed = true;
  }
}

void FaultProxy::Impl::Sweep() {
  connections.remove_if([](const Connection& connection) {
    const Pipe& pipe = connection.pipes[kToServer];
    const bool over = pipe.closed && connection.pipes[kToClient].closed;
    if (!over && !connection.broken) return false;
    if (connection.broken) {
      CloseWithReset(pipe.from);
      CloseWithReset(pipe.to);
    } else {
      close(pipe.from);
      close(pipe.to);
    }
    return true;
  });
}

}  // namespace yikou::test

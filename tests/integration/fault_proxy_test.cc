// The faults that other tests rely on are the ones they ask for.
#include "tests/support/fault_proxy.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "catch2/catch.hpp"
#include "tests/support/eventually.h"

namespace yikou::test {
namespace {

constexpr absl::Duration kBound = absl::Seconds(10);
constexpr char kReset[] = "reset";
constexpr char kSilence[] = "silence";

sockaddr_in AddressOf(const char* host, int port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  inet_pton(AF_INET, host, &address.sin_addr);
  return address;
}

// Says back what it hears and counts it.
class Echo {
 public:
  Echo() : listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = AddressOf("127.0.0.1", 0);
    socklen_t size = sizeof(address);
    bind(listener_, reinterpret_cast<sockaddr*>(&address), size);
    listen(listener_, 16);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Run(); });
  }
  ~Echo() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    for (const int fd : served_) shutdown(fd, SHUT_RDWR);
    for (std::thread& server : servers_) server.join();
    for (const int fd : served_) close(fd);
    close(listener_);
  }

  int port() const { return port_; }
  size_t heard() const { return heard_; }

 private:
  void Run() {
    while (true) {
      const int fd = accept(listener_, nullptr, nullptr);
      if (fd < 0) return;
      served_.push_back(fd);
      servers_.emplace_back([this, fd] { Serve(fd); });
    }
  }
  void Serve(int fd) {
    char buffer[65536];
    ssize_t got;
    while ((got = recv(fd, buffer, sizeof(buffer), 0)) > 0) {
      heard_ += got;
      if (send(fd, buffer, got, MSG_NOSIGNAL) != got) break;
    }
    shutdown(fd, SHUT_RDWR);
  }

  int listener_;
  int port_ = 0;
  std::atomic<size_t> heard_ = 0;
  std::vector<int> served_;
  std::vector<std::thread> servers_;
  std::thread thread_;
};

class Client {
 public:
  explicit Client(const FaultProxy& proxy, const char* source = "127.0.0.1")
      : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const sockaddr_in from = AddressOf(source, 0);
    const sockaddr_in to = AddressOf("127.0.0.1", proxy.port());
    bind(fd_, reinterpret_cast<const sockaddr*>(&from), sizeof(from));
    connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof(to));
  }
  ~Client() { close(fd_); }

  void Send(const std::string& text) { send(fd_, text.data(), text.size(), MSG_NOSIGNAL); }
  // Returns `size` bytes, or fewer when the other end closed, or why there are none.
  std::string Receive(size_t size, absl::Duration patience = kBound) {
    const timeval timeout = absl::ToTimeval(patience);
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    std::string text(size, '\0');
    const ssize_t got = recv(fd_, text.data(), size, MSG_WAITALL);
    if (got < 0) return errno == EAGAIN ? kSilence : kReset;
    text.resize(got);
    return text;
  }
  std::string Ask(const std::string& text) {
    Send(text);
    return Receive(text.size());
  }
  void Finish() { shutdown(fd_, SHUT_WR); }

 private:
  int fd_;
};

}  // namespace

TEST_CASE("a proxy without a fault carries every byte and the end of each direction",
          "[fault_proxy]") {
  Echo echo;
  FaultProxy proxy(echo.port());
  Client client(proxy);
  std::string much(3 << 20, 'x');
  for (size_t i = 0; i < much.size(); ++i) much[i] = static_cast<char>(i * 7 >> 3);
  std::thread sender([&] {
    client.Send(much);
    client.Finish();
  });
  const bool same = client.Receive(much.size()) == much;
  sender.join();
  CHECK(same);
  CHECK(client.Receive(1).empty());
  CHECK(Eventually(kBound, [&] { return proxy.open() == 0; }));
}

TEST_CASE("a delay holds back its own direction only, and keeps order", "[fault_proxy]") {
  Echo echo;
  FaultProxy proxy(echo.port());
  Client client(proxy);
  REQUIRE(client.Ask("a") == "a");
  proxy.Delay(FaultProxy::kToClient, absl::Milliseconds(150));
  const absl::Time start = absl::Now();
  client.Send("bc");
  CHECK(Eventually(kBound, [&] { return echo.heard() == 3; }));
  const absl::Duration there = absl::Now() - start;
  client.Send("d");
  CHECK(client.Receive(3) == "bcd");
  const absl::Duration back = absl::Now() - start;
  CHECK(there < back);
  CHECK(back >= absl::Milliseconds(150));
  proxy.Heal();
  CHECK(client.Ask("e") == "e");
}

TEST_CASE("a cut resets what is connected, and the next connection works", "[fault_proxy]") {
  Echo echo;
  FaultProxy proxy(echo.port());
  Client client(proxy);
  REQUIRE(client.Ask("a") == "a");
  proxy.Cut();
  CHECK(client.Receive(1) == kReset);
  Client again(proxy);
  CHECK(again.Ask("b") == "b");
}

TEST_CASE("a refusing proxy resets old and new connections until it heals", "[fault_proxy]") {
  Echo echo;
  FaultProxy proxy(echo.port());
  Client client(proxy);
  REQUIRE(client.Ask("a") == "a");
  proxy.Refuse();
  CHECK(client.Receive(1) == kReset);
  Client refused(proxy);
  CHECK(refused.Receive(1) == kReset);
  proxy.Heal();
  Client again(proxy);
  CHECK(again.Ask("b") == "b");
  CHECK(proxy.accepted() == 3);
}

TEST_CASE("a half-open link swallows in silence, and what it swallowed is never delivered late",
          "[fault_proxy]") {
  Echo echo;
  FaultProxy proxy(echo.port());
  Client client(proxy);
  REQUIRE(client.Ask("a") == "a");
  proxy.HalfOpen();
  client.Send("b");
  CHECK(client.Receive(1, absl::Milliseconds(100)) == kSilence);
  Client fresh(proxy);
  fresh.Send("c");
  CHECK(fresh.Receive(1, absl::Milliseconds(100)) == kSilence);
  CHECK(echo.heard() == 1);
  proxy.Heal();
  CHECK(client.Receive(1) == kReset);
  CHECK(fresh.Receive(1) == kReset);
  Client again(proxy);
  CHECK(again.Ask("d") == "d");
  CHECK(echo.heard() == 2);
}

TEST_CASE("a cut after N bytes lets exactly N pass", "[fault_proxy]") {
  Echo echo;
  FaultProxy proxy(echo.port());
  Client client(proxy);
  REQUIRE(client.Ask("a") == "a");
  proxy.CutAfter(FaultProxy::kToServer, 5);
  client.Send("abc");
  REQUIRE(client.Receive(3) == "abc");
  client.Send("defgh");
  CHECK(Eventually(kBound, [&] { return echo.heard() == 6 && proxy.open() == 0; }));
  Client again(proxy);
  CHECK(again.Ask("whole again") == "whole again");
}

TEST_CASE("a fault for one source leaves the others alone", "[fault_proxy]") {
  Echo echo;
  FaultProxy proxy(echo.port());
  Client client(proxy);
  Client replica(proxy, "127.0.0.2");
  REQUIRE(client.Ask("a") == "a");
  REQUIRE(replica.Ask("b") == "b");
  proxy.Refuse("127.0.0.2");
  CHECK(replica.Receive(1) == kReset);
  CHECK(client.Ask("c") == "c");
  Client refused(proxy, "127.0.0.2");
  CHECK(refused.Receive(1) == kReset);
  Client other(proxy, "127.0.0.3");
  CHECK(other.Ask("d") == "d");
}

TEST_CASE("with nobody behind it a proxy turns clients away until it is told where to go",
          "[fault_proxy]") {
  FaultProxy proxy;
  Client early(proxy);
  CHECK(early.Receive(1) == kReset);
  Echo echo;
  proxy.ForwardTo(echo.port());
  Client late(proxy);
  CHECK(late.Ask("a") == "a");
}

}  // namespace yikou::test

// Servers that keep streams, a real redis-server and the one of the simulator, and members of a
// group that reads from them.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "catch2/catch.hpp"
#include "libs/base/clock.h"
#include "libs/queue/redis.h"
#include "libs/queue/stream.h"
#include "tests/sim/sim_redis.h"
#include "tests/support/eventually.h"
#include "tests/support/redis_server.h"

namespace yikou::queue::test {

using yikou::test::Eventually;
using yikou::test::RedisServer;
using Strings = std::vector<std::string>;

inline constexpr absl::Duration kBound = absl::Seconds(10);
inline constexpr char kStream[] = "yikou:events:intake:{0}";
inline constexpr char kOther[] = "yikou:queue:street:approval:{0}";

inline const base::SystemClock kClock;

inline RedisOptions Tcp(const RedisServer& server) {
  return {.host = server.host(), .port = server.port(), .timeout = absl::Seconds(5)};
}

// A server that keeps streams: the real one, or the one of the simulator (tests/sim), which must
// keep the same promises.
class StreamServer {
 public:
  virtual ~StreamServer() = default;
  virtual RedisOptions Options() = 0;
  virtual void FlushAll() = 0;
  // As RedisServer::Command.
  virtual std::string Command(const std::string& words) = 0;
};

class RealServer final : public StreamServer {
 public:
  RedisOptions Options() override { return Tcp(server_); }
  void FlushAll() override { server_.FlushAll(); }
  std::string Command(const std::string& words) override { return server_.Command(words); }

 private:
  RedisServer server_;
};

class SimulatedServer final : public StreamServer {
 public:
  RedisOptions Options() override {
    RedisOptions options;
    options.connect = [this]() -> absl::StatusOr<std::unique_ptr<RedisLink>> {
      return std::make_unique<Link>(this);
    };
    return options;
  }
  void FlushAll() override {
    std::lock_guard<std::mutex> lock(mutex_);
    redis_.FlushAll();
  }
  std::string Command(const std::string& words) override {
    const std::vector<std::string> parts = absl::StrSplit(words, ' ');
    const Reply reply = Run(queue::Command(parts.begin(), parts.end()));
    return reply.kind == Reply::Kind::kInteger ? absl::StrCat(":", reply.integer) : reply.text;
  }

 private:
  class Link final : public RedisLink {
   public:
    explicit Link(SimulatedServer* server) : server_(server) {}
    absl::StatusOr<std::vector<Reply>> Exchange(const std::vector<queue::Command>& commands,
                                                absl::Duration) override {
      std::vector<Reply> replies;
      for (const queue::Command& command : commands) replies.push_back(server_->Run(command));
      return replies;
    }

   private:
    SimulatedServer* server_;
  };

  Reply Run(const queue::Command& command) {
    absl::Duration wait;
    Reply reply;
    const auto answered = [&] {
      std::lock_guard<std::mutex> lock(mutex_);
      wait = absl::ZeroDuration();
      reply = redis_.Execute(command, &wait);
      redis_.set_waiting(wait > absl::ZeroDuration() ? 1 : 0);
      return wait == absl::ZeroDuration();
    };
    if (!answered()) Eventually(wait, answered);
    return reply;
  }

  std::mutex mutex_;
  sim::SimRedis redis_{&kClock};
};

inline RedisOptions Tcp(StreamServer& server) { return server.Options(); }

// One server of each kind for all tests that leave it as it was; empty at the start of each. The
// test runs on one after the other.
inline StreamServer& EmptyServer() {
  static RealServer real;
  static SimulatedServer simulated;
  StreamServer& server = GENERATE(false, true) ? static_cast<StreamServer&>(simulated) : real;
  server.FlushAll();
  return server;
}

template <class Server>
Consumer Member(Server& server, const std::string& name,
                std::vector<std::string> streams = {kStream}) {
  return Consumer(Tcp(server), &kClock, "routing", name, std::move(streams));
}

inline std::vector<std::string> Payloads(const std::vector<StreamMessage>& messages) {
  std::vector<std::string> payloads;
  for (const StreamMessage& message : messages) payloads.push_back(message.payload);
  return payloads;
}

// Returns the payloads of one Read; fails the test on an error.
inline std::vector<std::string> MustRead(Consumer& consumer, int count = 100) {
  auto messages = consumer.Read(count, absl::ZeroDuration());
  REQUIRE(messages.ok());
  return Payloads(*messages);
}

}  // namespace yikou::queue::test

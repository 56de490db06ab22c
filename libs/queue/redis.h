// A connection to Redis that outlives its server: it connects when first used, and again after any
// failure, and never makes the caller wait longer than it was told to.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "libs/base/clock.h"

namespace yikou::queue {

struct Address {
  std::string host;
  int port = 0;

  bool operator==(const Address&) const = default;
  std::string ToString() const;  // "host:port"
};

struct Reply {
  enum class Kind { kNil, kInteger, kText, kArray, kError };
  Kind kind = Kind::kNil;
  int64_t integer = 0;
  std::string text;  // of kText and kError
  std::vector<Reply> elements;
};

// The words of one command. They are views: what they look at must live until the call returns.
using Command = std::vector<absl::string_view>;

// One connected server.
class RedisLink {
 public:
  virtual ~RedisLink() = default;
  // Sends the commands and waits for one reply each, in order, at most `wait` for any. An error
  // breaks the link: commands may have taken effect or not.
  virtual absl::StatusOr<std::vector<Reply>> Exchange(const std::vector<Command>& commands,
                                                      absl::Duration wait) = 0;
};

struct RedisOptions {
  std::string host = "127.0.0.1";
  int port = 6379;
  std::string unix_socket;    // when set, used instead of host and port
  std::string password_file;  // read again at every connect, so a rotated password is taken up
  absl::Duration timeout = absl::Seconds(2);  // of a connect; of each wait for the server

  // When there are any, they are asked where the master is, and host, port and unix_socket mean
  // nothing. Finding the master and connecting to it share one timeout.
  std::vector<Address> sentinels;
  std::string master_name;             // as the sentinels call it
  std::string sentinel_password_file;  // as password_file, for the sentinels

  // When set, connects in another way than by a socket: to the streams of the simulator.
  std::function<absl::StatusOr<std::unique_ptr<RedisLink>>()> connect;
};

// Errors: every failure is UNAVAILABLE with a sentence, and drops the connection. The next attempt
// is due 50 ms later, then 100 ms, doubling to 2 s, until a command succeeds; calls that come
// earlier return UNAVAILABLE at once. What was sent before a failure may still have taken effect.
//
// With sentinels: every connect finds the master anew and takes no server that does not itself say
// that it is one. A master that was demoted refuses to write, which is a failure like any other. An
// old master that was cut off from its replicas goes on taking entries that will be lost: so a
// sentinel is asked once a second, between commands, whether another was made, and the connection
// changes over then.
//
// Threads: one connection belongs to one thread at a time; it starts none and never sleeps.
class RedisConnection {
 public:
  // `clock` times the reconnects and outlives the connection.
  RedisConnection(RedisOptions options, const base::Clock* clock);
  ~RedisConnection();
  RedisConnection(const RedisConnection&) = delete;
  RedisConnection& operator=(const RedisConnection&) = delete;

  // Runs one command and returns its reply. `block` is how long the command itself may wait on the
  // server, on top of the timeout. An error reply that starts with one of `expected_errors` is
  // returned as a Reply of kError; any other is a failure.
  absl::StatusOr<Reply> Run(const Command& command,
                            const std::vector<absl::string_view>& expected_errors = {},
                            absl::Duration block = absl::ZeroDuration());

  // Sends all commands in one go and returns their replies in order; errors as in Run. After an
  // error reply the commands behind it have run nevertheless.
  absl::StatusOr<std::vector<Reply>> Pipeline(
      const std::vector<Command>& commands,
      const std::vector<absl::string_view>& expected_errors = {},
      absl::Duration block = absl::ZeroDuration());

  const base::Clock& clock() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace yikou::queue

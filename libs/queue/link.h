// One socket to a server that speaks Redis' protocol: Redis itself or a sentinel.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "libs/base/clock.h"
#include "libs/queue/redis.h"

struct redisContext;

namespace yikou::queue {

// Errors: UNAVAILABLE with half a sentence that says why ("it did not answer within 2s"); whoever
// owns the link says who and drops it: after a failure it is of no more use.
// Threads: one at a time.
class Link final : public RedisLink {
 public:
  // Neither waits longer than `patience`, but for a name that has to be resolved.
  static absl::StatusOr<std::unique_ptr<Link>> Connect(const Address& address,
                                                       absl::Duration patience);
  static absl::StatusOr<std::unique_ptr<Link>> ConnectUnix(const std::string& path,
                                                           absl::Duration patience);

  // Sends all commands in one go and returns their replies in order, error replies among them.
  // Never waits longer than `patience` for the next bytes.
  absl::StatusOr<std::vector<Reply>> Exchange(const std::vector<Command>& commands,
                                              absl::Duration patience) override;

 private:
  struct FreeContext {
    void operator()(redisContext* context) const;
  };

  explicit Link(redisContext* context) : context_(context) {}
  static absl::StatusOr<std::unique_ptr<Link>> Take(redisContext* context);
  absl::Status Send(absl::string_view wire);
  absl::StatusOr<Reply> Receive();
  std::string SocketFailure(int error) const;

  std::unique_ptr<redisContext, FreeContext> context_;
  absl::Duration patience_;  // the wait now set on the socket
};

// The first line of the file. UNAVAILABLE, half a sentence, when there is none.
absl::StatusOr<std::string> ReadPassword(const std::string& path);

// What is left of `patience` until `deadline`: never nothing, so that bytes that are there already
// are read, and never more than `patience`, however the clock was set meanwhile.
absl::Duration TimeLeft(absl::Time deadline, absl::Duration patience, const base::Clock& clock);

}  // namespace yikou::queue

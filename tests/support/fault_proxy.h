// A TCP proxy that breaks the connections it carries when it is told to.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace yikou::test {

// Listens on a free port of 127.0.0.1 and carries bytes to and from a server there, on one thread
// of its own. A fault hits every client, or only those that come from `source`, a loopback address
// such as "127.0.0.2": that is how one link of many is broken. A source with faults of its own has
// no part in everybody's. A fault has taken effect when the call returns, and lasts until Heal.
// Failures are std::runtime_error. Threads: any.
class FaultProxy {
 public:
  enum Way { kToServer = 0, kToClient = 1 };

  // Without a target every client is turned away until ForwardTo.
  explicit FaultProxy(int target_port = 0);
  ~FaultProxy();
  FaultProxy(const FaultProxy&) = delete;
  FaultProxy& operator=(const FaultProxy&) = delete;

  int port() const { return port_; }
  // New connections go to this port of 127.0.0.1; old ones stay.
  void ForwardTo(int target_port);

  // What comes from now on arrives this much later, in order.
  void Delay(Way way, absl::Duration by, absl::string_view source = "");
  // Resets the connections there are. New ones are carried.
  void Cut(absl::string_view source = "");
  // Resets the connections there are, and every new one as soon as it is accepted.
  void Refuse(absl::string_view source = "");
  // Keeps the connections there are and accepts new ones, but carries nothing and says nothing, as
  // when the other machine has lost its power.
  void HalfOpen(absl::string_view source = "");
  // Carries this many bytes more, of all connections together, then resets those connections. New
  // ones are carried.
  void CutAfter(Way way, size_t bytes, absl::string_view source = "");
  // Ends every fault. Connections whose bytes were swallowed are reset: they can never go on.
  void Heal();

  // Connections carried now, and those accepted since the start, refused ones included.
  size_t open();
  size_t accepted();

 private:
  struct Impl;
  // Runs `work` on the proxy's thread and waits for its end.
  void Do(std::function<void()> work);

  std::unique_ptr<Impl> impl_;
  int port_;
  std::thread thread_;
};

}  // namespace yikou::test

// How people call the services: by request, again with the same id until there is an answer.
#pragma once

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/auth/principal.h"
#include "libs/base/ids.h"
#include "tests/sim/world.h"

namespace yikou::sim {

// A status as people say it: without the details that go with it on the wire.
inline std::string Said(const absl::Status& status) {
  return absl::StrCat(absl::StatusCodeToString(status.code()), " ", status.message());
}

class Client {
 public:
  Client(World* world, auth::Principal principal)
      : world_(world), principal_(std::move(principal)) {}

  // One call. UNAVAILABLE: it may have had its effect.
  template <class Resp, class Req>
  absl::StatusOr<Resp> CallOnce(const Req& request) {
    const std::string name = Req::descriptor()->full_name();
    rpc::CallContext context;
    context.principal = principal_;
    context.method = name;
    context.deadline = world_->scheduler().Now() + absl::Seconds(20);
    const std::vector<std::string> parts = absl::StrSplit(name, '.');
    absl::StatusOr<std::string> bytes =
        world_->Call("outside", parts[1], context, name, request.SerializeAsString());
    const bool write = Req::descriptor()->FindFieldByName("request_id") != nullptr;
    if (write || !bytes.ok()) {
      world_->Trace(principal_.person_id,
                    absl::StrCat(parts.back(), ": ", bytes.ok() ? "OK" : Said(bytes.status())));
    }
    if (!bytes.ok()) return bytes.status();
    Resp response;
    response.ParseFromString(*bytes);
    return response;
  }

  // Calls until there is an answer.
  template <class Resp, class Req>
  absl::StatusOr<Resp> Call(const Req& request) {
    absl::Duration pause = absl::Milliseconds(50);
    while (true) {
      absl::StatusOr<Resp> response = CallOnce<Resp>(request);
      const bool passing =
          absl::IsUnavailable(response.status()) || absl::IsResourceExhausted(response.status());
      if (!passing || --patience_ < 0) {
        if (response.ok()) Repeat(request, *response);
        return response;
      }
      world_->scheduler().Sleep(world_->scheduler().Between(pause / 2, pause));
      pause = std::min(pause * 2, absl::Seconds(2));
    }
  }

  // A request with an id of its own.
  template <class Req>
  Req New() {
    Req request;
    request.set_request_id(base::NewId(world_->scheduler().Now()));
    return request;
  }

  World& world() { return *world_; }
  Scheduler& scheduler() { return world_->scheduler(); }
  const auth::Principal& principal() const { return principal_; }

 private:
  // Now and then somebody sends what was answered again: it is answered as before.
  template <class Resp, class Req>
  void Repeat(const Req& request, const Resp& response) {
    const bool write = Req::descriptor()->FindFieldByName("request_id") != nullptr;
    if (!write || !world_->scheduler().Chance(0.05)) return;
    const absl::StatusOr<Resp> again = CallOnce<Resp>(request);
    if (absl::IsUnavailable(again.status())) return;
    if (again.ok() && again->SerializeAsString() == response.SerializeAsString()) return;
    world_->Finding(absl::StrCat("a repeated ", Req::descriptor()->name(),
                                 " was answered otherwise: ", Said(again.status())));
  }

  World* world_;
  auth::Principal principal_;
  int patience_ = 10000;  // calls in all that may go unanswered: a run must end
};

}  // namespace yikou::sim

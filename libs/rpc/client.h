// Calls to other services, without a gRPC type or a generated stub:
//
//   rpc::Client intake("127.0.0.1:7001");
//   absl::StatusOr<GetCaseResponse> answer = intake.Call<GetCaseResponse>(request, {.token = …});
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "google/protobuf/message.h"
#include "libs/auth/token.h"
#include "libs/base/clock.h"
#include "libs/rpc/call.h"
#include "libs/rpc/method.h"
#include "libs/telemetry/trace.h"

namespace grpc {
class Channel;
class ChannelCredentials;
}  // namespace grpc

namespace yikou::rpc {

struct CallOptions {
  std::string token;  // empty: none is sent
  absl::Duration timeout = absl::Seconds(5);
  absl::optional<absl::Time> deadline;  // system time; instead of the timeout
  absl::optional<telemetry::TraceContext> trace;
  bool forwarded = false;

  // For a call made while answering another: its caller's identity, its trace, and its deadline
  // less 20 ms to answer in.
  static CallOptions OnBehalfOf(const CallContext& context);
};

// A service at an address. Threads: any. Copies share the connection.
class Client {
 public:
  // Connects when first used; never fails. `target` as gRPC names it: "host:port", "dns:///…".
  // Null credentials: plain text.
  explicit Client(const std::string& target,
                  std::shared_ptr<grpc::ChannelCredentials> credentials = nullptr);

  // Calls the method that takes this request, and blocks until the answer or the deadline. Errors
  // carry the typed details they had on the server. UNAVAILABLE without a connection; not retried
  // here, since only the caller knows whether its request may be repeated.
  template <class Resp, class Req>
  absl::StatusOr<Resp> Call(const Req& request, const CallOptions& options) const {
    Resp response;
    const absl::Status status =
        CallMethod(MethodFor<Req, Resp>(MethodKind::kUnary).path, request, &response, options);
    if (!status.ok()) return status;
    return response;
  }

  // The same for a method only known by its path "/pkg.Service/Name". INVALID_ARGUMENT for "".
  absl::Status CallMethod(const std::string& path, const google::protobuf::Message& request,
                          google::protobuf::Message* response, const CallOptions& options) const;

 private:
  std::shared_ptr<grpc::Channel> channel_;
};

// The token a service shows to other services: minted when needed, renewed at half its life.
// Threads: any.
class ServiceTokenSource {
 public:
  // `service` is the service's name; minter and clock (system time) must outlive the source.
  ServiceTokenSource(const auth::TokenMinter* minter, const std::string& service,
                     const base::Clock* clock, absl::Duration lifetime = absl::Minutes(10));

  absl::StatusOr<std::string> Token();

 private:
  const auth::TokenMinter* const minter_;
  const auth::Principal principal_;
  const base::Clock* const clock_;
  const absl::Duration lifetime_;
  std::mutex mutex_;
  std::string token_;
  absl::Time renew_ = absl::InfinitePast();
};

}  // namespace yikou::rpc

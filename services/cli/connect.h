// The client side of the suite as a library: where the services are, who calls, one call.
//
//   auto context = LoadContext("build/run/context.json");
//   auto client = Client::Create(*std::move(context));
//   auto clerk = ParseIdentity("230108001001:clerk-1:CLERK");
//   auto got = (*client)->Call<intake::v1::GetCaseResponse>(
//       "intake", "yikou.intake.v1.IntakeService.GetCase", request, *clerk, absl::Seconds(5));
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "google/protobuf/message.h"
#include "libs/auth/principal.h"
#include "libs/auth/token.h"
#include "libs/base/clock.h"
#include "libs/rpc/client.h"

namespace grpc {
class Channel;
class ClientContext;
}  // namespace grpc

namespace yikou::cli {

// A mistake of the caller, found before any call: INVALID_ARGUMENT, and IsUsageError.
absl::Status UsageError(absl::string_view sentence);
bool IsUsageError(const absl::Status& status);

// The five services, in the order of a case's life.
inline constexpr const char* kServices[] = {"intake", "routing", "approval", "gridtask",
                                            "reporting"};

// Where the services are and how to prove who calls; written by `./dev run`.
struct Context {
  std::map<std::string, std::string> services;  // name -> host:port
  std::string token_file;                       // a token made elsewhere
  std::string signing_key;                      // dev mode: tokens are made here
  std::string kid;
  std::string issuer = "yikou";
  std::string audience = "yikou";
};

// Reads a context; file names in it are relative to its folder. A usage error with a sentence
// when the file is missing, is not JSON, or has a value of the wrong type.
absl::StatusOr<Context> LoadContext(const std::string& path);

// Who calls: a person for whom a token is made, or a token as it is. Empty: nobody, no token sent.
struct Identity {
  auth::Principal principal;
  std::string token;

  bool empty() const { return token.empty() && principal.person_id.empty(); }
};

// Parses "unit:person:ROLE,ROLE" or "unit:person:ROLE:citizen" (acting for a citizen); the unit may
// be empty. A usage error otherwise.
absl::StatusOr<Identity> ParseIdentity(absl::string_view text);

// Calls services. Keeps one connection for each service and one token for each identity. Threads:
// any.
class Client {
 public:
  // INVALID_ARGUMENT or NOT_FOUND when the signing key cannot be used.
  static absl::StatusOr<std::unique_ptr<Client>> Create(Context context);

  // One call, blocking. `method` is the full name, as "yikou.intake.v1.IntakeService.GetCase".
  // `timeout` covers all attempts: UNAVAILABLE is tried again, with growing pauses or as RetryInfo
  // says, when that cannot do something twice: the request carries a request_id, or the method only
  // reads. Errors of services keep their typed details (libs/casework/errors.h).
  template <class Resp, class Req>
  absl::StatusOr<Resp> Call(const std::string& service, const std::string& method,
                            const Req& request, const Identity& as, absl::Duration timeout) {
    Resp response;
    const absl::Status called = CallMessage(service, method, request, &response, as, timeout);
    if (!called.ok()) return called;
    return response;
  }

  // As Call, for messages known at run time only.
  absl::Status CallMessage(const std::string& service, const std::string& method,
                           const google::protobuf::Message& request,
                           google::protobuf::Message* response, const Identity& as,
                           absl::Duration timeout);

  // For streams: a channel to a service, and the metadata and deadline of one call.
  // A usage error when the context has no address for the service.
  absl::StatusOr<std::shared_ptr<grpc::Channel>> ChannelTo(const std::string& service);
  absl::Status Prepare(const Identity& as, absl::Time deadline, grpc::ClientContext* call);

  // A new token for the identity. A usage error when the context has no signing key.
  absl::StatusOr<std::string> TokenFor(const Identity& as, absl::Duration lifetime);

  // True when calls may be made again after an UNAVAILABLE.
  static bool MayRetry(absl::string_view method, const google::protobuf::Message& request);
  // How long a call is tried again, within its timeout; zero tries once. Set before the first call.
  void set_retry_for(absl::Duration bound) { retry_for_ = bound; }

 private:
  struct Token {
    std::string text;
    absl::Time expires;
  };

  explicit Client(Context context) : context_(std::move(context)) {}
  absl::StatusOr<std::string> AddressOf(const std::string& service) const;
  absl::StatusOr<rpc::Client> ConnectionTo(const std::string& service);
  // The token to send; made when needed, empty for nobody.
  absl::StatusOr<std::string> CachedToken(const Identity& as);

  const Context context_;
  const base::SystemClock clock_;
  std::unique_ptr<auth::TokenMinter> minter_;
  absl::Duration retry_for_ = absl::InfiniteDuration();
  std::mutex mutex_;
  std::map<std::string, rpc::Client> connections_;  // by service
  std::map<std::string, Token> tokens_;             // by identity
};

}  // namespace yikou::cli

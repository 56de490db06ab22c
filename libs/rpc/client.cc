#include "libs/rpc/client.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "grpcpp/impl/client_unary_call.h"
#include "grpcpp/impl/codegen/proto_utils.h"
#include "grpcpp/impl/rpc_method.h"
#include "libs/auth/roles.h"
#include "libs/base/status.h"
#include "libs/rpc/channel.h"
#include "libs/rpc/status.h"

namespace yikou::rpc {
namespace {

constexpr absl::Duration kMarginToAnswer = absl::Milliseconds(20);

}  // namespace

CallOptions CallOptions::OnBehalfOf(const CallContext& context) {
  CallOptions options;
  options.token = context.token;
  if (context.deadline != absl::InfiniteFuture()) {
    options.deadline = context.deadline - kMarginToAnswer;
  }
  options.trace = context.trace;
  return options;
}

Client::Client(const std::string& target, std::shared_ptr<grpc::ChannelCredentials> credentials)
    : channel_(MakeChannel(target, std::move(credentials))) {}

absl::Status Client::CallMethod(const std::string& path, const google::protobuf::Message& request,
                                google::protobuf::Message* response,
                                const CallOptions& options) const {
  if (path.empty()) return absl::InvalidArgumentError("No method has these messages.");
  grpc::ClientContext context;
  Prepare(&context, options);
  // What a generated stub does, with the messages' common base instead of their types.
  using Lite = google::protobuf::MessageLite;
  const grpc::internal::RpcMethod method(path.c_str(), grpc::internal::RpcMethod::NORMAL_RPC);
  const absl::Status status = FromGrpc(grpc::internal::BlockingUnaryCall<Lite, Lite, Lite, Lite>(
      channel_.get(), method, &context, request, response));
  if (!absl::IsCancelled(status)) return status;
  // Nobody cancels here: a server that is shutting down ended the call before a handler saw it, or
  // before it could answer.
  return absl::UnavailableError("The server ended the call while it was stopping; try again.");
}

ServiceTokenSource::ServiceTokenSource(const auth::TokenMinter* minter, const std::string& service,
                                       const base::Clock* clock, absl::Duration lifetime)
    : minter_(minter),
      principal_{absl::StrCat("service:", service), "", {auth::kService}, ""},
      clock_(clock),
      lifetime_(lifetime) {}

absl::StatusOr<std::string> ServiceTokenSource::Token() {
  std::lock_guard<std::mutex> lock(mutex_);
  const absl::Time now = clock_->Now();
  // Also when the clock was set back: a token from the future is refused everywhere.
  if (now >= renew_ || now < renew_ - lifetime_ / 2) {
    YK_ASSIGN_OR_RETURN(token_, minter_->Mint(principal_, lifetime_));
    renew_ = now + lifetime_ / 2;
  }
  return token_;
}

}  // namespace yikou::rpc

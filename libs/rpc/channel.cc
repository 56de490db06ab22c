#include "libs/rpc/channel.h"

#include <stdlib.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/support/channel_arguments.h"
#include "libs/rpc/metadata.h"

namespace yikou::rpc {

namespace {

// A blocking client reads its sockets only while a call waits. Between calls, connecting and
// hearing of a server's end are left to gRPC's backup poller, which by default looks every five
// seconds: a restarted service stayed unreachable for 15 s. gRPC takes the interval from nowhere
// but the environment, once, before its first channel.
void PollOften() {
  static const bool once = setenv("GRPC_CLIENT_CHANNEL_BACKUP_POLL_INTERVAL_MS", "100", 0) == 0;
  (void)once;
}

}  // namespace

std::shared_ptr<grpc::Channel> MakeChannel(const std::string& target,
                                           std::shared_ptr<grpc::ChannelCredentials> credentials) {
  PollOften();
  if (credentials == nullptr) credentials = grpc::InsecureChannelCredentials();
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(4 * 1024 * 1024);
  arguments.SetMaxSendMessageSize(4 * 1024 * 1024);
  arguments.SetInt(GRPC_ARG_MAX_METADATA_SIZE, 64 * 1024);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  // Also the time one attempt to connect gets.
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 1000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 60'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  // Services talk to each other directly, whatever http_proxy says.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  return grpc::CreateCustomChannel(target, credentials, arguments);
}

void Prepare(grpc::ClientContext* context, const CallOptions& options) {
  const absl::Time deadline =
      options.deadline.has_value() ? *options.deadline : absl::Now() + options.timeout;
  context->set_deadline(absl::ToChronoTime(deadline));
  if (!options.token.empty()) {
    context->AddMetadata(kAuthorizationKey, absl::StrCat("Bearer ", options.token));
  }
  if (options.trace.has_value()) {
    context->AddMetadata(kTraceparentKey, telemetry::FormatTraceparent(*options.trace));
  }
  if (options.forwarded) context->AddMetadata(kForwardedKey, "1");
}

}  // namespace yikou::rpc

// Channels and contexts for those who use generated stubs: the CLI, for its streams, and tests.
// Everybody else takes client.h, which is free of gRPC.
#pragma once

#include <memory>
#include <string>

#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "grpcpp/security/credentials.h"
#include "libs/rpc/client.h"

namespace yikou::rpc {

// A channel with our limits: reconnects after 100 ms to 1 s, pings every minute, messages up to
// 4 MiB, errors up to 64 KiB, no proxy. Connects when first used; never fails. Null credentials:
// plain text.
std::shared_ptr<grpc::Channel> MakeChannel(
    const std::string& target, std::shared_ptr<grpc::ChannelCredentials> credentials = nullptr);

// Puts deadline, token and trace of the options into a fresh context.
void Prepare(grpc::ClientContext* context, const CallOptions& options);

}  // namespace yikou::rpc

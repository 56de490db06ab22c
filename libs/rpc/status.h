// One error model on both sides of the wire: absl::Status with the payload of casework/errors.h
// inside, google.rpc.Status in the trailers outside.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "grpcpp/support/status.h"

namespace yikou::rpc {

// Converts as is: code, message, typed details. Long errors are cut so that they fit into the
// 8 KiB of trailers that clients accept by default: the message to 1,000 bytes, field violations
// from the end, other details wholly if they are above 3,000 bytes.
grpc::Status ToGrpc(const absl::Status& status);

// The way back; details that do not parse are dropped, code numbers nobody knows become UNKNOWN.
absl::Status FromGrpc(const grpc::Status& status);

// What a caller may see. A status with typed details, and plain codes that speak of the request,
// pass. An error that speaks of our inside (UNKNOWN, INTERNAL, DATA_LOSS, UNAVAILABLE without
// details) is logged with the correlation id, and only the id goes out.
absl::Status PublicStatus(const absl::Status& status, const std::string& method,
                          const std::string& correlation_id);

}  // namespace yikou::rpc

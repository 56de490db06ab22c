// The hash chain over a log, and digests of stored bytes.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace yikou::casework {

enum class HashAlgorithm { kSha256, kSm3 };

// Digest of bytes, 32 bytes long for both algorithms.
std::string Digest(absl::string_view bytes, HashAlgorithm algorithm = HashAlgorithm::kSha256);

// Hash of the event with these stored bytes after the event with `prev_hash` ("" for the first).
std::string ChainHash(absl::string_view prev_hash, absl::string_view event_bytes,
                      HashAlgorithm algorithm = HashAlgorithm::kSha256);

}  // namespace yikou::casework

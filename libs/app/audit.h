// Whether the record is what it was: the chain, the aggregates against their events, the signed
// head.
#pragma once

#include <string>
#include <vector>

#include "libs/store/store.h"
#include "yikou/casework/v1/log.pb.h"

namespace yikou::app {

// A head as it is written to a file beside the record.
struct SignedHead {
  int64_t position = 0;
  std::string hash;
  std::string signature;   // DER over HeadText
  std::string public_key;  // PEM
};

// What is signed: "yikou head\n<service>\n<position>\n<hash in hex>\n".
std::string HeadText(const std::string& service, int64_t position, const std::string& hash);

// Appends a head to "<dir>/<service>.heads.jsonl" and syncs it.
absl::Status WriteHead(const std::string& dir, const std::string& service, const SignedHead& head);
// The head of the file with the highest position, so that one signed after a cut does not hide it;
// position 0 when there is none.
absl::StatusOr<SignedHead> ReadHighestHead(const std::string& dir, const std::string& service);

// Checks everything; findings name the place. `trusted_key` is the PEM heads must be signed with.
absl::StatusOr<casework::v1::VerifyLogResponse> VerifyRecord(
    store::Store* store, const std::vector<const store::AggregateKind*>& kinds,
    const std::string& service, const std::string& heads_dir, const std::string& trusted_key);

}  // namespace yikou::app

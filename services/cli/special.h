// Verbs that are more than one call: streams, files, walks over all services.
#pragma once

#include "absl/status/status.h"
#include "services/cli/engine.h"
#include "services/cli/verbs.h"

namespace yikou::cli {

// Stores a file as a material, with its size and digest; shows progress on a terminal.
absl::Status CaseUpload(const Session& session, const Verb& verb, const Inputs& inputs);
// Writes a material of a case to a file and checks its digest.
absl::Status CaseDownload(const Session& session, const Verb& verb, const Inputs& inputs);
// Prints a case at every change until it is over; goes on after a lost connection.
absl::Status CaseWatch(const Session& session, const Verb& verb, const Inputs& inputs);
// Sends a file of entries (one JSON object a line, or CSV with a header) in batches.
absl::Status ImportFile(const Session& session, const Verb& verb, const Inputs& inputs);
// Prints units as a tree.
absl::Status UnitTree(const Session& session, const Verb& verb, const Inputs& inputs);
// Moves the case clock of all services forward, timer by timer.
absl::Status ClockSkip(const Session& session, const Verb& verb, const Inputs& inputs);
// Prints a token for the identity of --as.
absl::Status TokenMint(const Session& session, const Verb& verb, const Inputs& inputs);

}  // namespace yikou::cli

// The schema a record has against the schema a binary brings: pure, so that a service at its start
// and the operator's "migrate status" say the same.
//
// A migration only adds, so a binary works on a record that is ahead of it: what it does not know
// was added by a later version and is left alone.
#pragma once

#include <string>
#include <vector>

#include "libs/store/store.h"

namespace yikou::store {

enum class MigrationState {
  kApplied,
  kMissing,
  kChanged,  // applied in another form: this record was made by another build
  kNewer,    // applied by a later version, which this binary does not know
};

struct MigrationStatus {
  int version = 0;
  std::string name;
  MigrationState state = MigrationState::kMissing;
};

// What is kept of a migration when it is applied.
std::string ChecksumOf(const Migration& migration);

// Every migration that is known or applied, by version.
std::vector<MigrationStatus> CompareMigrations(const std::vector<Migration>& known,
                                               const std::vector<AppliedMigration>& applied);

// FAILED_PRECONDITION, naming the first migration of `record` that was applied in another form.
absl::Status CheckUnchanged(const std::vector<MigrationStatus>& migrations,
                            const std::string& record);
// The same, and when one is missing.
absl::Status CheckComplete(const std::vector<MigrationStatus>& migrations,
                           const std::string& record);

}  // namespace yikou::store

#include "libs/store/migrations.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "libs/base/ids.h"
#include "libs/base/status.h"
#include "libs/casework/chain.h"

namespace yikou::store {

std::string ChecksumOf(const Migration& migration) {
  return base::ToHex(casework::Digest(migration.sql));
}

std::vector<MigrationStatus> CompareMigrations(const std::vector<Migration>& known,
                                               const std::vector<AppliedMigration>& applied) {
  std::map<int, MigrationStatus> by_version;
  for (const AppliedMigration& row : applied) {
    by_version[row.version] = {row.version, row.name, MigrationState::kNewer};
  }
  for (const Migration& migration : known) {
    const auto row = std::find_if(applied.begin(), applied.end(), [&](const AppliedMigration& one) {
      return one.version == migration.version;
    });
    const MigrationState state = row == applied.end() ? MigrationState::kMissing
                                 : row->checksum == ChecksumOf(migration)
                                     ? MigrationState::kApplied
                                     : MigrationState::kChanged;
    by_version[migration.version] = {migration.version, migration.name, state};
  }
  std::vector<MigrationStatus> all;
  for (auto& [version, status] : by_version) all.push_back(std::move(status));
  return all;
}

absl::Status CheckUnchanged(const std::vector<MigrationStatus>& migrations,
                            const std::string& record) {
  for (const MigrationStatus& migration : migrations) {
    if (migration.state != MigrationState::kChanged) continue;
    return absl::FailedPreconditionError(absl::StrCat(
        "Migration ", migration.version, " (", migration.name, ") was applied to ", record,
        " in another form. Use the version of the service that made this record, or a record of "
        "its own."));
  }
  return absl::OkStatus();
}

absl::Status CheckComplete(const std::vector<MigrationStatus>& migrations,
                           const std::string& record) {
  YK_RETURN_IF_ERROR(CheckUnchanged(migrations, record));
  for (const MigrationStatus& migration : migrations) {
    if (migration.state != MigrationState::kMissing) continue;
    return absl::FailedPreconditionError(absl::StrCat(
        "Migration ", migration.version, " (", migration.name, ") is missing in ", record, "."));
  }
  return absl::OkStatus();
}

}  // namespace yikou::store

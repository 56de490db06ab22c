#include "libs/store/sqlite/sqlite_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status.h"
#include "libs/store/sql/sql_store.h"
#include "libs/store/sqlite/sqlite_connection.h"

namespace yikou::store {

absl::StatusOr<std::unique_ptr<Store>> OpenSqliteStore(const std::string& path) {
  const std::string lock_path = path + ".lock";
  const int fd = open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) {
    return absl::UnavailableError(absl::StrCat("The lock file ", lock_path,
                                               " cannot be opened. Check that its folder exists "
                                               "and is writable."));
  }
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    close(fd);
    return absl::FailedPreconditionError(
        absl::StrCat("Another process has ", path,
                     " open. One SQLite file serves one process; "
                     "stop the other one, or use PostgreSQL for several."));
  }
  std::shared_ptr<void> guard(nullptr, [fd](void*) { close(fd); });
  // The first writer makes the file that readers open.
  YK_RETURN_IF_ERROR(SqliteConnection::Open(path, false).status());
  return std::make_unique<SqlStore>(
      path, SqlStore::Sharing::kExclusive,
      [path](SqlStore::Use use) -> absl::StatusOr<std::unique_ptr<SqlConnection>> {
        return SqliteConnection::Open(path, use == SqlStore::Use::kRead);
      },
      std::move(guard));
}

absl::StatusOr<std::unique_ptr<Store>> OpenSqliteStoreToRead(const std::string& path) {
  YK_RETURN_IF_ERROR(SqliteConnection::Open(path, true).status());
  return std::make_unique<SqlStore>(
      path, SqlStore::Sharing::kReplicas,
      [path](SqlStore::Use) -> absl::StatusOr<std::unique_ptr<SqlConnection>> {
        return SqliteConnection::Open(path, true);
      },
      nullptr);
}

}  // namespace yikou::store

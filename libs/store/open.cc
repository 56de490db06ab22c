#include "libs/store/open.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "libs/base/status.h"
#include "libs/store/postgres/postgres_connection.h"
#include "libs/store/sql/sql_store.h"
#include "libs/store/sqlite/sqlite_store.h"

namespace yikou::store {
namespace {

bool IsSchemaName(const std::string& name) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !name.empty() && name.size() <= 63 && !(name[0] >= '0' && name[0] <= '9') &&
         std::all_of(name.begin(), name.end(), fits);
}

absl::StatusOr<std::unique_ptr<Store>> OpenPostgresStore(const std::string& url,
                                                         const std::string& schema,
                                                         SqlStore::Use most) {
  if (!IsSchemaName(schema)) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", schema,
                     "\" is no name for a schema: use lower-case letters, digits and underscores, "
                     "a letter first, at most 63."));
  }
  const bool reads = most == SqlStore::Use::kRead;
  const auto open = [url, schema,
                     reads](SqlStore::Use use) -> absl::StatusOr<std::unique_ptr<SqlConnection>> {
    return PostgresConnection::Open({url, schema, reads || use == SqlStore::Use::kRead});
  };
  // Found out now rather than by the first citizen.
  YK_RETURN_IF_ERROR(open(most).status());
  return std::make_unique<SqlStore>(absl::StrCat("the schema ", schema),
                                    SqlStore::Sharing::kReplicas, open, nullptr);
}

absl::StatusOr<std::unique_ptr<Store>> Open(const std::string& url, const std::string& schema,
                                            SqlStore::Use most) {
  absl::string_view rest = url;
  if (absl::ConsumePrefix(&rest, "sqlite:") && !rest.empty()) {
    return most == SqlStore::Use::kRead ? OpenSqliteStoreToRead(std::string(rest))
                                        : OpenSqliteStore(std::string(rest));
  }
  if (absl::StartsWith(url, "postgresql://") || absl::StartsWith(url, "postgres://")) {
    return OpenPostgresStore(url, schema, most);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("The store \"", url,
                   "\" is neither \"sqlite:PATH\" nor \"postgresql://user@host:port/database\"."));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> OpenStore(const std::string& url,
                                                 const std::string& schema) {
  return Open(url, schema, SqlStore::Use::kWrite);
}

absl::StatusOr<std::unique_ptr<Store>> OpenStoreToRead(const std::string& url,
                                                       const std::string& schema) {
  return Open(url, schema, SqlStore::Use::kRead);
}

}  // namespace yikou::store

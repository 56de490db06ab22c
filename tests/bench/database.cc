#include "tests/bench/database.h"

#include <atomic>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/store/open.h"
#include "libs/store/postgres/postgres_connection.h"
#include "libs/store/sqlite/sqlite_connection.h"
#include "tests/bench/measure.h"

namespace yikou::sql {
std::vector<std::pair<std::string, std::string>> core_schema();
}  // namespace yikou::sql

namespace yikou::bench {

Database::Database(const std::string& store, test::PostgresServer* server)
    : store_(store), server_(server) {
  static std::atomic<int> serial{0};
  schema_ = absl::StrCat("bench_", ++serial);
}

Database::~Database() {
  if (store_ != kPostgresql) return;
  server_->Run(absl::StrCat("DROP SCHEMA IF EXISTS ", schema_, " CASCADE"));
}

std::string Database::url() const {
  return store_ == kPostgresql ? server_->url() : absl::StrCat("sqlite:", dir_.File("record.db"));
}

std::unique_ptr<store::Store> Database::OpenRecord() const {
  std::unique_ptr<store::Store> record = Must(store::OpenStore(url(), schema_));
  std::vector<store::Migration> migrations;
  for (auto& [name, text] : sql::core_schema()) {
    migrations.push_back({static_cast<int>(migrations.size()) + 1, name, text});
  }
  Must(record->Migrate(migrations));
  return record;
}

std::unique_ptr<store::SqlConnection> Database::Connect() const {
  if (store_ == kPostgresql) return Must(store::PostgresConnection::Open({url(), schema_, false}));
  return Must(store::SqliteConnection::Open(dir_.File("record.db"), false));
}

}  // namespace yikou::bench

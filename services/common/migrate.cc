#include "services/common/migrate.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "libs/app/schema.h"
#include "libs/base/status.h"
#include "libs/store/migrations.h"
#include "libs/store/open.h"

namespace yikou::services {
namespace {

constexpr char kRecord[] = "this record";

struct Where {
  std::string service;
  std::string url;
  std::string schema;
};

const char* WordsFor(store::MigrationState state) {
  switch (state) {
    case store::MigrationState::kApplied:
      return "applied";
    case store::MigrationState::kMissing:
      return "missing";
    case store::MigrationState::kChanged:
      return "applied in another form";
    case store::MigrationState::kNewer:
      return "newer than this binary";
  }
  return "";
}

void PrintTable(const std::vector<store::MigrationStatus>& migrations) {
  size_t width = 4;
  for (const auto& migration : migrations) width = std::max(width, migration.name.size());
  std::cout << absl::StrFormat("%-7s  %-*s  %s\n", "version", width, "name", "state");
  for (const auto& [version, name, state] : migrations) {
    std::cout << absl::StrFormat("%-7d  %-*s  %s\n", version, width, name, WordsFor(state));
  }
}

absl::StatusOr<std::vector<store::MigrationStatus>> Look(
    const Where& where, const std::vector<store::Migration>& migrations) {
  YK_ASSIGN_OR_RETURN(const auto record, store::OpenStoreToRead(where.url, where.schema));
  YK_ASSIGN_OR_RETURN(const auto applied, record->AppliedMigrations());
  return store::CompareMigrations(migrations, applied);
}

absl::Status PrintStatus(const Where& where, const std::vector<store::Migration>& migrations) {
  YK_ASSIGN_OR_RETURN(const auto all, Look(where, migrations));
  PrintTable(all);
  return absl::OkStatus();
}

absl::Status Up(const Where& where, const std::vector<store::Migration>& migrations) {
  YK_ASSIGN_OR_RETURN(const auto record, store::OpenStore(where.url, where.schema));
  YK_RETURN_IF_ERROR(record->Migrate(migrations));
  YK_ASSIGN_OR_RETURN(const auto applied, record->AppliedMigrations());
  PrintTable(store::CompareMigrations(migrations, applied));
  return absl::OkStatus();
}

absl::Status Verify(const Where& where, const std::vector<store::Migration>& migrations) {
  YK_ASSIGN_OR_RETURN(const auto all, Look(where, migrations));
  YK_RETURN_IF_ERROR(store::CheckUnchanged(all, kRecord));
  const absl::Status complete = store::CheckComplete(all, kRecord);
  if (!complete.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat(complete.message(), " Run \"yikou-", where.service, " migrate up\" on it."));
  }
  std::cout << "All " << migrations.size() << " migrations are applied.\n";
  return absl::OkStatus();
}

}  // namespace

std::optional<int> RunMigrate(int argc, char** argv, const std::string& service,
                              std::vector<store::Migration> own) {
  if (argc < 2 || std::string(argv[1]) != "migrate") return std::nullopt;
  Where where{service, "", service};
  CLI::App command(absl::StrCat("The schema of a record of ", service),
                   absl::StrCat("yikou-", service, " migrate"));
  command.fallthrough();
  command.require_subcommand(1);
  command.add_option("--store", where.url, "The record: sqlite:PATH, or postgresql://…")
      ->required();
  command.add_option("--store_schema", where.schema, "With PostgreSQL: the schema of the tables")
      ->capture_default_str();
  const CLI::App* status =
      command.add_subcommand("status", "Print what is applied and what is missing");
  const CLI::App* up = command.add_subcommand("up", "Apply what is missing");
  command.add_subcommand("verify", "Fail unless all is applied, and as this binary knows it");
  try {
    command.parse(argc - 1, argv + 1);
  } catch (const CLI::ParseError& error) {
    return command.exit(error) == 0 ? 0 : 2;
  }
  const std::vector<store::Migration> migrations = app::WholeSchema(std::move(own));
  const auto run = status->parsed() ? &PrintStatus : up->parsed() ? &Up : &Verify;
  const absl::Status done = run(where, migrations);
  if (done.ok()) return 0;
  std::cerr << done.message() << "\n";
  return 1;
}

}  // namespace yikou::services

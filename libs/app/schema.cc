#include "libs/app/schema.h"

#include <string>
#include <utility>

namespace yikou::sql {
std::vector<std::pair<std::string, std::string>> core_schema();
}  // namespace yikou::sql

namespace yikou::app {
namespace {

constexpr int kCoreVersionMax = 1000;  // versions of the core schema stay below; services above

}  // namespace

std::vector<store::Migration> CoreMigrations() {
  std::vector<store::Migration> core;
  for (auto& [name, text] : sql::core_schema()) {
    core.push_back({static_cast<int>(core.size()) + 1, name, text});
  }
  return core;
}

std::vector<store::Migration> BehindCore(std::vector<store::Migration> own) {
  for (store::Migration& migration : own) migration.version += kCoreVersionMax;
  return own;
}

std::vector<store::Migration> WholeSchema(std::vector<store::Migration> own) {
  std::vector<store::Migration> all = CoreMigrations();
  for (store::Migration& migration : BehindCore(std::move(own))) {
    all.push_back(std::move(migration));
  }
  return all;
}

}  // namespace yikou::app

// A service that is started wrongly says so and does nothing.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "catch2/catch.hpp"
#include "tests/e2e/programs.h"
#include "tests/support/temp_dir.h"

namespace yikou::test {
namespace {

// Starts approval on a record of its own, with these flags beside what it needs.
Ran StartApproval(Suite& suite, const TempDir& dir, const std::vector<std::string>& flags) {
  std::vector<std::string> args = {YIKOU_BINARY_DIR "/services/approval/yikou-approval",
                                   "--listen",
                                   "127.0.0.1:0",
                                   "--store",
                                   "sqlite:" + dir.File("approval.db"),
                                   "--key_dir",
                                   suite.KeyDir(),
                                   "--token_key",
                                   suite.KeyDir() + "/dev.key",
                                   "--token_kid",
                                   "dev",
                                   "--seal_dir",
                                   suite.KeyDir(),
                                   "--seals",
                                   YIKOU_SOURCE_DIR "/deploy/data/catalogue/seals.json",
                                   "--calendar",
                                   YIKOU_SOURCE_DIR
                                   "/deploy/data/calendar/cn_holidays_2007_2026.csv",
                                   "--log_file",
                                   dir.File("log")};
  args.insert(args.end(), flags.begin(), flags.end());
  return Run(std::move(args));
}

}  // namespace

TEST_CASE("a tier that is none ends the start with usage and its name") {
  TempDir dir;
  const Ran ran = StartApproval(SharedSuite(), dir, {"--tiers", "street,village"});
  INFO(ran.output);
  CHECK(ran.code == 2);
  CHECK(absl::StrContains(ran.output, "\"village\" is no tier that has queues"));
}

TEST_CASE("chosen tiers on a record that nobody can share are refused by a sentence") {
  TempDir dir;
  const Ran ran = StartApproval(SharedSuite(), dir, {"--tiers", "street"});
  INFO(ran.output);
  CHECK(ran.code == 1);
  CHECK(absl::StrContains(ran.output, "would wait for ever"));
}

TEST_CASE("a schema that may not be migrated is refused by a sentence that says what to run") {
  TempDir dir;
  const Ran ran = StartApproval(SharedSuite(), dir, {"--migrate", "no"});
  INFO(ran.output);
  CHECK(ran.code == 1);
  CHECK(absl::StrContains(ran.output, "(0001_core.sql) is missing in this record"));
  CHECK(absl::StrContains(ran.output, "yikou-approval migrate up"));
  CHECK(StartApproval(SharedSuite(), dir, {"--migrate", "perhaps"}).code == 2);
}

}  // namespace yikou::test

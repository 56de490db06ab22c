// What somebody with the file in hand can do to it, and what the audit says.
#include <fstream>

#include "absl/strings/str_cat.h"
#include "catch2/catch.hpp"
#include "services/cli/day/driver.h"
#include "services/cli/day/scenarios.h"
#include "tests/e2e/programs.h"
#include "yikou/casework/v1/log.pb.h"

namespace yikou::test {
namespace {

namespace cw = casework::v1;

void Copy(const std::string& from, const std::string& to) {
  std::ifstream in(from, std::ios::binary);
  std::ofstream out(to, std::ios::binary | std::ios::trunc);
  out << in.rdbuf();
}

// Changes one byte of the first place the text stands in the file.
bool FlipByteOf(const std::string& path, const std::string& text) {
  std::ifstream in(path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  const size_t at = bytes.find(text);
  if (at == std::string::npos) return false;
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(static_cast<std::streamoff>(at + text.size() - 1));
  file.put(bytes[at + text.size() - 1] == '0' ? '1' : '0');
  return true;
}

Ran Sql(const std::string& path, const std::string& sql) { return Run({"sqlite3", path, sql}); }

Ran Verify(Suite& suite) { return Cli(suite, {"--as", ":auditor:AUDITOR", "audit", "verify"}); }

}  // namespace

TEST_CASE("the audit names the place of whatever was done to the file by hand") {
  Suite suite;
  day::Driver driver(suite.client());
  auto told = day::SingleStatus(driver, [](const std::string&) {});
  INFO(told.status());
  REQUIRE(told.ok());
  REQUIRE(suite.Settle(absl::Seconds(30)));
  REQUIRE(Cli(suite, {"--as", ":auditor:AUDITOR", "audit", "sign"}).code == 0);
  const Ran clean = Verify(suite);
  INFO(clean.output);
  REQUIRE(clean.code == 0);

  cw::ReadStreamRequest read;
  read.set_stream("yikou:events:intake:{0}");
  read.set_from_seq(1183);
  auto entries = suite.client()->Call<cw::ReadStreamResponse>(
      "intake", "yikou.casework.v1.EventLogService.ReadStream", read, day::Driver::Operator(),
      absl::Seconds(10));
  REQUIRE(entries.ok());
  REQUIRE(entries->entries_size() > 0);
  const cw::Event event = entries->entries(0).event();
  const std::string place = absl::StrCat(event.position());
  const std::string path = suite.StorePath("intake");
  const std::string kept = path + ".kept";

  const auto after = [&](const std::function<void()>& tamper) {
    REQUIRE(suite.Terminate("intake") == 0);
    Copy(path, kept);
    tamper();
    suite.Start("intake");
    suite.WaitServing("intake");
    const Ran verified = Verify(suite);
    REQUIRE(suite.Terminate("intake") == 0);
    Copy(kept, path);
    suite.Start("intake");
    suite.WaitServing("intake");
    CHECK(verified.code == 1);
    return verified.output;
  };

  const std::string changed = after([&] { REQUIRE(FlipByteOf(path, event.event_id())); });
  INFO("one byte: " << changed);
  CHECK(changed.find("event " + place) != std::string::npos);

  const std::string removed = after([&] {
    REQUIRE(Sql(path, absl::StrCat("DELETE FROM event WHERE position = ", place)).code == 0);
  });
  INFO("one event: " << removed);
  CHECK(removed.find("events " + place + " to " + place) != std::string::npos);

  const std::string aggregate = after([&] {
    REQUIRE(
        Sql(path, absl::StrCat("DELETE FROM case_record WHERE id = '", told->case_id, "'")).code ==
        0);
  });
  INFO("one aggregate: " << aggregate);
  CHECK(aggregate.find("case " + told->case_id) != std::string::npos);

  const std::string cut = after([&] {
    REQUIRE(Sql(path, absl::StrCat("DELETE FROM event WHERE position >= ", place,
                                   "; UPDATE log_head SET position = (SELECT MAX(position) FROM "
                                   "event), hash = (SELECT hash FROM event ORDER BY position DESC "
                                   "LIMIT 1);"))
                .code == 0);
  });
  INFO("the tail: " << cut);
  CHECK(cut.find("were cut off") != std::string::npos);

  CHECK(Verify(suite).code == 0);
}

}  // namespace yikou::test

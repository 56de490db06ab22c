#include "libs/base/log.h"

#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "catch2/catch.hpp"

namespace yikou::base {
namespace {

// Runs `write` with the log in a file of its own and returns the lines.
template <class Write>
std::vector<nlohmann::json> LinesOf(LogLevel least, const Write& write) {
  const std::string path = absl::StrCat("/tmp/yikou-log-test-", getpid());
  std::remove(path.c_str());
  InitLog("intake", least, path);
  write();
  std::vector<nlohmann::json> lines;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) lines.push_back(nlohmann::json::parse(line));
  std::remove(path.c_str());
  return lines;
}

}  // namespace

TEST_CASE("identity and mobile numbers are masked wherever they stand") {
  CHECK(MaskPersonalData("11010519491231002X") == "110*************2X");
  CHECK(MaskPersonalData("11010519491231002x") == "110*************2x");
  CHECK(MaskPersonalData("230108198001010012") == "230*************12");
  CHECK(MaskPersonalData("13812345678") == "138******78");
  CHECK(MaskPersonalData("张三，电话13812345678，身份证230108198001010012。") ==
        "张三，电话138******78，身份证230*************12。");
  CHECK(MaskPersonalData("a=13812345678;b=13912345678") == "a=138******78;b=139******78");
}

TEST_CASE("ids, numbers and codes are left as they are") {
  for (const char* text : {"", "230108001001", "230108001001-station", "23010820150701A0000010",
                           "0123456789abcdef0123456789abcdef", "0123456789abcdef01234567abcdefab",
                           "2381234567812345678", "03812345678", "1381234567", "12345678901234567Y",
                           "办件 AcceptCase 已完成"}) {
    CAPTURE(text);
    CHECK(MaskPersonalData(text) == text);
  }
}

TEST_CASE("a line is one JSON object with time, level, service, event and fields") {
  const auto lines = LinesOf(LogLevel::kInfo, [] {
    LogInfo("relay.published", {{"count", "3"}, {"stream", "yikou:events"}});
    LogError("store.failed", {});
  });
  REQUIRE(lines.size() == 2);
  CHECK(lines[0]["level"] == "info");
  CHECK(lines[0]["service"] == "intake");
  CHECK(lines[0]["event"] == "relay.published");
  CHECK(lines[0]["count"] == "3");
  CHECK(lines[0]["stream"] == "yikou:events");
  absl::Time time;
  std::string why;
  CHECK(absl::ParseTime(absl::RFC3339_full, lines[0]["time"].get<std::string>(), &time, &why));
  CHECK(lines[1]["level"] == "error");
}

TEST_CASE("less than the least level is not written") {
  const auto lines = LinesOf(LogLevel::kWarning, [] {
    LogInfo("quiet", {});
    Log(LogLevel::kDebug, "quiet", {});
    LogWarning("loud", {});
  });
  REQUIRE(lines.size() == 1);
  CHECK(lines[0]["event"] == "loud");
}

TEST_CASE("no value can break a line, forge one or carry a citizen into the log") {
  const auto lines = LinesOf(LogLevel::kInfo, [] {
    LogInfo("bad", {{"text", "a\n{\"event\":\"forged\"}\r\"'\\{}"},
                    {"bytes", std::string("\xff\x00\xc3", 3)},
                    {"phone", "13812345678"}});
  });
  REQUIRE(lines.size() == 1);
  CHECK(lines[0]["text"] == "a\n{\"event\":\"forged\"}\r\"'\\{}");
  CHECK(lines[0]["phone"] == "138******78");
}

}  // namespace yikou::base

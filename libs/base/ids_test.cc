#include "libs/base/ids.h"

#include <set>
#include <string>

#include "absl/strings/ascii.h"
#include "catch2/catch.hpp"

namespace yikou::base {
namespace {

bool IsLowerHex(absl::string_view text) {
  for (const char c : text) {
    if (!absl::ascii_isdigit(c) && (c < 'a' || c > 'f')) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("an id is 32 hex digits that begin with its millisecond") {
  const std::string id = NewId(absl::FromUnixMillis(0x0123456789ab));
  CHECK(id.size() == 32);
  CHECK(IsLowerHex(id));
  CHECK(id.substr(0, 12) == "0123456789ab");
}

TEST_CASE("ids made later sort later") {
  absl::Time now = absl::FromUnixSeconds(1435708800);
  std::string last = NewId(now);
  for (int i = 0; i < 1000; ++i) {
    now += absl::Milliseconds(1 + i * 7);
    const std::string next = NewId(now);
    CHECK(last < next);
    last = next;
  }
}

TEST_CASE("ten thousand ids of one millisecond are all different") {
  std::set<std::string> ids;
  for (int i = 0; i < 10000; ++i) ids.insert(NewId(absl::UnixEpoch()));
  CHECK(ids.size() == 10000);
}

TEST_CASE("random hex is as long as asked and never the same") {
  CHECK(RandomHex(0).empty());
  CHECK(RandomHex(1).size() == 2);
  const std::string first = RandomHex(256);
  CHECK(first.size() == 512);
  CHECK(IsLowerHex(first));
  CHECK(first != RandomHex(256));
}

TEST_CASE("bytes become two lower-case digits each, high half first") {
  CHECK(ToHex("").empty());
  CHECK(ToHex(std::string("\x00\x0f\xa5\xff", 4)) == "000fa5ff");
}

TEST_CASE("request ids are UUIDs with dashes in their places, or 32 hex digits") {
  for (const char* good :
       {"123e4567-e89b-12d3-a456-426614174000", "123E4567-E89B-12D3-A456-426614174000",
        "123e4567e89b12d3a456426614174000"}) {
    CAPTURE(good);
    CHECK(IsUuid(good));
  }
  for (const char* bad :
       {"", "123e4567-e89b-12d3-a456-42661417400", "123e4567-e89b-12d3-a456-4266141740000",
        "123e4567-e89b-12d3-a456-42661417400g", "123e4567ee89b-12d3-a456-426614174000",
        "123e4567-e89b-12d3-a4567426614174000", "-23e4567-e89b-12d3-a456-426614174000",
        "123e4567e89b12d3a45642661417400-", "123e4567e89b12d3a45642661417400 ",
        "{23e4567-e89b-12d3-a456-426614174000}"}) {
    CAPTURE(bad);
    CHECK_FALSE(IsUuid(bad));
  }
  CHECK(IsUuid(NewId(absl::UnixEpoch())));
}

}  // namespace yikou::base

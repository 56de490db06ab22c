#include "libs/casework/chain.h"

#include <string>
#include <vector>

#include "catch2/catch.hpp"
#include "libs/base/ids.h"
#include "rapidcheck/catch.h"

namespace yikou::casework {
namespace {

std::vector<std::string> Hashes(const std::vector<std::string>& events, HashAlgorithm algorithm) {
  std::vector<std::string> hashes;
  std::string prev;
  for (const std::string& event : events) {
    prev = ChainHash(prev, event, algorithm);
    hashes.push_back(prev);
  }
  return hashes;
}

}  // namespace

TEST_CASE("the digests are SHA-256 and SM3 as published") {
  CHECK(base::ToHex(Digest("abc")) ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(base::ToHex(Digest("")) ==
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  // GB/T 32905, example 1.
  CHECK(base::ToHex(Digest("abc", HashAlgorithm::kSm3)) ==
        "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0");
}

TEST_CASE("a chain hash is the digest of the hash before and the event") {
  const std::string first = ChainHash("", "event 1");
  CHECK(first == Digest("event 1"));
  CHECK(ChainHash(first, "event 2") == Digest(first + "event 2"));
  CHECK(ChainHash(first, "event 2", HashAlgorithm::kSm3) ==
        Digest(first + "event 2", HashAlgorithm::kSm3));
  CHECK(Digest(std::string("a\0b", 3)) != Digest("a"));
}

TEST_CASE("altering, losing or swapping events changes every hash from there on") {
  rc::prop("the chain shows it", [] {
    const auto algorithm = *rc::gen::element(HashAlgorithm::kSha256, HashAlgorithm::kSm3);
    const auto events = *rc::gen::container<std::vector<std::string>>(
        5, rc::gen::nonEmpty(rc::gen::arbitrary<std::string>()));
    const size_t at = *rc::gen::inRange<size_t>(0, 4);
    const auto before = Hashes(events, algorithm);
    auto altered = events;
    switch (*rc::gen::inRange(0, 3)) {
      case 0:
        altered[at][0] ^= 1;
        break;
      case 1:
        altered.erase(altered.begin() + at);
        break;
      default:
        RC_PRE(altered[at] != altered[at + 1]);
        std::swap(altered[at], altered[at + 1]);
    }
    RC_PRE(altered[at] != events[at]);
    const auto after = Hashes(altered, algorithm);
    for (size_t i = 0; i < at; ++i) RC_ASSERT(after[i] == before[i]);
    for (size_t i = at; i < after.size(); ++i) RC_ASSERT(after[i] != before[i]);
    RC_ASSERT(after.back() != before.back());
  });
}

}  // namespace yikou::casework

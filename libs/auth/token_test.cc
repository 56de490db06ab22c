#include "libs/auth/token.h"

#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "catch2/catch.hpp"
#include "libs/auth/roles.h"
#include "libs/auth/seal.h"
#include "libs/base/ids.h"

namespace yikou::auth {
namespace {

using Json = nlohmann::json;

class FakeClock final : public base::Clock {
 public:
  absl::Time Now() const override { return now; }
  absl::Time now = absl::FromUnixSeconds(1'790'000'000);
};

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

std::string Base64Url(absl::string_view bytes) {
  std::string text;
  absl::WebSafeBase64Escape(bytes, &text);
  return text;
}

// A folder with one pair of keys, a minter and a verifier that agree.
class Fixture {
 public:
  Fixture() {
    std::filesystem::create_directories(dir);
    pair = *GenerateKeyPair(dir, "k1");
    minter = *TokenMinter::Create({pair.private_path, "k1", "yikou-dev", "yikou"}, &clock);
    verifier = *TokenVerifier::Create({dir, "yikou-dev", "yikou", absl::Seconds(30)}, &clock);
  }
  ~Fixture() { std::filesystem::remove_all(dir); }

  std::string Mint(absl::Duration lifetime = absl::Hours(1)) const {
    return *minter->Mint(clerk, lifetime);
  }
  // The sentence with which a token is refused; "" when it is accepted.
  std::string Refusal(const std::string& token) const {
    const absl::StatusOr<Principal> principal = verifier->Verify(token);
    if (principal.ok()) return "";
    CHECK(principal.status().code() == absl::StatusCode::kUnauthenticated);
    if (token.size() > 8)
      CHECK(principal.status().message().find(token) == absl::string_view::npos);
    return std::string(principal.status().message());
  }

  FakeClock clock;
  const std::string dir =
      (std::filesystem::temp_directory_path() / ("yikou-token-" + base::RandomHex(6))).string();
  const Principal clerk{"p-1", "440305001", {kClerk, kOfficer}, "c-7"};
  KeyPair pair;
  std::unique_ptr<TokenMinter> minter;
  std::unique_ptr<TokenVerifier> verifier;
};

// Swaps header or claims of a token and keeps its signature.
std::string Alter(const std::string& token, int part, const std::string& json) {
  std::vector<std::string> parts = absl::StrSplit(token, '.');
  parts[part] = Base64Url(json);
  return absl::StrCat(parts[0], ".", parts[1], ".", parts[2]);
}

std::string Hs256(const std::string& header, const std::string& claims, const std::string& key) {
  const std::string text = absl::StrCat(Base64Url(header), ".", Base64Url(claims));
  unsigned char mac[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac, &size);
  return absl::StrCat(text, ".", Base64Url(absl::string_view(reinterpret_cast<char*>(mac), size)));
}

// A genuine signature over any header and claims, which the minter would not make.
std::string Es256(const std::string& key_path, const std::string& header,
                  const std::string& claims) {
  const std::string text = absl::StrCat(Base64Url(header), ".", Base64Url(claims));
  const std::string der = *SealKey::Load(key_path)->Sign(text);
  const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
  ECDSA_SIG* pair = d2i_ECDSA_SIG(nullptr, &bytes, static_cast<long>(der.size()));
  std::string raw(64, '\0');
  auto* out = reinterpret_cast<unsigned char*>(raw.data());
  BN_bn2binpad(ECDSA_SIG_get0_r(pair), out, 32);
  BN_bn2binpad(ECDSA_SIG_get0_s(pair), out + 32, 32);
  ECDSA_SIG_free(pair);
  return absl::StrCat(text, ".", Base64Url(raw));
}

std::string ClaimsOf(const std::string& token) {
  const std::vector<std::string> parts = absl::StrSplit(token, '.');
  std::string text;
  REQUIRE(absl::WebSafeBase64Unescape(parts[1], &text));
  return text;
}

TEST_CASE_METHOD(Fixture, "a minted token brings the same principal back", "[auth][token]") {
  const absl::StatusOr<Principal> principal = verifier->Verify(Mint());
  REQUIRE(principal.ok());
  CHECK(principal->person_id == "p-1");
  CHECK(principal->unit_id == "440305001");
  CHECK(principal->agent_for == "c-7");
  CHECK(principal->Has(kClerk));
  CHECK(principal->Has(kOfficer));
  CHECK_FALSE(principal->Has(kAdmin));
}

TEST_CASE_METHOD(Fixture, "a token without a signature is refused", "[auth][token]") {
  const std::string claims = ClaimsOf(Mint());
  for (const char* alg : {"none", "None", "NONE", ""}) {
    const std::string header = Json{{"alg", alg}, {"kid", "k1"}, {"typ", "JWT"}}.dump();
    CHECK(Refusal(absl::StrCat(Base64Url(header), ".", Base64Url(claims), ".")) != "");
    CHECK(Refusal(Alter(Mint(), 0, header)) != "");
  }
  CHECK(Refusal(absl::StrCat(Base64Url(R"({"kid":"k1"})"), ".", Base64Url(claims), ".")) != "");
  // The right header, but nothing signed.
  const std::string header = R"({"alg":"ES256","kid":"k1"})";
  CHECK(Refusal(absl::StrCat(Base64Url(header), ".", Base64Url(claims), ".")) != "");
}

TEST_CASE_METHOD(Fixture, "a public key is no secret to sign with", "[auth][token]") {
  const std::string pem = ReadFile(pair.public_path);
  const std::string claims = ClaimsOf(Mint());
  CHECK(Refusal(Hs256(R"({"alg":"HS256","kid":"k1","typ":"JWT"})", claims, pem)) != "");
  CHECK(Refusal(Hs256(R"({"alg":"ES256","kid":"k1","typ":"JWT"})", claims, pem)) != "");
}

TEST_CASE_METHOD(Fixture, "an altered token is refused", "[auth][token]") {
  const std::string token = Mint();
  Json claims = Json::parse(ClaimsOf(token));
  claims["roles"].push_back(kAdmin);
  CHECK(Refusal(Alter(token, 1, claims.dump())) != "");
  // The last character of a signature also holds bits that decode to nothing, so leave it out.
  for (size_t i = 0; i + 1 < token.size(); i += 7) {
    std::string altered = token;
    altered[i] = altered[i] == 'A' ? 'B' : 'A';
    CHECK(Refusal(altered) != "");
  }
  CHECK(Refusal(token) == "");
}

TEST_CASE_METHOD(Fixture, "issuer, audience and key must be ours", "[auth][token]") {
  const auto minted_by = [this](const char* kid, const char* issuer, const char* audience) {
    return *(*TokenMinter::Create({pair.private_path, kid, issuer, audience}, &clock))
                ->Mint(clerk, absl::Hours(1));
  };
  CHECK(Refusal(minted_by("k1", "yikou-dev", "yikou")) == "");
  CHECK(Refusal(minted_by("k1", "somebody", "yikou")).find("issuer") != std::string::npos);
  CHECK(Refusal(minted_by("k1", "yikou-dev", "others")).find("audience") != std::string::npos);
  CHECK(Refusal(minted_by("k2", "yikou-dev", "yikou")).find("key") != std::string::npos);

  // Another pair's private key under our key's name.
  const std::string other_dir = dir + "/other";
  std::filesystem::create_directories(other_dir);
  const KeyPair other = *GenerateKeyPair(other_dir, "k1");
  auto forger = *TokenMinter::Create({other.private_path, "k1", "yikou-dev", "yikou"}, &clock);
  CHECK(Refusal(*forger->Mint(clerk, absl::Hours(1))).find("signature") != std::string::npos);
}

TEST_CASE_METHOD(Fixture, "a token is valid from nbf to exp, within the leeway", "[auth][token]") {
  const std::string token = Mint(absl::Hours(1));
  clock.now -= absl::Seconds(31);
  CHECK(Refusal(token).find("not valid yet") != std::string::npos);
  clock.now += absl::Seconds(2);
  CHECK(Refusal(token) == "");
  clock.now += absl::Hours(1) + absl::Seconds(58);
  CHECK(Refusal(token) == "");  // remembered or not, it has a second left
  clock.now += absl::Seconds(2);
  CHECK(Refusal(token).find("expired") != std::string::npos);
}

TEST_CASE_METHOD(Fixture, "a token that lives too long is never minted", "[auth][token]") {
  CHECK(minter->Mint(clerk, absl::Hours(24)).ok());
  CHECK_FALSE(minter->Mint(clerk, absl::Hours(25)).ok());
  CHECK_FALSE(minter->Mint(clerk, absl::ZeroDuration()).ok());
}

TEST_CASE_METHOD(Fixture, "a genuine signature does not excuse odd claims", "[auth][token]") {
  const Json good = Json::parse(ClaimsOf(Mint()));
  const auto refusal = [this](const Json& claims) {
    return Refusal(Es256(pair.private_path, R"({"alg":"ES256","kid":"k1"})", claims.dump()));
  };
  CHECK(refusal(good) == "");
  for (const char* name : {"iss", "aud", "sub", "nbf", "exp"}) {
    Json claims = good;
    claims.erase(name);
    CHECK(refusal(claims) != "");
    for (const Json& odd : {Json(nullptr), Json(-1), Json(1e300), Json("x"), Json::array(),
                            Json(18446744073709551615ull), Json{{"a", 1}}}) {
      if (odd == "x" && std::string(name) == "sub") continue;
      claims[name] = odd;
      CHECK(refusal(claims) != "");
    }
  }
  Json claims = good;
  claims["exp"] = good["nbf"].get<int64_t>() + 24 * 3600 + 1;
  CHECK(refusal(claims).find("24 hours") != std::string::npos);
  claims = good;
  claims["aud"] = {"others", "yikou"};
  CHECK(refusal(claims) == "");
  claims["roles"] = "ADMIN";
  CHECK(refusal(claims) != "");
  claims["roles"] = {1};
  CHECK(refusal(claims) != "");
}

TEST_CASE_METHOD(Fixture, "a key id is a name, never a path", "[auth][token]") {
  std::filesystem::create_directories(dir + "/sub");
  std::filesystem::copy_file(pair.public_path, dir + "/sub/k3.pem");
  const std::string token = Mint();
  for (const std::string& kid :
       {std::string("../k1"), std::string("sub/k3"), std::string("k1.pem"), dir + "/k1",
        std::string("k1\0x", 4), std::string(""), std::string(65, 'k'), std::string(".")}) {
    const std::string header = Json{{"alg", "ES256"}, {"kid", kid}}.dump();
    CHECK(Refusal(Alter(token, 0, header)).find("key id") != std::string::npos);
    CHECK_FALSE(TokenMinter::Create({pair.private_path, kid, "i", "a"}, &clock).ok());
    if (!kid.empty()) CHECK_FALSE(GenerateKeyPair(dir, kid).ok());
  }
  CHECK(Refusal(Alter(token, 0, R"({"alg":"ES256","kid":["k1"]})")) != "");
  CHECK(Refusal(Alter(token, 0, R"({"alg":"ES256","kid":"k1","crit":["b64"]})")) != "");
}

TEST_CASE_METHOD(Fixture, "rubbish and huge tokens are refused at once", "[auth][token]") {
  CHECK(Refusal(std::string(1 << 20, 'a')).find("8 KiB") != std::string::npos);
  CHECK(Refusal(absl::StrCat(Base64Url(std::string(4000, '[')), ".e30.e30")) != "");
  for (const char* token : {"", ".", "..", "...", "a.b.c", "e30.e30.e30", "W10.e30.AA", "汉字.a.b",
                            "a b.c.d", "bnVsbA.bnVsbA.bnVsbA"}) {
    CHECK(Refusal(token) != "");
  }
  CHECK(Refusal(Mint() + ".x") != "");
  CHECK(Refusal(Mint() + "\n") != "");
}

TEST_CASE_METHOD(Fixture, "a new key is found without a restart", "[auth][token]") {
  const KeyPair second = *GenerateKeyPair(dir, "k2");
  auto rotated = *TokenMinter::Create({second.private_path, "k2", "yikou-dev", "yikou"}, &clock);
  const std::string token = *rotated->Mint(clerk, absl::Hours(1));
  CHECK(Refusal(token) != "");  // the folder was read less than a second ago
  clock.now += absl::Seconds(1);
  CHECK(Refusal(token) == "");
  CHECK(Refusal(Mint()) == "");
}

TEST_CASE_METHOD(Fixture, "a key taken away takes its tokens with it", "[auth][token]") {
  const std::string token = Mint();
  REQUIRE(Refusal(token) == "");
  std::filesystem::remove(pair.public_path);
  clock.now += absl::Seconds(59);
  CHECK(Refusal(token) == "");
  clock.now += absl::Seconds(1);
  CHECK(Refusal(token).find("key") != std::string::npos);
}

TEST_CASE_METHOD(Fixture, "unusable key files do no harm", "[auth][token]") {
  std::ofstream(dir + "/bad.pem") << "-----BEGIN PUBLIC KEY-----\nAAAA\n";
  std::ofstream(dir + "/empty.pem");
  std::filesystem::copy_file(pair.private_path, dir + "/private.pem");
  clock.now += absl::Minutes(2);
  CHECK(Refusal(Mint()) == "");
  CHECK_FALSE(TokenVerifier::Create({dir + "/none", "i", "a"}, &clock).ok());
}

TEST_CASE_METHOD(Fixture, "a private key is for its owner only", "[auth][token]") {
  struct stat info = {};
  REQUIRE(stat(pair.private_path.c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
  REQUIRE(chmod(pair.private_path.c_str(), 0644) == 0);
  CHECK(TokenMinter::Create({pair.private_path, "k1", "i", "a"}, &clock).status().code() ==
        absl::StatusCode::kFailedPrecondition);
}

TEST_CASE_METHOD(Fixture, "remembering does not mix callers up", "[auth][token]") {
  std::vector<std::string> tokens;
  for (int i = 0; i < 200; ++i) {
    tokens.push_back(*minter->Mint({absl::StrCat("p-", i), "u", {kClerk}, ""}, absl::Hours(1)));
  }
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 200; ++i) {
      const absl::StatusOr<Principal> principal = verifier->Verify(tokens[i]);
      REQUIRE(principal.ok());
      REQUIRE(principal->person_id == absl::StrCat("p-", i));
    }
  }
}

}  // namespace
}  // namespace yikou::auth

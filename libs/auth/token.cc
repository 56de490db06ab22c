#include "libs/auth/token.h"

#include <jwt.h>
#include <openssl/sha.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/auth/pem.h"
#include "libs/base/ids.h"
#include "libs/base/log.h"
#include "libs/base/status.h"

namespace yikou::auth {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxRemembered = 10'000;
constexpr absl::Duration kLeastReadInterval = absl::Seconds(1);
constexpr absl::Duration kMostReadInterval = absl::Minutes(1);
constexpr char kAlgorithm[] = "ES256";
// The last second of year 9999: larger numbers are nonsense and would overflow absl::Time's text.
constexpr int64_t kMaxUnixSeconds = 253402300799;

struct JwtDeleter {
  void operator()(jwt_t* jwt) const { jwt_free(jwt); }
};
using Jwt = std::unique_ptr<jwt_t, JwtDeleter>;

struct MallocDeleter {
  void operator()(char* text) const { free(text); }
};
using MallocText = std::unique_ptr<char, MallocDeleter>;

absl::Status Refused(absl::string_view why) {
  return absl::UnauthenticatedError(absl::StrCat("The token was refused: ", why));
}

bool IsKid(absl::string_view kid) {
  return !kid.empty() && kid.size() <= 64 && std::all_of(kid.begin(), kid.end(), [](char c) {
    return absl::ascii_isalnum(c) || c == '-' || c == '_';
  });
}

// Exactly three parts of base64url. libjwt's own reader is lenient, and lenient readers disagree.
bool HasTokenShape(absl::string_view token) {
  return std::count(token.begin(), token.end(), '.') == 2 &&
         std::all_of(token.begin(), token.end(), [](char c) {
           return absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.';
         });
}

// Returns the key id of a token whose header names our one algorithm and nothing critical. Nothing
// else of the token is believed before its signature is checked.
absl::StatusOr<std::string> KidOf(absl::string_view token) {
  const std::vector<absl::string_view> parts = absl::StrSplit(token, '.');
  std::string text;
  if (!absl::WebSafeBase64Unescape(parts[0], &text)) return Refused("its header is not base64url.");
  const Json header = Json::parse(text, nullptr, false);
  if (!header.is_object()) return Refused("its header is not a JSON object.");
  if (header.value("alg", Json()) != kAlgorithm) return Refused("its algorithm is not ES256.");
  if (header.contains("crit")) return Refused("its header has critical extensions.");
  const Json kid = header.value("kid", Json());
  if (!kid.is_string() || !IsKid(kid.get_ref<const std::string&>())) {
    return Refused("its key id is missing or malformed.");
  }
  return kid.get<std::string>();
}

// Checks the signature and returns the claims.
absl::StatusOr<Json> VerifiedClaims(const std::string& token, const std::string& pem) {
  jwt_t* raw = nullptr;
  const int failed =
      jwt_decode(&raw, token.c_str(), reinterpret_cast<const unsigned char*>(pem.data()),
                 static_cast<int>(pem.size()));
  const Jwt jwt(raw);
  if (failed != 0 || jwt == nullptr || jwt_get_alg(jwt.get()) != JWT_ALG_ES256) {
    return Refused("its signature is not genuine.");
  }
  const MallocText text(jwt_get_grants_json(jwt.get(), nullptr));
  if (text == nullptr) return Refused("it has no claims.");
  Json claims = Json::parse(text.get(), nullptr, false);
  if (!claims.is_object()) return Refused("its claims are not a JSON object.");
  return claims;
}

absl::StatusOr<absl::Time> TimeClaim(const Json& claims, const char* name) {
  const Json value = claims.value(name, Json());
  if (!value.is_number_integer() || value < 0 || value > kMaxUnixSeconds) {
    return Refused(absl::StrCat("its ", name, " is missing or not a time."));
  }
  return absl::FromUnixSeconds(value.get<int64_t>());
}

// A text claim; "" when absent or of another type.
std::string TextClaim(const Json& claims, const char* name) {
  const Json value = claims.value(name, Json());
  return value.is_string() ? value.get<std::string>() : "";
}

bool NamesAudience(const Json& claims, const std::string& audience) {
  const Json value = claims.value("aud", Json());
  return value == audience ||
         (value.is_array() && std::find(value.begin(), value.end(), audience) != value.end());
}

// Checks everything that is said in time or about sender and receiver; returns the expiry.
absl::StatusOr<absl::Time> CheckClaims(const Json& claims, const TokenVerifier::Options& options,
                                       absl::Time now) {
  if (TextClaim(claims, "iss") != options.issuer) return Refused("another issuer made it.");
  if (!NamesAudience(claims, options.audience)) return Refused("it was made for another audience.");
  YK_ASSIGN_OR_RETURN(const absl::Time from, TimeClaim(claims, "nbf"));
  YK_ASSIGN_OR_RETURN(const absl::Time until, TimeClaim(claims, "exp"));
  if (until - from > kMaxTokenLifetime) return Refused("it lives for more than 24 hours.");
  if (now < from - options.leeway) return Refused("it is not valid yet.");
  if (now >= until + options.leeway) return Refused("it has expired; obtain a new one.");
  return until + options.leeway;
}

absl::StatusOr<Principal> PrincipalOf(const Json& claims) {
  Principal principal;
  principal.person_id = TextClaim(claims, "sub");
  if (principal.person_id.empty()) return Refused("it names nobody (claim sub).");
  principal.unit_id = TextClaim(claims, "unit");
  principal.agent_for = TextClaim(claims, "agent_for");
  const Json roles = claims.value("roles", Json::array());
  if (!roles.is_array()) return Refused("its roles are not an array.");
  for (const Json& role : roles) {
    if (!role.is_string()) return Refused("its roles are not texts.");
    principal.roles.push_back(role.get<std::string>());
  }
  return principal;
}

std::string DigestOf(absl::string_view token) {
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(token.data()), token.size(),
         reinterpret_cast<unsigned char*>(digest.data()));
  return digest;
}

// The PEM of one public key file, "" (and a warning) when it is none we can use: one bad file must
// not lock everybody out.
std::string UsableKey(const std::filesystem::path& path) {
  absl::StatusOr<std::string> pem = ReadKeyFile(path.string());
  if (pem.ok()) {
    const absl::StatusOr<Key> key = ParsePublicPem(*pem);
    if (key.ok() && IsP256(key->get())) return *std::move(pem);
  }
  base::LogWarning("auth.key_unusable", {{"file", path.filename().string()}});
  return "";
}

}  // namespace

absl::StatusOr<std::unique_ptr<TokenVerifier>> TokenVerifier::Create(Options options,
                                                                     const base::Clock* clock) {
  std::unique_ptr<TokenVerifier> verifier(new TokenVerifier(std::move(options), clock));
  YK_RETURN_IF_ERROR(verifier->ReadKeys(clock->Now()));
  return verifier;
}

absl::StatusOr<Principal> TokenVerifier::Verify(absl::string_view token) {
  if (token.size() > kMaxTokenBytes) return Refused("it is longer than 8 KiB.");
  const absl::Time now = clock_->Now();
  const std::string digest = DigestOf(token);
  Principal principal;
  if (Recall(digest, now, &principal)) return principal;

  if (!HasTokenShape(token)) return Refused("it is not a JWT.");
  YK_ASSIGN_OR_RETURN(const std::string kid, KidOf(token));
  int generation = 0;
  YK_ASSIGN_OR_RETURN(const std::string pem, KeyFor(kid, now, &generation));
  YK_ASSIGN_OR_RETURN(const Json claims, VerifiedClaims(std::string(token), pem));
  YK_ASSIGN_OR_RETURN(const absl::Time expires, CheckClaims(claims, options_, now));
  YK_ASSIGN_OR_RETURN(principal, PrincipalOf(claims));
  Remember(digest, {principal, expires}, generation);
  return principal;
}

absl::Status TokenVerifier::ReadKeys(absl::Time now) {
  keys_read_ = now;
  Keys found;
  std::error_code failed;
  for (std::filesystem::directory_iterator entry(options_.key_dir, failed), end;
       !failed && entry != end; entry.increment(failed)) {
    const std::string kid = entry->path().stem().string();
    if (entry->path().extension() != ".pem" || !IsKid(kid)) continue;
    std::string pem = UsableKey(entry->path());
    if (!pem.empty()) found.emplace(kid, std::move(pem));
  }
  if (failed) {
    return absl::NotFoundError(absl::StrCat("The folder of public keys ", options_.key_dir,
                                            " cannot be read: ", failed.message()));
  }
  if (found == keys_) return absl::OkStatus();
  keys_ = std::move(found);
  ++generation_;
  remembered_.clear();
  base::LogInfo("auth.keys_read", {{"keys", absl::StrCat(keys_.size())}});
  return absl::OkStatus();
}

absl::StatusOr<std::string> TokenVerifier::KeyFor(const std::string& kid, absl::Time now,
                                                  int* generation) {
  std::lock_guard<std::mutex> lock(mutex_);
  auto key = keys_.find(kid);
  // A clock that was set back must not stop the reading.
  if (key == keys_.end() && (now < keys_read_ || now - keys_read_ >= kLeastReadInterval)) {
    const absl::Status read = ReadKeys(now);
    if (!read.ok()) base::LogWarning("auth.keys_unread", {{"cause", std::string(read.message())}});
    key = keys_.find(kid);
  }
  if (key == keys_.end()) return Refused("its key is not known here.");
  *generation = generation_;
  return key->second;
}

bool TokenVerifier::Recall(const std::string& digest, absl::Time now, Principal* principal) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (now < keys_read_ || now - keys_read_ >= kMostReadInterval) {
    const absl::Status read = ReadKeys(now);  // on failure the keys last read stay good
    if (!read.ok()) base::LogWarning("auth.keys_unread", {{"cause", std::string(read.message())}});
  }
  const auto found = remembered_.find(digest);
  if (found == remembered_.end()) return false;
  if (now >= found->second.expires) {
    remembered_.erase(found);
    return false;
  }
  *principal = found->second.principal;
  return true;
}

void TokenVerifier::Remember(const std::string& digest, const Remembered& remembered,
                             int generation) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (generation != generation_) return;  // its key may be gone by now
  // Starting over costs each live token one signature check; keeping an order would cost every
  // call.
  if (remembered_.size() >= kMaxRemembered) remembered_.clear();
  remembered_[digest] = remembered;
}

absl::StatusOr<std::unique_ptr<TokenMinter>> TokenMinter::Create(Options options,
                                                                 const base::Clock* clock) {
  YK_ASSIGN_OR_RETURN(std::string pem, ReadPrivateKeyFile(options.private_key_path));
  YK_ASSIGN_OR_RETURN(const Key key, ParsePrivatePem(pem));
  if (!IsP256(key.get())) return absl::InvalidArgumentError("The token key is not EC P-256.");
  if (!IsKid(options.kid)) {
    return absl::InvalidArgumentError("The key id must match [A-Za-z0-9_-]{1,64}.");
  }
  return std::unique_ptr<TokenMinter>(new TokenMinter(std::move(options), std::move(pem), clock));
}

absl::StatusOr<std::string> TokenMinter::Mint(const Principal& principal,
                                              absl::Duration lifetime) const {
  if (lifetime <= absl::ZeroDuration() || lifetime > kMaxTokenLifetime) {
    return absl::InvalidArgumentError("A token lives for more than 0 and at most 24 hours.");
  }
  const int64_t now = absl::ToUnixSeconds(clock_->Now());
  Json claims = {{"iss", options_.issuer},
                 {"aud", options_.audience},
                 {"sub", principal.person_id},
                 {"roles", principal.roles},
                 {"iat", now},
                 {"nbf", now},
                 {"exp", now + absl::ToInt64Seconds(lifetime)}};
  if (!principal.unit_id.empty()) claims["unit"] = principal.unit_id;
  if (!principal.agent_for.empty()) claims["agent_for"] = principal.agent_for;
  const std::string text = claims.dump(-1, ' ', false, Json::error_handler_t::replace);

  jwt_t* raw = nullptr;
  if (jwt_new(&raw) != 0) return absl::InternalError("A token could not be made.");
  const Jwt jwt(raw);
  if (jwt_add_header(raw, "kid", options_.kid.c_str()) != 0 ||
      jwt_add_grants_json(raw, text.c_str()) != 0 ||
      jwt_set_alg(raw, JWT_ALG_ES256, reinterpret_cast<const unsigned char*>(pem_.data()),
                  static_cast<int>(pem_.size())) != 0) {
    return absl::InternalError("A token could not be filled in.");
  }
  const MallocText token(jwt_encode_str(raw));
  if (token == nullptr) return absl::InternalError("A token could not be signed.");
  return std::string(token.get());
}

absl::StatusOr<KeyPair> GenerateKeyPair(const std::string& dir, std::string kid) {
  if (kid.empty()) kid = absl::StrCat("key-", base::RandomHex(6));
  if (!IsKid(kid)) {
    return absl::InvalidArgumentError("The key id must match [A-Za-z0-9_-]{1,64}.");
  }
  YK_ASSIGN_OR_RETURN(const Key key, NewP256Key());
  YK_ASSIGN_OR_RETURN(const std::string private_pem, PrivatePemOf(key.get()));
  YK_ASSIGN_OR_RETURN(const std::string public_pem, PublicPemOf(key.get()));
  KeyPair pair{kid, absl::StrCat(dir, "/", kid, ".key"), absl::StrCat(dir, "/", kid, ".pem")};
  YK_RETURN_IF_ERROR(WriteKeyFile(pair.private_path, private_pem, 0600));
  YK_RETURN_IF_ERROR(WriteKeyFile(pair.public_path, public_pem, 0644));
  return pair;
}

}  // namespace yikou::auth

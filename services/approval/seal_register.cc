#include "services/approval/seal_register.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status.h"
#include "libs/casework/errors.h"
#include "nlohmann/json.hpp"

namespace yikou::approval {
namespace {

using casework::v1::ERROR_REASON_SEAL_FORBIDDEN;
using nlohmann::json;

constexpr char kSm2Sm3[] = "SM2-SM3";
constexpr char kEcdsa[] = "ECDSA-P256-SHA256";

absl::Status Malformed(absl::string_view where, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("The list of seals, ", where, ": ", what, "."));
}

absl::Status CheckKeys(const json& object, const std::set<std::string>& wanted,
                       absl::string_view where) {
  if (!object.is_object()) return Malformed(where, "not an object");
  for (const auto& [key, value] : object.items()) {
    if (wanted.count(key) == 0) return Malformed(where, absl::StrCat("unknown key ", key));
  }
  for (const std::string& key : wanted) {
    if (!object.contains(key)) return Malformed(where, absl::StrCat("no key ", key));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> TextAt(const json& value, absl::string_view where) {
  if (!value.is_string() || value.get_ref<const std::string&>().empty()) {
    return Malformed(where, "not a text");
  }
  return value.get<std::string>();
}

// A seal id becomes a file name.
bool IsSealId(const std::string& id) {
  return !id.empty() &&
         id.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-") == std::string::npos;
}

absl::StatusOr<std::set<std::string>> ParseScope(const json& list, const std::string& where) {
  if (!list.is_array()) return Malformed(where, "scope is not a list");
  std::set<std::string> scope;
  for (const json& entry : list) {
    YK_ASSIGN_OR_RETURN(const std::string item, TextAt(entry, absl::StrCat(where, ", scope")));
    if (!scope.insert(item).second) return Malformed(where, absl::StrCat(item, " stands twice"));
  }
  return scope;
}

absl::StatusOr<std::map<std::string, std::string>> ParseForbidden(
    const json& list, const std::set<std::string>& scope, const std::string& where) {
  if (!list.is_array()) return Malformed(where, "forbidden is not a list");
  std::map<std::string, std::string> forbidden;
  for (const json& entry : list) {
    YK_RETURN_IF_ERROR(CheckKeys(entry, {"item", "competent_body"}, where));
    YK_ASSIGN_OR_RETURN(const std::string item, TextAt(entry["item"], where));
    YK_ASSIGN_OR_RETURN(const std::string body, TextAt(entry["competent_body"], where));
    if (scope.count(item) > 0) return Malformed(where, absl::StrCat(item, " is on both lists"));
    if (!forbidden.emplace(item, body).second) {
      return Malformed(where, absl::StrCat(item, " stands twice"));
    }
  }
  return forbidden;
}

absl::Status Forbidden(const std::string& what, const std::string& seal_id,
                       const std::string& item_code, const std::string& competent_body) {
  const std::string instead =
      competent_body.empty() ? "" : absl::StrCat("，应由", competent_body, "出具");
  return casework::Error(absl::StatusCode::kFailedPrecondition, ERROR_REASON_SEAL_FORBIDDEN,
                         absl::StrCat(what, instead, "。"))
      .With("seal", seal_id)
      .With("item", item_code)
      .With("competent_body", competent_body);
}

}  // namespace

absl::StatusOr<SealRegister> SealRegister::Parse(absl::string_view text) {
  const json root = json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (root.is_discarded() || !root.is_array()) return Malformed("whole", "not a JSON list");
  SealRegister seals;
  for (size_t i = 0; i < root.size(); ++i) {
    const std::string where = absl::StrCat("entry ", i + 1);
    YK_RETURN_IF_ERROR(CheckKeys(root[i], {"seal_id", "name", "scope", "forbidden"}, where));
    YK_ASSIGN_OR_RETURN(const std::string id, TextAt(root[i]["seal_id"], where));
    if (!IsSealId(id)) return Malformed(where, "seal_id may hold a-z, 0-9, _ and - only");
    Entry entry;
    YK_ASSIGN_OR_RETURN(entry.name, TextAt(root[i]["name"], where));
    YK_ASSIGN_OR_RETURN(entry.scope, ParseScope(root[i]["scope"], where));
    YK_ASSIGN_OR_RETURN(entry.forbidden, ParseForbidden(root[i]["forbidden"], entry.scope, where));
    if (!seals.seals_.emplace(id, std::move(entry)).second) {
      return Malformed(where, absl::StrCat("seal ", id, " stands twice"));
    }
  }
  return seals;
}

absl::Status SealRegister::LoadKeys(const std::string& dir, bool create_missing) {
  std::error_code ignored;  // saving a key says what is wrong with the folder
  if (create_missing) std::filesystem::create_directories(dir, ignored);
  for (const auto& [id, entry] : seals_) {
    const std::string path = absl::StrCat(dir, "/", id, ".pem");
    absl::StatusOr<auth::SealKey> key = auth::SealKey::Load(path);
    if (absl::IsNotFound(key.status()) && create_missing) {
      key = auth::SealKey::Generate(auth::SealAlgorithm::kSm2Sm3);
      if (key.ok()) YK_RETURN_IF_ERROR(key->Save(path));
    }
    if (!key.ok()) {
      return absl::Status(key.status().code(), absl::StrCat("The key of seal ", id, ", ", path,
                                                            ": ", key.status().message()));
    }
    keys_.insert_or_assign(id, *std::move(key));
  }
  return absl::OkStatus();
}

absl::Status SealRegister::Check(const std::string& seal_id, const std::string& item_code) const {
  const auto found = seals_.find(seal_id);
  if (found == seals_.end()) {
    return Forbidden(absl::StrCat("印章 ", seal_id, " 未登记，不能用印"), seal_id, item_code, "");
  }
  const Entry& seal = found->second;
  if (const auto banned = seal.forbidden.find(item_code); banned != seal.forbidden.end()) {
    return Forbidden(absl::StrCat(seal.name, "不得用于事项 ", item_code), seal_id, item_code,
                     banned->second);
  }
  if (seal.scope.count(item_code) > 0) return absl::OkStatus();
  std::string competent;
  for (const auto& [id, other] : seals_) {
    if (other.scope.count(item_code) > 0) competent = other.name;
  }
  const std::string instead = competent.empty() ? "" : absl::StrCat(competent, "的持章单位");
  return Forbidden(absl::StrCat("事项 ", item_code, " 不在", seal.name, "的用印范围内"), seal_id,
                   item_code, instead);
}

absl::StatusOr<SealUse> SealRegister::Seal(const std::string& seal_id,
                                           absl::string_view document) const {
  const auto key = keys_.find(seal_id);
  if (key == keys_.end()) {
    return absl::InternalError(absl::StrCat("The key of seal ", seal_id, " is not loaded."));
  }
  SealUse use;
  use.algorithm = AlgorithmName(key->second.algorithm());
  YK_ASSIGN_OR_RETURN(use.signature, key->second.Sign(document));
  YK_ASSIGN_OR_RETURN(use.public_key, key->second.PublicPem());
  return use;
}

std::string AlgorithmName(auth::SealAlgorithm algorithm) {
  return algorithm == auth::SealAlgorithm::kSm2Sm3 ? kSm2Sm3 : kEcdsa;
}

absl::Status CheckSeal(const SealUse& use, absl::string_view document) {
  const auth::SealAlgorithm algorithm = use.algorithm == kSm2Sm3
                                            ? auth::SealAlgorithm::kSm2Sm3
                                            : auth::SealAlgorithm::kEcdsaP256Sha256;
  return auth::VerifySeal(use.public_key, algorithm, document, use.signature);
}

}  // namespace yikou::approval

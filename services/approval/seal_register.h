// The seals of this deployment: what each may be used for, and its key.
#pragma once

#include <map>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "libs/auth/seal.h"

namespace yikou::approval {

// A seal put on a document.
struct SealUse {
  std::string algorithm;   // as Licence.algorithm
  std::string signature;   // DER
  std::string public_key;  // PEM
};

// Two lists for each seal: items it is for, and items it must never be used for, with the body that
// is competent instead (印章使用正面清单、负面清单). Read-only once loaded. Threads: any.
class SealRegister {
 public:
  // Reads the JSON list of seals. INVALID_ARGUMENT names the entry and what is wrong with it:
  // unknown or missing keys, a seal or item given twice, an item on both lists.
  static absl::StatusOr<SealRegister> Parse(absl::string_view json);

  // Loads <dir>/<seal_id>.pem of every seal. NOT_FOUND names a missing key, unless
  // `create_missing`: then it is made (SM2) and saved, readable by its owner alone.
  absl::Status LoadKeys(const std::string& dir, bool create_missing);

  // OK when the seal may be put on a licence of the item. FAILED_PRECONDITION, SEAL_FORBIDDEN,
  // else; metadata "competent_body" names the body that may, when the lists tell.
  absl::Status Check(const std::string& seal_id, const std::string& item_code) const;

  // Seals a document. Does not check the lists.
  absl::StatusOr<SealUse> Seal(const std::string& seal_id, absl::string_view document) const;

 private:
  struct Entry {
    std::string name;
    std::set<std::string> scope;
    std::map<std::string, std::string> forbidden;  // item to competent body
  };
  std::map<std::string, Entry> seals_;
  std::map<std::string, auth::SealKey> keys_;
};

// Name of an algorithm as Licence.algorithm has it.
std::string AlgorithmName(auth::SealAlgorithm algorithm);
// OK when the seal on a document is genuine; DATA_LOSS when it is not.
absl::Status CheckSeal(const SealUse& use, absl::string_view document);

}  // namespace yikou::approval

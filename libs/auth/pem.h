// Key files and OpenSSL handles. For libs/auth only.
#pragma once

#include <openssl/evp.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace yikou::auth {

struct KeyDeleter {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using Key = std::unique_ptr<EVP_PKEY, KeyDeleter>;

// INTERNAL with OpenSSL's own words; empties its queue of errors.
absl::Status OpenSslError(absl::string_view what);

// Reads a file of at most 64 KiB. NOT_FOUND, or INVALID_ARGUMENT when it is larger.
absl::StatusOr<std::string> ReadKeyFile(const std::string& path);
// As ReadKeyFile; FAILED_PRECONDITION when everybody on the machine may read or write the file.
absl::StatusOr<std::string> ReadPrivateKeyFile(const std::string& path);
// Writes under another name and renames, so that no reader sees half a key. Replaces what is there.
absl::Status WriteKeyFile(const std::string& path, absl::string_view text, int mode);

// INVALID_ARGUMENT when the text holds no such key. Encrypted keys are not read.
absl::StatusOr<Key> ParsePrivatePem(const std::string& pem);
absl::StatusOr<Key> ParsePublicPem(const std::string& pem);
absl::StatusOr<std::string> PrivatePemOf(EVP_PKEY* key);
absl::StatusOr<std::string> PublicPemOf(EVP_PKEY* key);

// True for a key on the curve P-256.
bool IsP256(EVP_PKEY* key);
absl::StatusOr<Key> NewP256Key();

}  // namespace yikou::auth

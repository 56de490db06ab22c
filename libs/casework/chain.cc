#include "libs/casework/chain.h"

#include <openssl/evp.h>

#include <cstdlib>

namespace yikou::casework {
namespace {

// Fetched once: OpenSSL 3 looks an implicitly fetched algorithm up again for every digest.
const EVP_MD* AlgorithmOf(HashAlgorithm algorithm) {
  static const EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  static const EVP_MD* const sm3 = EVP_MD_fetch(nullptr, "SM3", nullptr);
  return algorithm == HashAlgorithm::kSm3 ? sm3 : sha256;
}

}  // namespace

std::string ChainHash(absl::string_view prev_hash, absl::string_view event_bytes,
                      HashAlgorithm algorithm) {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  unsigned char hash[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  const bool done = context != nullptr &&
                    EVP_DigestInit_ex(context, AlgorithmOf(algorithm), nullptr) == 1 &&
                    EVP_DigestUpdate(context, prev_hash.data(), prev_hash.size()) == 1 &&
                    EVP_DigestUpdate(context, event_bytes.data(), event_bytes.size()) == 1 &&
                    EVP_DigestFinal_ex(context, hash, &size) == 1;
  EVP_MD_CTX_free(context);
  // A history that cannot be hashed cannot be proved: no log is better than an unprovable one.
  if (!done) std::abort();
  return std::string(reinterpret_cast<const char*>(hash), size);
}

std::string Digest(absl::string_view bytes, HashAlgorithm algorithm) {
  return ChainHash("", bytes, algorithm);
}

}  // namespace yikou::casework

// Seals: signatures over documents and over heads of the log.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace yikou::auth {

enum class SealAlgorithm {
  kSm2Sm3,           // electronic seals of authorities (国密); the default distinguishing id
  kEcdsaP256Sha256,  // heads of the log
};

// A private key. Movable; the key is wiped when the object goes.
class SealKey {
 public:
  // INTERNAL when the system has no entropy or no such algorithm.
  static absl::StatusOr<SealKey> Generate(SealAlgorithm algorithm);
  // Reads a PEM file; the key says its algorithm itself. NOT_FOUND without the file,
  // FAILED_PRECONDITION when every user may read it, INVALID_ARGUMENT for any other kind of key.
  static absl::StatusOr<SealKey> Load(const std::string& path);

  SealKey(SealKey&&) noexcept;
  SealKey& operator=(SealKey&&) noexcept;
  ~SealKey();

  // Writes a PEM file that only its owner can read (mode 0600); replaces what is there.
  absl::Status Save(const std::string& path) const;
  // Returns a signature in DER. Two signatures over the same bytes differ. About 0.4 ms of CPU for
  // SM2, 0.03 ms for ECDSA. Threads: any.
  absl::StatusOr<std::string> Sign(absl::string_view bytes) const;
  absl::StatusOr<std::string> PublicPem() const;
  SealAlgorithm algorithm() const;

 private:
  struct Impl;
  explicit SealKey(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// OK when `signature` was made over exactly `bytes` by the key that belongs to `public_pem`.
// INVALID_ARGUMENT when the key is not one of the algorithm, DATA_LOSS when the seal is not
// genuine. Threads: any.
absl::Status VerifySeal(const std::string& public_pem, SealAlgorithm algorithm,
                        absl::string_view bytes, absl::string_view signature);

}  // namespace yikou::auth

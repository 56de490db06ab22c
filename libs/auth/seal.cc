#include "libs/auth/seal.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <utility>

#include "libs/auth/pem.h"
#include "libs/base/status.h"

namespace yikou::auth {
namespace {

// The id GM/T 0009 sets when signer and verifier have not agreed on another.
constexpr char kSm2Id[] = "1234567812345678";

struct DigestDeleter {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using DigestContext = std::unique_ptr<EVP_MD_CTX, DigestDeleter>;

const char* DigestName(SealAlgorithm algorithm) {
  return algorithm == SealAlgorithm::kSm2Sm3 ? "SM3" : "SHA256";
}

bool Fits(EVP_PKEY* key, SealAlgorithm algorithm) {
  return algorithm == SealAlgorithm::kSm2Sm3 ? EVP_PKEY_is_a(key, "SM2") == 1 : IsP256(key);
}

const unsigned char* Bytes(absl::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// Parameters of the signature; the array lives as long as the process.
const OSSL_PARAM* ParamsOf(SealAlgorithm algorithm) {
  static const OSSL_PARAM kSm2[] = {
      OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_DIST_ID, const_cast<char*>(kSm2Id),
                              sizeof kSm2Id - 1),
      OSSL_PARAM_END};
  return algorithm == SealAlgorithm::kSm2Sm3 ? kSm2 : nullptr;
}

}  // namespace

struct SealKey::Impl {
  SealAlgorithm algorithm;
  Key key;
};

SealKey::SealKey(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SealKey::SealKey(SealKey&&) noexcept = default;
SealKey& SealKey::operator=(SealKey&&) noexcept = default;
SealKey::~SealKey() = default;

absl::StatusOr<SealKey> SealKey::Generate(SealAlgorithm algorithm) {
  Key key;
  if (algorithm == SealAlgorithm::kSm2Sm3) {
    key.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "SM2"));
    if (key == nullptr) return OpenSslError("Making an SM2 key");
  } else {
    YK_ASSIGN_OR_RETURN(key, NewP256Key());
  }
  return SealKey(std::make_unique<Impl>(Impl{algorithm, std::move(key)}));
}

absl::StatusOr<SealKey> SealKey::Load(const std::string& path) {
  YK_ASSIGN_OR_RETURN(const std::string pem, ReadPrivateKeyFile(path));
  YK_ASSIGN_OR_RETURN(Key key, ParsePrivatePem(pem));
  for (const SealAlgorithm algorithm : {SealAlgorithm::kSm2Sm3, SealAlgorithm::kEcdsaP256Sha256}) {
    if (Fits(key.get(), algorithm)) {
      return SealKey(std::make_unique<Impl>(Impl{algorithm, std::move(key)}));
    }
  }
  return absl::InvalidArgumentError("The seal key is neither SM2 nor EC P-256.");
}

absl::Status SealKey::Save(const std::string& path) const {
  YK_ASSIGN_OR_RETURN(const std::string pem, PrivatePemOf(impl_->key.get()));
  return WriteKeyFile(path, pem, 0600);
}

absl::StatusOr<std::string> SealKey::Sign(absl::string_view bytes) const {
  const DigestContext context(EVP_MD_CTX_new());
  if (EVP_DigestSignInit_ex(context.get(), nullptr, DigestName(impl_->algorithm), nullptr, nullptr,
                            impl_->key.get(), ParamsOf(impl_->algorithm)) != 1) {
    return OpenSslError("Preparing a signature");
  }
  size_t size = 0;
  if (EVP_DigestSign(context.get(), nullptr, &size, Bytes(bytes), bytes.size()) != 1) {
    return OpenSslError("Sizing a signature");
  }
  std::string signature(size, '\0');
  if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                     Bytes(bytes), bytes.size()) != 1) {
    return OpenSslError("Signing");
  }
  signature.resize(size);
  return signature;
}

absl::StatusOr<std::string> SealKey::PublicPem() const { return PublicPemOf(impl_->key.get()); }

SealAlgorithm SealKey::algorithm() const { return impl_->algorithm; }

absl::Status VerifySeal(const std::string& public_pem, SealAlgorithm algorithm,
                        absl::string_view bytes, absl::string_view signature) {
  YK_ASSIGN_OR_RETURN(const Key key, ParsePublicPem(public_pem));
  if (!Fits(key.get(), algorithm)) {
    return absl::InvalidArgumentError("The public key is not one of the seal's algorithm.");
  }
  const DigestContext context(EVP_MD_CTX_new());
  if (EVP_DigestVerifyInit_ex(context.get(), nullptr, DigestName(algorithm), nullptr, nullptr,
                              key.get(), ParamsOf(algorithm)) != 1) {
    return OpenSslError("Preparing a verification");
  }
  const int genuine = EVP_DigestVerify(context.get(), Bytes(signature), signature.size(),
                                       Bytes(bytes), bytes.size());
  ERR_clear_error();
  if (genuine != 1) return absl::DataLossError("The seal does not belong to these bytes.");
  return absl::OkStatus();
}

}  // namespace yikou::auth

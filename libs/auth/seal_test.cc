#include "libs/auth/seal.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "catch2/catch.hpp"
#include "libs/base/ids.h"

namespace yikou::auth {
namespace {

class TempDir {
 public:
  TempDir() { std::filesystem::create_directories(path_); }
  ~TempDir() { std::filesystem::remove_all(path_); }
  std::string File(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_ =
      std::filesystem::temp_directory_path() / ("yikou-seal-" + base::RandomHex(6));
};

const SealAlgorithm kBoth[] = {SealAlgorithm::kSm2Sm3, SealAlgorithm::kEcdsaP256Sha256};

SealKey NewKey(SealAlgorithm algorithm) {
  absl::StatusOr<SealKey> key = SealKey::Generate(algorithm);
  REQUIRE(key.ok());
  return *std::move(key);
}

TEST_CASE("a seal proves the bytes and the key, and nothing else", "[auth][seal]") {
  for (const SealAlgorithm algorithm : kBoth) {
    const SealKey key = NewKey(algorithm);
    const std::string document = "准予行政许可决定书 YK-2026-0001";
    const std::string seal = *key.Sign(document);
    const std::string pem = *key.PublicPem();
    CHECK(VerifySeal(pem, algorithm, document, seal).ok());

    for (size_t i = 0; i < document.size(); ++i) {
      std::string altered = document;
      altered[i] ^= 1;
      CHECK(VerifySeal(pem, algorithm, altered, seal).code() == absl::StatusCode::kDataLoss);
    }
    for (size_t i = 0; i < seal.size(); ++i) {
      std::string altered = seal;
      altered[i] ^= 1;
      CHECK_FALSE(VerifySeal(pem, algorithm, document, altered).ok());
    }
    CHECK_FALSE(VerifySeal(pem, algorithm, document, "").ok());
    CHECK_FALSE(VerifySeal(*NewKey(algorithm).PublicPem(), algorithm, document, seal).ok());
  }
}

TEST_CASE("an empty document can be sealed", "[auth][seal]") {
  for (const SealAlgorithm algorithm : kBoth) {
    const SealKey key = NewKey(algorithm);
    const std::string seal = *key.Sign("");
    CHECK(VerifySeal(*key.PublicPem(), algorithm, "", seal).ok());
    CHECK_FALSE(VerifySeal(*key.PublicPem(), algorithm, "x", seal).ok());
  }
}

TEST_CASE("a key of one algorithm does not pass for another", "[auth][seal]") {
  const SealKey sm2 = NewKey(SealAlgorithm::kSm2Sm3);
  const std::string seal = *sm2.Sign("bytes");
  const absl::Status status =
      VerifySeal(*sm2.PublicPem(), SealAlgorithm::kEcdsaP256Sha256, "bytes", seal);
  CHECK(status.code() == absl::StatusCode::kInvalidArgument);
  CHECK(VerifySeal("no key", SealAlgorithm::kSm2Sm3, "bytes", seal).code() ==
        absl::StatusCode::kInvalidArgument);
}

TEST_CASE("a saved key comes back and is for its owner only", "[auth][seal]") {
  const TempDir dir;
  for (const SealAlgorithm algorithm : kBoth) {
    const SealKey key = NewKey(algorithm);
    const std::string path = dir.File("seal.key");
    REQUIRE(key.Save(path).ok());
    struct stat info = {};
    REQUIRE(stat(path.c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0600);

    absl::StatusOr<SealKey> loaded = SealKey::Load(path);
    REQUIRE(loaded.ok());
    CHECK(loaded->algorithm() == algorithm);
    CHECK(*loaded->PublicPem() == *key.PublicPem());
    CHECK(VerifySeal(*key.PublicPem(), algorithm, "bytes", *loaded->Sign("bytes")).ok());

    REQUIRE(chmod(path.c_str(), 0644) == 0);
    CHECK(SealKey::Load(path).status().code() == absl::StatusCode::kFailedPrecondition);
  }
  CHECK(SealKey::Load(dir.File("none")).status().code() == absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace yikou::auth

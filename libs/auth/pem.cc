#include "libs/auth/pem.h"

#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "libs/base/ids.h"
#include "libs/base/status.h"

namespace yikou::auth {
namespace {

constexpr size_t kMaxKeyFile = 64 * 1024;

struct BioDeleter {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
using Bio = std::unique_ptr<BIO, BioDeleter>;

struct FileCloser {
  void operator()(FILE* file) const { fclose(file); }
};
using File = std::unique_ptr<FILE, FileCloser>;

// Without it OpenSSL would ask for a password on the terminal.
int NoPassword(char*, int, int, void*) { return -1; }

Bio Reader(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::string TextOf(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return std::string(data, size);
}

absl::Status WriteAll(int fd, absl::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    if (written < 0) return absl::InternalError(strerror(errno));
    text.remove_prefix(written);
  }
  return fsync(fd) == 0 ? absl::OkStatus() : absl::InternalError(strerror(errno));
}

}  // namespace

absl::Status OpenSslError(absl::string_view what) {
  char text[256] = "no further cause";
  if (const unsigned long code = ERR_peek_last_error(); code != 0) {
    ERR_error_string_n(code, text, sizeof text);
  }
  ERR_clear_error();
  return absl::InternalError(absl::StrCat(what, " failed: ", text));
}

absl::StatusOr<std::string> ReadKeyFile(const std::string& path) {
  File file(fopen(path.c_str(), "rbe"));
  if (file == nullptr) {
    return absl::NotFoundError(
        absl::StrCat("The key file ", path, " cannot be read: ", strerror(errno)));
  }
  std::string text(kMaxKeyFile + 1, '\0');
  text.resize(fread(text.data(), 1, text.size(), file.get()));
  if (text.size() > kMaxKeyFile) {
    return absl::InvalidArgumentError(absl::StrCat("The key file ", path, " is above 64 KiB."));
  }
  return text;
}

absl::StatusOr<std::string> ReadPrivateKeyFile(const std::string& path) {
  struct stat info = {};
  if (stat(path.c_str(), &info) == 0 && (info.st_mode & (S_IROTH | S_IWOTH)) != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("The private key ", path, " is open to every user; run chmod 0600 on it."));
  }
  return ReadKeyFile(path);
}

absl::Status WriteKeyFile(const std::string& path, absl::string_view text, int mode) {
  const std::string draft = absl::StrCat(path, ".", base::RandomHex(4), ".tmp");
  const int fd = open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (fd < 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("The key file ", path, " cannot be written: ", strerror(errno)));
  }
  absl::Status written = WriteAll(fd, text);
  close(fd);
  if (written.ok() && rename(draft.c_str(), path.c_str()) != 0) {
    written = absl::InternalError(strerror(errno));
  }
  if (!written.ok()) unlink(draft.c_str());
  return written;
}

absl::StatusOr<Key> ParsePrivatePem(const std::string& pem) {
  const Bio bio = Reader(pem);
  Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassword, nullptr));
  ERR_clear_error();
  if (key == nullptr) return absl::InvalidArgumentError("The text is not a PEM private key.");
  return key;
}

absl::StatusOr<Key> ParsePublicPem(const std::string& pem) {
  const Bio bio = Reader(pem);
  Key key(PEM_read_bio_PUBKEY(bio.get(), nullptr, NoPassword, nullptr));
  ERR_clear_error();
  if (key == nullptr) return absl::InvalidArgumentError("The text is not a PEM public key.");
  return key;
}

absl::StatusOr<std::string> PrivatePemOf(EVP_PKEY* key) {
  const Bio bio(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return OpenSslError("Writing a private key");
  }
  return TextOf(bio.get());
}

absl::StatusOr<std::string> PublicPemOf(EVP_PKEY* key) {
  const Bio bio(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_PUBKEY(bio.get(), key) != 1) return OpenSslError("Writing a public key");
  return TextOf(bio.get());
}

bool IsP256(EVP_PKEY* key) {
  char group[64] = "";
  size_t size = 0;
  return EVP_PKEY_is_a(key, "EC") == 1 &&
         EVP_PKEY_get_group_name(key, group, sizeof group, &size) == 1 &&
         OBJ_txt2nid(group) == NID_X9_62_prime256v1;
}

absl::StatusOr<Key> NewP256Key() {
  Key key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
  if (key == nullptr) return OpenSslError("Making a P-256 key");
  return key;
}

}  // namespace yikou::auth

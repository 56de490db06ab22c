// Tokens: who the caller is, signed by the identity provider or, in dev mode, by ourselves.
//
// A token is a JWT signed with ES256. Claims: sub (person id), unit, roles (array of strings),
// agent_for, iss, aud, iat, nbf, exp.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "libs/auth/principal.h"
#include "libs/base/clock.h"

namespace yikou::auth {

inline constexpr size_t kMaxTokenBytes = 8 * 1024;
inline constexpr absl::Duration kMaxTokenLifetime = absl::Hours(24);

// Verifies tokens against a folder of public keys, one `<kid>.pem` (EC P-256) each.
//
// Keys are added and taken away while it runs: the folder is read again when a token names an
// unknown key, at most once a second, and in any case once a minute. A key that is taken away takes
// its tokens with it, remembered ones too.
class TokenVerifier {
 public:
  struct Options {
    std::string key_dir;
    std::string issuer;
    std::string audience;
    absl::Duration leeway = absl::Seconds(30);  // difference of clocks that is forgiven
  };

  // NOT_FOUND when the folder cannot be read. A folder without keys is allowed: they may come.
  // `clock` (system time) must outlive the verifier.
  static absl::StatusOr<std::unique_ptr<TokenVerifier>> Create(Options options,
                                                               const base::Clock* clock);

  // Returns the caller, or UNAUTHENTICATED with a sentence that never holds the token. A token that
  // was verified is remembered until it expires (10,000 of them), so that only its first use costs
  // a signature check. Threads: any; reads files now and then.
  absl::StatusOr<Principal> Verify(absl::string_view token);

 private:
  using Keys = std::map<std::string, std::string>;  // kid -> PEM
  struct Remembered {
    Principal principal;
    absl::Time expires;
  };

  TokenVerifier(Options options, const base::Clock* clock)
      : options_(std::move(options)), clock_(clock) {}
  absl::Status ReadKeys(absl::Time now);
  absl::StatusOr<std::string> KeyFor(const std::string& kid, absl::Time now, int* generation);
  bool Recall(const std::string& digest, absl::Time now, Principal* principal);
  void Remember(const std::string& digest, const Remembered& remembered, int generation);

  const Options options_;
  const base::Clock* const clock_;
  std::mutex mutex_;
  Keys keys_;
  int generation_ = 0;  // counts changes of keys_
  absl::Time keys_read_ = absl::InfinitePast();
  absl::flat_hash_map<std::string, Remembered> remembered_;  // by SHA-256 of the token
};

// Makes tokens: in dev mode for people, everywhere for the services among themselves.
class TokenMinter {
 public:
  struct Options {
    std::string private_key_path;  // PEM, EC P-256
    std::string kid;
    std::string issuer;
    std::string audience;
  };

  // NOT_FOUND without the file, FAILED_PRECONDITION when every user may read it, INVALID_ARGUMENT
  // for another kind of key. `clock` (system time) must outlive the minter.
  static absl::StatusOr<std::unique_ptr<TokenMinter>> Create(Options options,
                                                             const base::Clock* clock);

  // Returns a token that is valid from now for `lifetime`; INVALID_ARGUMENT unless that is above
  // zero and at most 24 hours. Threads: any.
  absl::StatusOr<std::string> Mint(const Principal& principal, absl::Duration lifetime) const;

 private:
  TokenMinter(Options options, std::string pem, const base::Clock* clock)
      : options_(std::move(options)), pem_(std::move(pem)), clock_(clock) {}

  const Options options_;
  const std::string pem_;
  const base::Clock* const clock_;
};

// A new pair of keys in files.
struct KeyPair {
  std::string kid;
  std::string private_path;  // <dir>/<kid>.key, mode 0600
  std::string public_path;   // <dir>/<kid>.pem
};

// Makes a pair of P-256 keys in an existing folder; an empty kid becomes a random one. The public
// file comes last, so whoever sees it finds the private one too. INVALID_ARGUMENT for a kid that is
// not [A-Za-z0-9_-]{1,64}, FAILED_PRECONDITION when the folder cannot be written.
absl::StatusOr<KeyPair> GenerateKeyPair(const std::string& dir, std::string kid = "");

}  // namespace yikou::auth

#include "libs/app/audit.h"

#include <fcntl.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "libs/auth/seal.h"
#include "libs/base/ids.h"
#include "libs/base/status.h"
#include "libs/casework/chain.h"

namespace yikou::app {

using casework::v1::Event;
using casework::v1::VerifyLogResponse;

namespace {

constexpr int kPage = 1000;
constexpr int kFindingsMax = 100;

// What the log says an aggregate's stored bytes must digest to.
struct LastSaid {
  std::string digest;
  int64_t position = 0;
};
using Said = std::map<std::pair<std::string, std::string>, LastSaid>;

std::string HeadsPath(const std::string& dir, const std::string& service) {
  return absl::StrCat(dir, "/", service, ".heads.jsonl");
}

void Find(VerifyLogResponse* response, std::string finding) {
  response->set_ok(false);
  if (response->findings_size() < kFindingsMax) response->add_findings(std::move(finding));
}

void Remember(const Event& event, int64_t position, Said* said) {
  if (!event.aggregate_digest().empty()) {
    (*said)[{event.aggregate_kind(), event.aggregate_id()}] = {event.aggregate_digest(), position};
  }
  for (const casework::v1::AggregateDigest& also : event.also()) {
    (*said)[{also.kind(), also.id()}] = {also.digest(), position};
  }
}

// Walks the log. A broken place is named once; the walk goes on from the stored hash, so that one
// altered byte is not reported for every event after it.
absl::Status VerifyChain(store::Store* store, const SignedHead& signed_head,
                         VerifyLogResponse* response, Said* said) {
  std::string hash;
  int64_t position = 0;
  while (true) {
    YK_ASSIGN_OR_RETURN(std::vector<store::LogEntry> page, store->ReadLog(position + 1, kPage));
    if (page.empty()) break;
    for (const store::LogEntry& entry : page) {
      if (entry.position != position + 1) {
        Find(response, absl::StrCat("events ", position + 1, " to ", entry.position - 1,
                                    " are missing from the log"));
      }
      Event event;
      const bool readable = event.ParseFromString(entry.body);
      if (casework::ChainHash(hash, entry.body) != entry.hash && entry.position == position + 1) {
        Find(response,
             absl::StrCat("event ", entry.position, " (", event.type(), ", case ", event.case_id(),
                          ") was altered or put in another's place: its hash does not "
                          "follow from the event before it"));
      }
      if (readable) Remember(event, entry.position, said);
      if (entry.position == signed_head.position && entry.hash != signed_head.hash) {
        Find(response, absl::StrCat("event ", entry.position,
                                    " has another hash than the signed head of that position: the "
                                    "log up to it was rewritten"));
      }
      hash = entry.hash;
      position = entry.position;
      response->set_events(response->events() + 1);
    }
  }
  YK_ASSIGN_OR_RETURN(store::LogHead head, store->Head());
  if (head.position != position || (position > 0 && head.hash != hash)) {
    Find(response, absl::StrCat("the log ends at event ", position, " but its head says ",
                                head.position, ": the tail was cut or added to"));
  }
  if (signed_head.position > position) {
    Find(response,
         absl::StrCat("the log ends at event ", position, " but a head was signed at event ",
                      signed_head.position, ": events ", position + 1, " to ", signed_head.position,
                      " were cut off"));
  }
  return absl::OkStatus();
}

absl::Status VerifyAggregates(store::Store* store,
                              const std::vector<const store::AggregateKind*>& kinds, Said* said,
                              VerifyLogResponse* response) {
  for (const store::AggregateKind* kind : kinds) {
    if (!kind->audited) continue;
    std::string after;
    while (true) {
      YK_ASSIGN_OR_RETURN(std::vector<store::Stored> page, store->Scan(*kind, after, kPage));
      if (page.empty()) break;
      for (const store::Stored& stored : page) {
        response->set_aggregates(response->aggregates() + 1);
        auto found = said->find({kind->name, stored.id});
        if (found == said->end()) {
          Find(response, absl::StrCat("the ", kind->name, " ", stored.id,
                                      " is stored but no event speaks of it"));
          continue;
        }
        if (casework::Digest(stored.body) != found->second.digest) {
          Find(response, absl::StrCat("the ", kind->name, " ", stored.id,
                                      " was altered: its bytes are not those event ",
                                      found->second.position, " left behind"));
        }
        said->erase(found);
      }
      after = page.back().id;
    }
  }
  std::set<std::string> audited;
  for (const store::AggregateKind* kind : kinds) {
    if (kind->audited) audited.insert(kind->name);
  }
  for (const auto& [key, last] : *said) {
    if (audited.count(key.first) == 0) continue;
    Find(response, absl::StrCat("the ", key.first, " ", key.second, " is missing: event ",
                                last.position, " says it is stored"));
  }
  return absl::OkStatus();
}

}  // namespace

std::string HeadText(const std::string& service, int64_t position, const std::string& hash) {
  return absl::StrCat("yikou head\n", service, "\n", position, "\n", base::ToHex(hash), "\n");
}

absl::Status WriteHead(const std::string& dir, const std::string& service, const SignedHead& head) {
  nlohmann::ordered_json line;
  line["service"] = service;
  line["position"] = head.position;
  line["hash"] = base::ToHex(head.hash);
  line["signature"] = absl::Base64Escape(head.signature);
  line["public_key"] = head.public_key;
  const std::string text = line.dump() + "\n";
  const int fd =
      open(HeadsPath(dir, service).c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  const bool written = fd >= 0 &&
                       write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                       fdatasync(fd) == 0;
  if (fd >= 0) close(fd);
  if (written) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("The head cannot be written to ",
                                             HeadsPath(dir, service),
                                             ". Check that the folder exists and is writable."));
}

absl::StatusOr<SignedHead> ReadNewestHead(const std::string& dir, const std::string& service) {
  SignedHead head;
  if (dir.empty()) return head;
  std::ifstream file(HeadsPath(dir, service));
  std::string line;
  std::string last;
  while (std::getline(file, line)) {
    if (!line.empty()) last = line;
  }
  if (last.empty()) return head;
  const auto json = nlohmann::json::parse(last, nullptr, false);
  if (json.is_discarded() || !json.is_object()) {
    return absl::DataLossError(
        absl::StrCat("The last line of ", HeadsPath(dir, service), " is not a signed head."));
  }
  head.position = json.value("position", int64_t{0});
  head.hash = absl::HexStringToBytes(json.value("hash", ""));
  head.public_key = json.value("public_key", "");
  if (!absl::Base64Unescape(json.value("signature", ""), &head.signature)) head.signature.clear();
  return head;
}

static absl::StatusOr<VerifyLogResponse> VerifyOnce(
    store::Store* store, const std::vector<const store::AggregateKind*>& kinds,
    const std::string& service, const std::string& heads_dir, const std::string& trusted_key) {
  VerifyLogResponse response;
  response.set_ok(true);
  YK_ASSIGN_OR_RETURN(SignedHead head, ReadNewestHead(heads_dir, service));
  if (head.position > 0) {
    const absl::Status genuine =
        auth::VerifySeal(trusted_key, auth::SealAlgorithm::kEcdsaP256Sha256,
                         HeadText(service, head.position, head.hash), head.signature);
    if (genuine.ok()) {
      response.set_signed_position(head.position);
    } else {
      Find(&response, absl::StrCat("the signed head of event ", head.position,
                                   " was not signed with this service's key"));
      head = SignedHead();
    }
  }
  Said said;
  YK_RETURN_IF_ERROR(VerifyChain(store, head, &response, &said));
  YK_RETURN_IF_ERROR(VerifyAggregates(store, kinds, &said, &response));
  return response;
}

absl::StatusOr<VerifyLogResponse> VerifyRecord(
    store::Store* store, const std::vector<const store::AggregateKind*>& kinds,
    const std::string& service, const std::string& heads_dir, const std::string& trusted_key) {
  // The walk is no snapshot: an aggregate that changed while it ran is no finding. So findings
  // count only when the log stood still, or were there in the last of several walks.
  for (int walk = 0;; ++walk) {
    YK_ASSIGN_OR_RETURN(const store::LogHead before, store->Head());
    YK_ASSIGN_OR_RETURN(VerifyLogResponse response,
                        VerifyOnce(store, kinds, service, heads_dir, trusted_key));
    YK_ASSIGN_OR_RETURN(const store::LogHead after, store->Head());
    if (response.ok() || before.position == after.position || walk == 4) return response;
  }
}

}  // namespace yikou::app

#include "libs/app/audit.h"

#include <fcntl.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

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
// How often an aggregate in use is looked at before what was seen counts.
constexpr int kLooksMax = 100;

// What the log says of an aggregate: its version and what its stored bytes must digest to.
struct LastSaid {
  std::string digest;
  int64_t version = 0;
  int64_t position = 0;
};
using Said = std::map<std::pair<std::string, std::string>, LastSaid>;

// How far the log was read, and what it said up to there.
struct Walk {
  store::Store* store;
  SignedHead signed_head;
  VerifyLogResponse* response;
  store::LogHead head = {};
  std::string hash = "";
  int64_t position = 0;
  Said said = {};
};

std::string HeadsPath(const std::string& dir, const std::string& service) {
  return absl::StrCat(dir, "/", service, ".heads.jsonl");
}

void Find(VerifyLogResponse* response, std::string finding) {
  response->set_ok(false);
  if (response->findings_size() < kFindingsMax) response->add_findings(std::move(finding));
}

void Remember(const Event& event, int64_t position, Said* said) {
  if (!event.aggregate_digest().empty()) {
    (*said)[{event.aggregate_kind(), event.aggregate_id()}] = {event.aggregate_digest(),
                                                               event.version(), position};
  }
  for (const casework::v1::AggregateDigest& also : event.also()) {
    (*said)[{also.kind(), also.id()}] = {also.digest(), also.version(), position};
  }
}

// Reads on to the end of the log. A broken place is named once; the walk goes on from the stored
// hash, so that one altered byte is not reported for every event after it.
absl::Status ReadOn(Walk* walk) {
  while (true) {
    YK_ASSIGN_OR_RETURN(std::vector<store::LogEntry> page,
                        walk->store->ReadLog(walk->position + 1, kPage));
    for (const store::LogEntry& entry : page) {
      const bool follows = entry.position == walk->position + 1;
      if (!follows) {
        Find(walk->response, absl::StrCat("events ", walk->position + 1, " to ", entry.position - 1,
                                          " are missing from the log"));
      }
      Event event;
      const bool readable = event.ParseFromString(entry.body);
      if (follows && casework::ChainHash(walk->hash, entry.body) != entry.hash) {
        Find(walk->response,
             absl::StrCat("event ", entry.position, " (", event.type(), ", case ", event.case_id(),
                          ") was altered or put in another's place: its hash does not "
                          "follow from the event before it"));
      }
      if (readable) Remember(event, entry.position, &walk->said);
      if (entry.position == walk->signed_head.position && entry.hash != walk->signed_head.hash) {
        Find(walk->response, absl::StrCat("event ", entry.position,
                                          " has another hash than the signed head of that "
                                          "position: the log up to it was rewritten"));
      }
      if (entry.position == walk->head.position && entry.hash != walk->head.hash) {
        Find(walk->response, absl::StrCat("event ", entry.position,
                                          " has another hash than the head of the log: the tail "
                                          "was rewritten"));
      }
      walk->hash = entry.hash;
      walk->position = entry.position;
      walk->response->set_events(walk->response->events() + 1);
    }
    if (static_cast<int>(page.size()) < kPage) return absl::OkStatus();
  }
}

absl::Status VerifyChain(Walk* walk) {
  // Of a log that grows meanwhile: the walk comes past the head as it was before, and not beyond
  // the head as it is after.
  YK_ASSIGN_OR_RETURN(walk->head, walk->store->Head());
  YK_RETURN_IF_ERROR(ReadOn(walk));
  YK_ASSIGN_OR_RETURN(const store::LogHead after, walk->store->Head());
  if (walk->position < walk->head.position || walk->position > after.position) {
    Find(walk->response,
         absl::StrCat("the log ends at event ", walk->position, " but its head says ",
                      after.position, ": the tail was cut or added to"));
  }
  if (walk->signed_head.position > walk->position) {
    Find(walk->response,
         absl::StrCat("the log ends at event ", walk->position, " but a head was signed at event ",
                      walk->signed_head.position, ": events ", walk->position + 1, " to ",
                      walk->signed_head.position, " were cut off"));
  }
  return absl::OkStatus();
}

// Holds one aggregate against what the log says of it. In a record in use either may be the newer
// one: what is behind is read again, until both speak of the same version.
absl::Status VerifyAggregate(Walk* walk, const store::AggregateKind& kind, store::Stored stored) {
  const auto key = std::make_pair(kind.name, stored.id);
  auto found = walk->said.find(key);
  for (int look = 0; look < kLooksMax; ++look) {
    if (found != walk->said.end() && found->second.version == stored.version) break;
    YK_RETURN_IF_ERROR(ReadOn(walk));
    found = walk->said.find(key);
    // The log is the newer one now; when it does not speak of this version, it never will.
    if (found == walk->said.end() || found->second.version <= stored.version) break;
    absl::StatusOr<store::Stored> newer = walk->store->Get(kind, stored.id);
    if (absl::IsNotFound(newer.status())) return absl::OkStatus();  // found missing at the end
    YK_RETURN_IF_ERROR(newer.status());
    stored = *std::move(newer);
    if (stored.version < found->second.version) break;
  }
  if (found == walk->said.end()) {
    Find(walk->response,
         absl::StrCat("the ", kind.name, " ", stored.id, " is stored but no event speaks of it"));
    return absl::OkStatus();
  }
  const LastSaid& last = found->second;
  if (casework::Digest(stored.body) != last.digest) {
    Find(walk->response, absl::StrCat("the ", kind.name, " ", stored.id,
                                      " was altered: its bytes are not those event ", last.position,
                                      " left behind"));
  } else if (stored.version != last.version) {
    Find(walk->response,
         absl::StrCat("the ", kind.name, " ", stored.id, " is stored as version ", stored.version,
                      " but event ", last.position, " left version ", last.version, " behind"));
  }
  walk->said.erase(found);
  return absl::OkStatus();
}

absl::Status VerifyAggregates(Walk* walk, const std::vector<const store::AggregateKind*>& kinds) {
  std::map<std::string, const store::AggregateKind*> audited;
  for (const store::AggregateKind* kind : kinds) {
    if (!kind->audited) continue;
    audited[kind->name] = kind;
    std::string after;
    while (true) {
      YK_ASSIGN_OR_RETURN(std::vector<store::Stored> page, walk->store->Scan(*kind, after, kPage));
      if (page.empty()) break;
      after = page.back().id;
      for (store::Stored& stored : page) {
        walk->response->set_aggregates(walk->response->aggregates() + 1);
        YK_RETURN_IF_ERROR(VerifyAggregate(walk, *kind, std::move(stored)));
      }
    }
  }
  // What is left was not stored, or was written while the scan went on.
  const Said left = walk->said;
  for (const auto& [key, last] : left) {
    auto kind = audited.find(key.first);
    if (kind == audited.end()) continue;
    absl::StatusOr<store::Stored> stored = walk->store->Get(*kind->second, key.second);
    if (absl::IsNotFound(stored.status())) {
      Find(walk->response, absl::StrCat("the ", key.first, " ", key.second, " is missing: event ",
                                        last.position, " says it is stored"));
      continue;
    }
    YK_RETURN_IF_ERROR(stored.status());
    YK_RETURN_IF_ERROR(VerifyAggregate(walk, *kind->second, *std::move(stored)));
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

static absl::StatusOr<SignedHead> ParseHead(const std::string& path, const std::string& line) {
  const auto json = nlohmann::json::parse(line, nullptr, false);
  const auto is_text = [&json](const char* name) {
    const auto found = json.find(name);
    return found != json.end() && found->is_string();
  };
  if (!json.is_object() || !json.contains("position") || !json["position"].is_number_integer() ||
      !is_text("hash") || !is_text("signature") || !is_text("public_key")) {
    return absl::DataLossError(absl::StrCat("A line of ", path, " is not a signed head."));
  }
  SignedHead head;
  head.position = json["position"].get<int64_t>();
  head.hash = absl::HexStringToBytes(json["hash"].get<std::string>());
  head.public_key = json["public_key"].get<std::string>();
  if (!absl::Base64Unescape(json["signature"].get<std::string>(), &head.signature)) {
    head.signature.clear();
  }
  return head;
}

absl::StatusOr<SignedHead> ReadHighestHead(const std::string& dir, const std::string& service) {
  SignedHead highest;
  if (dir.empty()) return highest;
  std::ifstream file(HeadsPath(dir, service));
  std::string line;
  while (std::getline(file, line)) {
    if (line.empty()) continue;
    YK_ASSIGN_OR_RETURN(SignedHead head, ParseHead(HeadsPath(dir, service), line));
    if (head.position >= highest.position) highest = std::move(head);
  }
  return highest;
}

absl::StatusOr<VerifyLogResponse> VerifyRecord(
    store::Store* store, const std::vector<const store::AggregateKind*>& kinds,
    const std::string& service, const std::string& heads_dir, const std::string& trusted_key) {
  VerifyLogResponse response;
  response.set_ok(true);
  YK_ASSIGN_OR_RETURN(SignedHead head, ReadHighestHead(heads_dir, service));
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
  Walk walk{.store = store,
            .signed_head = std::move(head),
            .response = &response,
            .head = store::LogHead()};
  YK_RETURN_IF_ERROR(VerifyChain(&walk));
  YK_RETURN_IF_ERROR(VerifyAggregates(&walk, kinds));
  return response;
}

}  // namespace yikou::app

#include "tests/store/reader.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/app/reaction.h"
#include "libs/base/ids.h"
#include "libs/casework/chain.h"
#include "libs/telemetry/metrics.h"

namespace yikou::test {

using casework::v1::CaseRecord;
using casework::v1::Envelope;
using casework::v1::Event;
using casework::v1::RestsOn;

namespace {

void Fill(RestsOn* on, const std::string& source, const std::string& case_id, int64_t version) {
  on->set_source(source);
  on->set_aggregate_kind("case");
  on->set_aggregate_id(case_id);
  on->set_version(version);
}

}  // namespace

Envelope EntryOf(const std::string& source, int64_t seq, const std::string& case_id,
                 int64_t version) {
  Envelope entry;
  entry.set_stream(app::EventsStream(source));
  entry.set_stream_seq(seq);
  Event* event = entry.mutable_event();
  event->set_event_id(absl::StrCat(source, ":", case_id, "@", version));
  event->set_source(source);
  event->set_case_id(case_id);
  event->set_aggregate_kind("case");
  event->set_aggregate_id(case_id);
  event->set_version(version);
  event->set_type("case.changed");
  return entry;
}

Envelope OfferOf(int64_t seq, const std::string& offer_id, const std::string& source,
                 const std::string& case_id, int64_t version) {
  Envelope entry = EntryOf("routing", seq, offer_id, 1);
  entry.set_stream(kQueue);
  Event* event = entry.mutable_event();
  event->set_aggregate_kind("offer");
  event->set_type("routing.offered");
  event->mutable_offer()->set_offer_id(offer_id);
  event->mutable_offer()->set_service("files");
  Fill(event->mutable_offer()->mutable_rests_on(), source, case_id, version);
  return entry;
}

void RestOn(Envelope* entry, const std::string& source, const std::string& case_id,
            int64_t version) {
  Fill(entry->mutable_event()->mutable_offer()->mutable_rests_on(), source, case_id, version);
}

std::string FoldOnto(const std::string& title, const std::string& event_id) {
  return base::ToHex(casework::Digest(title + "\n" + event_id)).substr(0, 16);
}

std::string FoldOf(const std::vector<std::string>& event_ids) {
  std::string title;
  for (const std::string& id : event_ids) title = FoldOnto(title, id);
  return title;
}

Reader::Reader(Record* record) : record_(record) { Restart(); }
Reader::~Reader() = default;

void Reader::Restart(bool reopen) {
  inbox_.reset();
  committer_.reset();
  if (reopen) record_->Reopen();
  committer_ = std::make_unique<store::GroupCommitter>(&record_->store(), &executor_,
                                                       store::GroupCommitter::Options{});
  inbox_ = std::make_unique<app::Inbox>(
      &record_->store(), committer_.get(),
      [this](store::Work& work, const Event& event) { return React(work, event); },
      [this](const Event*) { return record_->NewWork(); }, telemetry::Metrics::None(), followed);
}

absl::Status Reader::React(store::Work& work, const Event& event) {
  if (before) YK_RETURN_IF_ERROR(before(work, event));
  const bool offer = event.type() == "routing.offered";
  if (!offer && event.offer().has_rests_on()) {
    const RestsOn& on = event.offer().rests_on();
    const auto other =
        work.Load<CaseRecord>(kFolder, absl::StrCat(on.source(), "/", on.aggregate_id()));
    if (!other.ok() && !absl::IsNotFound(other.status())) return other.status();
    if (!other.ok() || (*other)->owner_version() < on.version()) {
      return app::WaitFor(on.source(), on.aggregate_kind(), on.aggregate_id(), on.version());
    }
  }
  const std::string id = absl::StrCat(offer ? "offer" : event.source(), "/", event.aggregate_id());
  const auto loaded = work.Load<CaseRecord>(kFolder, id);
  if (!loaded.ok() && !absl::IsNotFound(loaded.status())) return loaded.status();
  CaseRecord* folder = loaded.ok() ? *loaded : work.Create<CaseRecord>(kFolder, id);
  folder->set_title(FoldOnto(folder->title(), event.event_id()));
  folder->set_hops(folder->hops() + 1);
  folder->set_owner_version(event.version());
  work.Emit(kFolder, id, "folder.changed", event.case_id());
  return absl::OkStatus();
}

absl::Status Reader::Deliver(const Envelope& entry) {
  return inbox_->Apply(std::vector<Envelope>{entry})[0];
}

absl::Status Reader::Retry(const store::DeadLetter& letter) {
  YK_ASSIGN_OR_RETURN(store::Change change, inbox_->Retry(letter));
  return committer_->CommitOne(std::move(change));
}

absl::Status Reader::Resolve(const store::DeadLetter& letter) {
  YK_ASSIGN_OR_RETURN(store::Change change, inbox_->Resolve(letter));
  return committer_->CommitOne(std::move(change));
}

std::string Reader::Stuck() {
  std::string text;
  for (const store::StuckRow& row : Must(record_->store().ListStuck("", 1'000'000))) {
    std::string stream = row.letter.stream;
    for (const char* part : {"yikou:events:", "yikou:", ":street:files", ":{0}"}) {
      if (const size_t at = stream.find(part); at != std::string::npos) {
        stream.erase(at, std::string(part).size());
      }
    }
    absl::StrAppend(&text, row.kind, " ", stream, "/", row.letter.seq, "; ");
  }
  return text;
}

store::DeadLetter Reader::DeadLetterOf(const std::string& stream, int64_t seq) {
  for (const store::StuckRow& row : Must(record_->store().ListStuck("", 1'000'000))) {
    if (row.kind == "dead" && row.letter.stream == stream && row.letter.seq == seq) {
      return row.letter;
    }
  }
  throw std::runtime_error(absl::StrCat("no dead letter ", stream, "/", seq));
}

std::string Reader::Folded(const std::string& id) {
  const auto stored = record_->store().Get(kFolder, id);
  CaseRecord folder;
  if (stored.ok()) folder.ParseFromString(stored->body);
  return folder.title();
}

std::vector<std::string> Reader::Causes(int64_t from_seq) {
  std::vector<std::string> causes;
  for (const auto& entry : Must(record_->store().ReadStream(kOut, from_seq, 1'000'000))) {
    causes.push_back(entry.event.cause());
  }
  return causes;
}

}  // namespace yikou::test

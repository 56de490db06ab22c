#include "libs/store/work.h"

#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "libs/base/ids.h"
#include "libs/casework/chain.h"
#include "libs/casework/clocks.h"

namespace yikou::store {

using casework::v1::Event;

const Table kCaseScope{
    .name = "case_scope", .keys = {"case_id", "unit_id"}, .values = {}, .scope_column = ""};

std::string StableBytes(const google::protobuf::Message& message) {
  std::string bytes;
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  message.SerializeToCodedStream(&coded);
  coded.Trim();
  return bytes;
}

struct Work::Entry {
  const AggregateKind* kind = nullptr;
  std::string id;
  std::unique_ptr<google::protobuf::Message> message;
  int64_t stored_version = 0;
  int64_t version = 0;
  bool changed = false;
  int last_event = -1;  // index in change_.events
};

Work::Work(Store* store, WorkContext context) : store_(store), context_(std::move(context)) {}
Work::~Work() = default;
Work::Work(Work&&) noexcept = default;
Work& Work::operator=(Work&&) noexcept = default;

absl::StatusOr<google::protobuf::Message*> Work::LoadMessage(const AggregateKind& kind,
                                                             const std::string& id,
                                                             const google::protobuf::Message& type,
                                                             const std::optional<Scope>& scope) {
  const auto key = std::make_pair(kind.name, id);
  if (auto found = entries_.find(key); found != entries_.end()) {
    return found->second->message.get();
  }
  YK_ASSIGN_OR_RETURN(Stored stored, !scope ? store_->GetToDecide(kind, id, looks_back_)
                                            : store_->Get(kind, id, scope));
  auto entry = std::make_unique<Entry>();
  entry->kind = &kind;
  entry->id = id;
  entry->message.reset(type.New());
  if (!entry->message->ParseFromString(stored.body)) {
    return absl::DataLossError(
        absl::StrCat("The stored bytes of ", kind.name, " ", id, " cannot be read."));
  }
  entry->stored_version = entry->version = stored.version;
  return entries_.emplace(key, std::move(entry)).first->second->message.get();
}

google::protobuf::Message* Work::CreateMessage(const AggregateKind& kind, const std::string& id,
                                               const google::protobuf::Message& type) {
  auto entry = std::make_unique<Entry>();
  entry->kind = &kind;
  entry->id = id;
  entry->message.reset(type.New());
  entry->changed = true;
  return (entries_[{kind.name, id}] = std::move(entry))->message.get();
}

int64_t Work::VersionOf(const AggregateKind& kind, const std::string& id) const {
  auto found = entries_.find({kind.name, id});
  return found == entries_.end() ? 0 : found->second->version;
}

Event& Work::Emit(const AggregateKind& kind, const std::string& id, std::string type,
                  std::string case_id) {
  Entry& entry = *entries_.at({kind.name, id});
  entry.changed = true;
  entry.version += 1;
  entry.last_event = static_cast<int>(change_.events.size());
  EventOut& out = change_.events.emplace_back();
  out.streams.push_back(context_.stream);
  Event& event = out.event;
  event.set_event_id(base::NewId(context_.now));
  event.set_source(context_.source);
  event.set_case_id(std::move(case_id));
  event.set_aggregate_kind(kind.name);
  event.set_aggregate_id(id);
  event.set_version(entry.version);
  event.set_type(std::move(type));
  *event.mutable_occurred_at() = casework::ToProto(context_.now);
  *event.mutable_recorded_at() = casework::ToProto(context_.now);
  *event.mutable_actor() = context_.actor;
  event.set_cause(context_.cause);
  event.set_traceparent(context_.traceparent);
  return event;
}

void Work::Touch(const AggregateKind& kind, const std::string& id) {
  entries_.at({kind.name, id})->changed = true;
}

void Work::AlsoTo(std::string stream) {
  change_.events.back().streams.push_back(std::move(stream));
}

void Work::Show(Event& event, const std::string& unit_id) {
  if (unit_id.empty()) return;
  event.add_visible_to(unit_id);
  ShowFor(event.case_id(), unit_id);
}

void Work::ShowFor(const std::string& case_id, const std::string& unit_id) {
  if (case_id.empty() || unit_id.empty()) return;
  Put({.table = &kCaseScope,
       .mode = RowWrite::Mode::kInsertOrIgnore,
       .keys = {case_id, unit_id},
       .values = {}});
}

absl::StatusOr<Change> Work::Take() {
  for (auto& [key, entry] : entries_) {
    if (!entry->changed) {
      change_.reads.push_back({entry->kind, entry->id, entry->stored_version});
      continue;
    }
    // An aggregate that changed without an event still moves on by one version, so that a
    // concurrent writer of the same aggregate is found out.
    if (entry->version == entry->stored_version) entry->version += 1;
    Write write;
    write.kind = entry->kind;
    write.id = entry->id;
    write.expected_version = entry->stored_version;
    write.new_version = entry->version;
    write.body = StableBytes(*entry->message);
    write.columns = entry->kind->extract(*entry->message);
    if (entry->kind->next_due) write.due = entry->kind->next_due(*entry->message);
    if (entry->kind->audited) {
      const std::string digest = casework::Digest(write.body);
      if (entry->last_event >= 0) {
        change_.events[entry->last_event].event.set_aggregate_digest(digest);
      } else if (!entry->kind->emits && !change_.events.empty()) {
        auto* also = change_.events.back().event.add_also();
        also->set_kind(entry->kind->name);
        also->set_id(entry->id);
        also->set_version(entry->version);
        also->set_digest(digest);
      } else {
        return absl::InternalError(absl::StrCat("The aggregate ", entry->kind->name, " ", entry->id,
                                                " changed and no event says so."));
      }
    }
    change_.writes.push_back(std::move(write));
  }
  entries_.clear();
  return std::move(change_);
}

}  // namespace yikou::store

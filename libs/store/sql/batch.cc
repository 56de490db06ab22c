#include "libs/store/sql/batch.h"

#include "absl/strings/str_cat.h"
#include "libs/base/planted_bug.h"
#include "libs/base/status.h"
#include "libs/casework/chain.h"
#include "libs/store/sql/statements.h"
#include "libs/store/work.h"

namespace yikou::store {
namespace {

const Table kSeenVersion{.name = "seen_version",
                         .keys = {"aggregate", "source"},
                         .values = {"version"},
                         .scope_column = ""};
const Table kParked{.name = "parked",
                    .keys = {"stream", "seq"},
                    .values = {"source", "aggregate", "wait_version", "envelope"},
                    .scope_column = ""};
const Table kDeadLetter{
    .name = "dead_letter",
    .keys = {"stream", "seq"},
    .values = {"event_type", "case_id", "cause", "attempts", "since", "envelope"},
    .scope_column = ""};

// Places of the lookups; those of aggregates follow, one a table.
enum Place { kHead, kRequests, kMarks, kAbove, kDead, kSeen, kWaiting, kStreams, kAggregates };

// Sorted sets become the rows of a lookup.
std::vector<Row> RowsOf(std::set<Row> keys) { return {keys.begin(), keys.end()}; }

Value DueOf(const Write& write) {
  if (write.due == absl::InfiniteFuture()) return std::monostate{};
  return absl::ToUnixMicros(write.due);
}

}  // namespace

BatchPlan::BatchPlan(const std::vector<Change*>& batch) : batch_(batch) {
  std::set<Row> requests, inboxes, dead, seen, waiting, streams;
  std::map<std::string, std::set<Row>> aggregates;
  for (const Change* change : batch) {
    if (const auto& mark = change->request) {
      requests.insert({mark->request_id, mark->principal, mark->method});
    }
    for (const InboxMark& mark : change->inbox) inboxes.insert({mark.stream});
    for (const InboxMark& mark : change->revived) dead.insert({mark.stream, mark.seq});
    for (const SeenMark& mark : change->seen) {
      seen.insert({IdFirst(mark.aggregate), mark.source});
      waiting.insert({mark.source, mark.aggregate});
    }
    for (const ParkedEntry& entry : change->parked) {
      seen.insert({IdFirst(entry.aggregate), entry.source});
      waiting.insert({entry.source, entry.aggregate});
    }
    for (const EventOut& out : change->events) {
      for (const std::string& stream : out.streams) streams.insert({stream});
    }
    for (const Write& write : change->writes) aggregates[write.kind->table].insert({write.id});
    for (const Read& read : change->reads) aggregates[read.kind->table].insert({read.id});
  }
  lookups_.resize(kAggregates);
  lookups_[kHead] = {"log_head", {"id"}, {"position", "hash"}, {{int64_t{1}}}};
  lookups_[kRequests] = {"request",
                         {"request_id", "principal", "method"},
                         {"principal", "method", "request_id"},
                         RowsOf(std::move(requests))};
  lookups_[kMarks] = {"inbox", {"stream"}, {"stream", "watermark"}, RowsOf(inboxes)};
  lookups_[kAbove] = {"inbox_above", {"stream"}, {"stream", "seq"}, RowsOf(std::move(inboxes))};
  lookups_[kDead] = {"dead_letter", {"stream", "seq"}, {"stream", "seq"}, RowsOf(std::move(dead))};
  lookups_[kSeen] = {"seen_version",
                     {"aggregate", "source"},
                     {"source", "aggregate", "version"},
                     RowsOf(std::move(seen))};
  lookups_[kWaiting] = {"parked",
                        {"source", "aggregate"},
                        {"source", "aggregate", "stream", "seq", "wait_version"},
                        RowsOf(std::move(waiting))};
  lookups_[kStreams] = {"stream_head", {"stream"}, {"stream", "seq"}, RowsOf(std::move(streams))};
  for (auto& [table, ids] : aggregates) {
    lookups_.push_back({table, {"id"}, {"id", "version"}, RowsOf(std::move(ids))});
  }
}

absl::Status BatchPlan::Learn(const std::vector<std::vector<Row>>& found) {
  if (found[kHead].empty()) return absl::DataLossError("The log has no head row.");
  position_ = IntOf(found[kHead][0][0]);
  hash_ = TextOf(found[kHead][0][1]);
  for (const Row& row : found[kRequests]) {
    requests_.insert({TextOf(row[0]), TextOf(row[1]), TextOf(row[2])});
  }
  for (const Row& row : found[kMarks]) inboxes_[TextOf(row[0])].watermark = IntOf(row[1]);
  for (const Row& row : found[kAbove]) inboxes_[TextOf(row[0])].above.insert(IntOf(row[1]));
  for (const Row& row : found[kDead]) dead_.insert({TextOf(row[0]), IntOf(row[1])});
  for (const Row& row : found[kSeen]) {
    seen_[{TextOf(row[0]), KindFirst(TextOf(row[1]))}] = IntOf(row[2]);
  }
  for (const Row& row : found[kWaiting]) {
    parked_[{TextOf(row[0]), TextOf(row[1])}][{TextOf(row[2]), IntOf(row[3])}] = IntOf(row[4]);
  }
  for (const Row& row : found[kStreams]) stream_seq_[TextOf(row[0])] = IntOf(row[1]);
  for (size_t i = kAggregates; i < found.size(); ++i) {
    for (const Row& row : found[i]) {
      aggregates_[{lookups_[i].table, TextOf(row[0])}] = {true, IntOf(row[1]), nullptr};
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<RowBatch>> BatchPlan::Decide(const std::vector<std::vector<Row>>& found,
                                                        std::vector<absl::Status>* statuses) {
  YK_RETURN_IF_ERROR(Learn(found));
  const int64_t first_position = position_;
  for (size_t i = 0; i < batch_.size(); ++i) {
    (*statuses)[i] = Check(*batch_[i]);
    if ((*statuses)[i].ok()) Accept(batch_[i]);
  }
  WriteAggregates();
  WriteInboxes();
  WriteHeads(first_position);
  for (auto& [table, insert] : inserts_) writes_.push_back(std::move(insert));
  for (RowBatch& batch : rows_.Take()) writes_.push_back(std::move(batch));
  return std::move(writes_);
}

absl::Status BatchPlan::Check(const Change& change) {
  if (const auto& mark = change.request;
      mark && requests_.count({mark->principal, mark->method, mark->request_id}) > 0) {
    return absl::AlreadyExistsError("The request id is recorded.");
  }
  YK_RETURN_IF_ERROR(CheckInbox(change));
  YK_RETURN_IF_ERROR(CheckSeen(change));
  if (base::Planted("ring_twice") && !change.request && change.inbox.empty()) {
    return absl::OkStatus();
  }
  for (const Write& write : change.writes) {
    YK_RETURN_IF_ERROR(CheckVersion(*write.kind, write.id, write.expected_version));
  }
  for (const Read& read : change.reads) {
    if (base::Planted("trust_memory")) break;
    YK_RETURN_IF_ERROR(CheckVersion(*read.kind, read.id, read.version));
  }
  return absl::OkStatus();
}

absl::Status BatchPlan::CheckVersion(const AggregateKind& kind, const std::string& id,
                                     int64_t expected) const {
  const auto known = aggregates_.find({kind.table, id});
  const int64_t current = known == aggregates_.end() ? 0 : known->second.version;
  if (current == expected) return absl::OkStatus();
  return absl::AbortedError(absl::StrCat("The ", kind.name, " ", id, " is at version ", current,
                                         ", not ", expected, "."));
}

absl::Status BatchPlan::CheckInbox(const Change& change) {
  for (const InboxMark& mark : change.inbox) {
    if (base::Planted("skip_inbox_check")) break;
    const InboxFacts& inbox = inboxes_[mark.stream];
    if (mark.seq > inbox.watermark && inbox.above.count(mark.seq) == 0) continue;
    return absl::AlreadyExistsError(
        absl::StrCat("Entry ", mark.seq, " of ", mark.stream, " is applied."));
  }
  for (const InboxMark& mark : change.revived) {
    if (dead_.count({mark.stream, mark.seq}) > 0) continue;
    return absl::NotFoundError(
        absl::StrCat("The dead letter ", mark.stream, "/", mark.seq, " is settled."));
  }
  return absl::OkStatus();
}

// Replicas decide side by side: one may park an entry while another applies what it waits for.
absl::Status BatchPlan::CheckSeen(const Change& change) {
  for (const SeenMark& mark : change.seen) {
    const SeenKey key = {mark.source, mark.aggregate};
    const auto known = seen_.find(key);
    const int64_t current = known == seen_.end() ? 0 : known->second;
    if (current != mark.expected) {
      return absl::AbortedError(absl::StrCat("Version ", current, " of ", mark.aggregate, " from ",
                                             mark.source, " is seen, not ", mark.expected, "."));
    }
    std::map<EntryKey, int64_t> waiting = parked_[key];
    for (const InboxMark& woken : change.unparked) waiting.erase({woken.stream, woken.seq});
    for (const ParkedEntry& on : change.parked) waiting.erase({on.stream, on.seq});
    for (const auto& [entry, version] : waiting) {
      if (version > mark.version) continue;
      return absl::AbortedError(absl::StrCat("Entry ", entry.second, " of ", entry.first,
                                             " was parked meanwhile on ", mark.aggregate, "."));
    }
  }
  for (const ParkedEntry& entry : change.parked) {
    const auto known = seen_.find({entry.source, entry.aggregate});
    if (known == seen_.end() || known->second < entry.wait_version) continue;
    return absl::AbortedError(absl::StrCat("Version ", entry.wait_version, " of ", entry.aggregate,
                                           " from ", entry.source, " was seen meanwhile."));
  }
  return absl::OkStatus();
}

void BatchPlan::Accept(Change* change) {
  for (const Write& write : change->writes) {
    const AggregateKey key = {write.kind->table, write.id};
    AggregateFacts& facts = aggregates_[key];
    if (facts.write == nullptr) order_.push_back(key);
    facts.version = write.new_version;
    facts.write = &write;
  }
  for (const RowWrite& row : change->rows) rows_.Add(row);
  AcceptEvents(change);
  AcceptMarks(*change);
  AcceptEntries(*change);
}

void BatchPlan::AcceptEvents(Change* change) {
  for (EventOut& out : change->events) {
    out.event.set_position(++position_);
    out.seqs.clear();
    std::string body = StableBytes(out.event);
    hash_ = casework::ChainHash(hash_, body);
    Insert("event", {"position"}, {"case_id", "hash", "body"})
        .rows.push_back({position_, out.event.case_id(), Blob{hash_}, Blob{std::move(body)}});
    for (const std::string& stream : out.streams) {
      const int64_t seq = ++stream_seq_[stream];
      out.seqs.push_back(seq);
      moved_streams_.insert(stream);
      Insert("stream_entry", {"stream", "seq"}, {"position"})
          .rows.push_back({stream, seq, position_});
    }
  }
}

void BatchPlan::AcceptMarks(const Change& change) {
  if (const auto& mark = change.request) {
    requests_.insert({mark->principal, mark->method, mark->request_id});
    Insert("request", {"request_id", "principal", "method"},
           {"payload_digest", "response", "created_at"})
        .rows.push_back({mark->request_id, mark->principal, mark->method, mark->payload_digest,
                         Blob{mark->response}, absl::ToUnixMicros(mark->at)});
  }
  for (const InboxMark& mark : change.inbox) {
    inboxes_[mark.stream].above.insert(mark.seq);
    inboxes_[mark.stream].added.insert(mark.seq);
  }
  for (const SeenMark& mark : change.seen) {
    seen_[{mark.source, mark.aggregate}] = mark.version;
    rows_.Add({&kSeenVersion,
               RowWrite::Mode::kUpsert,
               {IdFirst(mark.aggregate), mark.source},
               {mark.version}});
  }
}

// Entries that wait, and those that could not be applied.
void BatchPlan::AcceptEntries(const Change& change) {
  for (const InboxMark& mark : change.unparked) {
    for (auto& [key, waiting] : parked_) waiting.erase({mark.stream, mark.seq});
    rows_.Add({&kParked, RowWrite::Mode::kDelete, {mark.stream, mark.seq}, {}});
  }
  for (const ParkedEntry& entry : change.parked) {
    for (auto& [key, waiting] : parked_) waiting.erase({entry.stream, entry.seq});
    parked_[{entry.source, entry.aggregate}][{entry.stream, entry.seq}] = entry.wait_version;
    rows_.Add({&kParked,
               RowWrite::Mode::kUpsert,
               {entry.stream, entry.seq},
               {entry.source, entry.aggregate, entry.wait_version, Blob{entry.envelope}}});
  }
  for (const InboxMark& mark : change.revived) {
    dead_.erase({mark.stream, mark.seq});
    rows_.Add({&kDeadLetter, RowWrite::Mode::kDelete, {mark.stream, mark.seq}, {}});
  }
  for (const DeadLetter& dead : change.dead) {
    dead_.insert({dead.stream, dead.seq});
    rows_.Add({&kDeadLetter,
               RowWrite::Mode::kUpsert,
               {dead.stream, dead.seq},
               {dead.event_type, dead.case_id, dead.cause, int64_t{dead.attempts},
                absl::ToUnixMicros(dead.since), Blob{dead.envelope}}});
  }
}

RowBatch& BatchPlan::Insert(const std::string& table, std::vector<std::string> keys,
                            std::vector<std::string> values) {
  const auto [found, is_new] = inserts_.try_emplace(table);
  if (is_new) {
    found->second = {table, RowBatch::Mode::kInsert, std::move(keys), std::move(values), {}};
  }
  return found->second;
}

// One statement for the new aggregates of a table and one for those that are there.
void BatchPlan::WriteAggregates() {
  std::map<std::pair<std::string, RowBatch::Mode>, RowBatch> batches;
  for (const AggregateKey& key : order_) {
    const AggregateFacts& facts = aggregates_[key];
    const Write& write = *facts.write;
    const auto mode = facts.stored ? RowBatch::Mode::kUpdate : RowBatch::Mode::kInsert;
    RowBatch& batch = batches[{key.first, mode}];
    if (batch.rows.empty()) {
      batch = {key.first, mode, {"id"}, {"version", "due_at", "body"}, {}};
      batch.values.insert(batch.values.end(), write.kind->columns.begin(),
                          write.kind->columns.end());
    }
    Row row = {write.id, write.new_version, DueOf(write), Blob{write.body}};
    row.insert(row.end(), write.columns.begin(), write.columns.end());
    batch.rows.push_back(std::move(row));
  }
  for (auto& [key, batch] : batches) writes_.push_back(std::move(batch));
}

// Moves each watermark over what is applied without a gap; only entries beyond a gap are stored one
// by one.
void BatchPlan::WriteInboxes() {
  RowBatch marks{"inbox", RowBatch::Mode::kUpsert, {"stream"}, {"watermark"}, {}};
  RowBatch gone{"inbox_above", RowBatch::Mode::kDelete, {"stream", "seq"}, {}, {}};
  for (auto& [stream, inbox] : inboxes_) {
    const int64_t before = inbox.watermark;
    while (inbox.above.count(inbox.watermark + 1) > 0) {
      inbox.above.erase(++inbox.watermark);
      if (inbox.added.count(inbox.watermark) == 0) gone.rows.push_back({stream, inbox.watermark});
    }
    if (inbox.watermark != before) marks.rows.push_back({stream, inbox.watermark});
    for (const int64_t seq : inbox.added) {
      if (seq <= inbox.watermark) continue;
      Insert("inbox_above", {"stream", "seq"}, {}).rows.push_back({stream, seq});
    }
  }
  if (!marks.rows.empty()) writes_.push_back(std::move(marks));
  if (!gone.rows.empty()) writes_.push_back(std::move(gone));
}

void BatchPlan::WriteHeads(int64_t first_position) {
  RowBatch known{"stream_head", RowBatch::Mode::kUpsert, {"stream"}, {"seq"}, {}};
  for (const std::string& stream : moved_streams_) {
    known.rows.push_back({stream, stream_seq_[stream]});
  }
  if (!known.rows.empty()) writes_.push_back(std::move(known));
  if (position_ == first_position) return;
  if (base::Planted("lose_log_position") && batch_.size() > 1) return;
  writes_.push_back({"log_head",
                     RowBatch::Mode::kUpdate,
                     {"id"},
                     {"position", "hash"},
                     {{int64_t{1}, position_, Blob{hash_}}}});
}

}  // namespace yikou::store

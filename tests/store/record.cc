#include "tests/store/record.h"

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/base/ids.h"
#include "libs/casework/chain.h"
#include "libs/casework/clocks.h"

namespace yikou::sql {
std::vector<std::pair<std::string, std::string>> core_schema();
}  // namespace yikou::sql

namespace yikou::test {

using casework::v1::CaseRecord;
using store::Blob;
using store::RowWrite;
using store::Value;

namespace {

constexpr char kSchema[] = R"(
CREATE TABLE folder (
  id TEXT PRIMARY KEY, version BIGINT NOT NULL, due_at BIGINT, body BYTEA NOT NULL,
  title TEXT NOT NULL, weight BIGINT NOT NULL
);
CREATE TABLE shelf (
  id TEXT PRIMARY KEY, version BIGINT NOT NULL, due_at BIGINT, body BYTEA NOT NULL
);
CREATE TABLE ledger (
  id TEXT PRIMARY KEY, version BIGINT NOT NULL, due_at BIGINT, body BYTEA NOT NULL
);
CREATE TABLE tally (
  area TEXT NOT NULL, metric TEXT NOT NULL, total BIGINT NOT NULL, share DOUBLE PRECISION NOT NULL,
  PRIMARY KEY (area, metric)
);
CREATE TABLE note (
  id TEXT PRIMARY KEY, case_id TEXT NOT NULL, amount BIGINT, ratio DOUBLE PRECISION, label TEXT,
  bytes BYTEA
);
)";

std::vector<Value> NoColumns(const google::protobuf::Message&) { return {}; }

std::vector<Value> FolderColumns(const google::protobuf::Message& message) {
  const auto& folder = static_cast<const CaseRecord&>(message);
  return {folder.title(), int64_t{folder.hops()}};
}

absl::Time FolderDue(const google::protobuf::Message& message) {
  const auto& folder = static_cast<const CaseRecord&>(message);
  return folder.has_create_time() ? casework::FromProto(folder.create_time())
                                  : absl::InfiniteFuture();
}

struct Print {
  std::string operator()(std::monostate) const { return "null"; }
  std::string operator()(int64_t value) const { return absl::StrCat("int ", value); }
  std::string operator()(double value) const { return absl::StrCat("real ", value); }
  std::string operator()(const std::string& value) const { return absl::StrCat("text ", value); }
  std::string operator()(const Blob& value) const {
    return absl::StrCat("blob ", base::ToHex(value.bytes));
  }
};

}  // namespace

const store::AggregateKind kFolder{.name = "folder",
                                   .table = "folder",
                                   .columns = {"title", "weight"},
                                   .extract = FolderColumns,
                                   .next_due = FolderDue,
                                   .scope_column = "id"};
const store::AggregateKind kShelf{.name = "shelf",
                                  .table = "shelf",
                                  .columns = {},
                                  .extract = NoColumns,
                                  .next_due = nullptr,
                                  .scope_column = "",
                                  .emits = false};
const store::AggregateKind kLedger{.name = "ledger",
                                   .table = "ledger",
                                   .columns = {},
                                   .extract = NoColumns,
                                   .next_due = nullptr,
                                   .scope_column = "",
                                   .audited = false};
const store::Table kTally{
    .name = "tally", .keys = {"area", "metric"}, .values = {"total", "share"}, .scope_column = ""};
const store::Table kNote{.name = "note",
                         .keys = {"id"},
                         .values = {"case_id", "amount", "ratio", "label", "bytes"},
                         .scope_column = "case_id"};

CaseRecord FolderMessage(const std::string& title, int weight) {
  CaseRecord folder;
  folder.set_title(title);
  folder.set_hops(weight);
  return folder;
}

store::Write FolderWrite(const std::string& id, int64_t expected, int64_t version,
                         const std::string& title, int weight) {
  store::Write write;
  write.kind = &kFolder;
  write.id = id;
  write.expected_version = expected;
  write.new_version = version;
  write.body = store::StableBytes(FolderMessage(title, weight));
  write.columns = {title, int64_t{weight}};
  return write;
}

RowWrite NoteRow(RowWrite::Mode mode, const std::string& id, const std::string& case_id,
                 Value amount, Value ratio, Value label, Value bytes) {
  return {
      .table = &kNote,
      .mode = mode,
      .keys = {id},
      .values = {case_id, std::move(amount), std::move(ratio), std::move(label), std::move(bytes)}};
}

RowWrite TallyRow(RowWrite::Mode mode, const std::string& area, const std::string& metric,
                  int64_t total, double share) {
  return {.table = &kTally, .mode = mode, .keys = {area, metric}, .values = {total, share}};
}

RowWrite ScopeRow(const std::string& case_id, const std::string& unit_id) {
  return {.table = &store::kCaseScope,
          .mode = RowWrite::Mode::kInsertOrIgnore,
          .keys = {case_id, unit_id},
          .values = {}};
}

store::EventOut EventOf(const std::string& id, int64_t version, std::vector<std::string> streams) {
  store::EventOut out;
  out.event.set_event_id(absl::StrCat(id, "@", version));
  out.event.set_source("files");
  out.event.set_case_id(id);
  out.event.set_aggregate_kind("folder");
  out.event.set_aggregate_id(id);
  out.event.set_version(version);
  out.event.set_type("folder.changed");
  out.streams = std::move(streams);
  return out;
}

store::RequestMark RequestOf(const std::string& request_id) {
  store::RequestMark mark;
  mark.principal = "230108/officer";
  mark.method = "/yikou.files.v1.Files/Change";
  mark.request_id = request_id;
  mark.payload_digest = "digest of " + request_id;
  mark.response = "answer to " + request_id;
  mark.at = absl::FromUnixSeconds(1'800'000'000);
  return mark;
}

std::vector<store::Migration> TestMigrations() {
  std::vector<store::Migration> migrations;
  for (auto& [name, text] : sql::core_schema()) {
    migrations.push_back({static_cast<int>(migrations.size()) + 1, name, text});
  }
  migrations.push_back({1001, "test.sql", kSchema});
  return migrations;
}

Record::Record(const BackendFactory& factory) : backend_(factory.make()) { Reopen(); }

void Record::Reopen() {
  store_.reset();
  store_ = Must(backend_->Open());
  Must(store_->Migrate(TestMigrations()));
}

std::vector<absl::Status> Record::Commit(std::vector<store::Change> batch) {
  std::vector<store::Change*> changes;
  for (store::Change& change : batch) changes.push_back(&change);
  return store_->Commit(changes);
}

absl::Status Record::CommitOne(store::Change change) {
  std::vector<store::Change> batch;
  batch.push_back(std::move(change));
  return Commit(std::move(batch))[0];
}

std::vector<store::LogEntry> Record::Log() { return Must(store_->ReadLog(1, 1'000'000)); }

std::string Record::Dump() {
  std::string dump;
  const store::Query all{.limit = 1'000'000};
  for (const store::AggregateKind* kind : {&kFolder, &kShelf, &kLedger}) {
    for (const store::Stored& stored : Must(store_->Find(*kind, all))) {
      absl::StrAppend(&dump, kind->name, " ", stored.id, " at ", stored.version, ": ",
                      base::ToHex(stored.body), "\n");
    }
  }
  for (const store::Table* table : {&kNote, &kTally, &store::kCaseScope}) {
    for (const std::vector<Value>& row : Must(store_->Select(*table, all))) {
      absl::StrAppend(&dump, table->name);
      for (const Value& value : row) absl::StrAppend(&dump, " | ", std::visit(Print{}, value));
      absl::StrAppend(&dump, "\n");
    }
  }
  const store::LogHead head = Must(store_->Head());
  absl::StrAppend(&dump, "head ", head.position, " ", base::ToHex(head.hash), "\n");
  for (const store::LogEntry& entry : Log()) {
    absl::StrAppend(&dump, "event ", entry.position, " ", base::ToHex(entry.hash), "\n");
  }
  std::map<std::string, store::StreamHeadRow> heads;
  for (store::StreamHeadRow& row : Must(store_->StreamHeads())) heads[row.stream] = std::move(row);
  for (const auto& [stream, row] : heads) {
    absl::StrAppend(&dump, "stream ", stream, " ", row.seq, " published ", row.published_seq, "\n");
  }
  const store::InboxState inbox = Must(store_->Inbox(kIn));
  absl::StrAppend(&dump, "inbox ", inbox.watermark);
  for (const int64_t seq : inbox.above) absl::StrAppend(&dump, " ", seq);
  for (const store::StuckRow& row : Must(store_->ListStuck("", 1'000'000))) {
    absl::StrAppend(&dump, "\n", row.kind, " ", row.letter.stream, "/", row.letter.seq, ": ",
                    row.letter.cause, ", ", base::ToHex(row.letter.envelope));
  }
  absl::StrAppend(&dump, "\nrequests ", backend_->Ask("SELECT COUNT(*) FROM request"));
  return dump;
}

std::string Record::LogFault() {
  std::string hash;
  int64_t position = 0;
  std::map<std::string, int64_t> places;
  for (const store::LogEntry& entry : Log()) {
    if (entry.position != ++position) return absl::StrCat("no event ", position);
    hash = casework::ChainHash(hash, entry.body);
    if (hash != entry.hash) return absl::StrCat("wrong hash at ", position);
    casework::v1::Event event;
    if (!event.ParseFromString(entry.body)) return absl::StrCat("unreadable: ", position);
    if (event.position() != position) return absl::StrCat("wrong position in ", position);
  }
  const store::LogHead head = Must(store_->Head());
  if (head.position != position) return absl::StrCat("head at ", head.position);
  if (position > 0 && head.hash != hash) return "head has another hash";
  for (const store::StreamHeadRow& row : Must(store_->StreamHeads())) {
    int64_t seq = 0;
    int64_t last_position = 0;
    for (const auto& entry : Must(store_->ReadStream(row.stream, 1, 1'000'000))) {
      if (entry.seq != ++seq) return absl::StrCat("no entry ", seq, " in ", row.stream);
      if (entry.event.position() <= last_position) return absl::StrCat("order of ", row.stream);
      last_position = entry.event.position();
    }
    if (seq != row.seq) return absl::StrCat("head of ", row.stream, " is ", row.seq);
  }
  return "";
}

store::Work Record::NewWork() {
  store::WorkContext context;
  context.source = "files";
  context.actor.set_unit_id("230108");
  context.actor.set_person_id("officer");
  context.cause = "a request";
  context.traceparent = "00-trace-01";
  context.now = absl::FromUnixSeconds(1'800'000'000);
  context.stream = kOut;
  return store::Work(store_.get(), std::move(context));
}

}  // namespace yikou::test

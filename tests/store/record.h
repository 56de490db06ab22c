// A record with a small schema of its own, and what tests need to fill it and to look into it.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/store/change.h"
#include "libs/store/store.h"
#include "libs/store/work.h"
#include "tests/store/backend.h"
#include "yikou/casework/v1/casework.pb.h"

namespace yikou::test {

// The value, or an exception with the status: for what a test rests on but is not about.
inline void Must(const absl::Status& status) {
  if (!status.ok()) throw std::runtime_error(status.ToString());
}
template <class T>
T Must(absl::StatusOr<T> value) {
  Must(value.status());
  return *std::move(value);
}

// Aggregates of the test's schema; their messages are CaseRecords. A folder has the columns title
// and weight (hops), is due at its create_time, and is seen by those who may see the case of its
// id.
extern const store::AggregateKind kFolder;
// Audited, but never emits: events of the same change cover it. No columns, no scope.
extern const store::AggregateKind kShelf;
// Bookkeeping: not audited. No columns, no scope.
extern const store::AggregateKind kLedger;
// Keys area, metric; values total (BIGINT), share (DOUBLE PRECISION), neither may be NULL.
extern const store::Table kTally;
// Key id; values case_id (the scope; never NULL), amount, ratio, label, bytes.
extern const store::Table kNote;

inline constexpr char kOut[] = "yikou:events:files:{0}";
inline constexpr char kIn[] = "yikou:events:intake:{0}";

casework::v1::CaseRecord FolderMessage(const std::string& title, int weight = 0);
store::Write FolderWrite(const std::string& id, int64_t expected, int64_t version,
                         const std::string& title = "title", int weight = 0);
store::RowWrite NoteRow(store::RowWrite::Mode mode, const std::string& id,
                        const std::string& case_id, store::Value amount = int64_t{0},
                        store::Value ratio = {}, store::Value label = {}, store::Value bytes = {});
store::RowWrite TallyRow(store::RowWrite::Mode mode, const std::string& area,
                         const std::string& metric, int64_t total, double share);
store::RowWrite ScopeRow(const std::string& case_id, const std::string& unit_id);
store::EventOut EventOf(const std::string& id, int64_t version,
                        std::vector<std::string> streams = {kOut});
store::RequestMark RequestOf(const std::string& request_id);

class Record {
 public:
  explicit Record(const BackendFactory& factory = Backends().front());

  store::Store& store() { return *store_; }
  Backend& backend() { return *backend_; }
  // Closes the record and opens it again, as a restart does.
  void Reopen();
  void Close() { store_.reset(); }

  // Commits in one transaction.
  std::vector<absl::Status> Commit(std::vector<store::Change> batch);
  absl::Status CommitOne(store::Change change);

  // Everything the record holds, as text: two dumps are equal when nothing was written between.
  std::string Dump();
  std::vector<store::LogEntry> Log();
  // "" when positions are dense, every hash follows from the one before, every stream is dense and
  // the head is the last event; else the first thing that is wrong.
  std::string LogFault();

  // A decision of the test's own, at `now`.
  store::Work NewWork();

 private:
  std::unique_ptr<Backend> backend_;
  std::unique_ptr<store::Store> store_;
};

// The schema above as a migration behind the core schema.
std::vector<store::Migration> TestMigrations();

}  // namespace yikou::test

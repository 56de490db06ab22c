// What a decision wants written: plain data, committed in one transaction or not at all.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "google/protobuf/message.h"
#include "yikou/casework/v1/casework.pb.h"

namespace yikou::store {

// A column value. Text must be UTF-8; Blob is bytes; monostate is NULL.
struct Blob {
  std::string bytes;
  auto operator<=>(const Blob&) const = default;
};
using Value = std::variant<std::monostate, int64_t, double, std::string, Blob>;

// A kind of aggregate and where it is stored. Its table has the columns
// (id TEXT PRIMARY KEY, version BIGINT, due_at BIGINT, body BYTEA) and those named here.
struct AggregateKind {
  std::string name;                  // aggregate_kind of its events, such as "case"
  std::string table;                 // created by the service's schema
  std::vector<std::string> columns;  // beside the body, for queries
  // Values of `columns`, in their order.
  std::function<std::vector<Value>(const google::protobuf::Message&)> extract;
  // Earliest time at which a timer of the aggregate is due; InfiniteFuture when none. Null for
  // kinds without timers. Case time, but for kinds with leases, which are of system time.
  std::function<absl::Time(const google::protobuf::Message&)> next_due;
  // Column that holds the case id for the scope predicate; "id" when the aggregate is the case,
  // empty for kinds every authenticated caller may read.
  std::string scope_column;
  // False for bookkeeping that no event speaks of, such as number blocks.
  bool audited = true;
  // True when every change of the aggregate emits an event of its own, so that the versions other
  // services see come without gaps. False for a kind that never does: events of the same Change
  // cover it.
  bool emits = true;
};

// A keyed or append-only table that is not an aggregate: read models, scopes, work lists, blobs.
struct Table {
  std::string name;
  std::vector<std::string> keys;    // primary key
  std::vector<std::string> values;  // other columns
  std::string scope_column;         // as in AggregateKind
};

// Writes one aggregate if its stored version is still `expected_version` (0: it must not exist).
struct Write {
  const AggregateKind* kind = nullptr;
  std::string id;
  int64_t expected_version = 0;
  int64_t new_version = 0;
  std::string body;
  std::vector<Value> columns;
  absl::Time due = absl::InfiniteFuture();
};

// An aggregate the decision rests on and does not write. Fails with ABORTED when its stored version
// is another by now.
struct Read {
  const AggregateKind* kind = nullptr;
  std::string id;
  int64_t version = 0;
};

// Writes one row of a table.
struct RowWrite {
  enum class Mode {
    kUpsert,          // insert, or replace the values of the row with these keys
    kInsertOrIgnore,  // insert, or leave the row that is there
    kAdd,             // insert, or add the (integer or real) values to the row that is there
    kDelete,          // delete the row with these keys; none there is no error
  };
  const Table* table = nullptr;
  Mode mode = Mode::kUpsert;
  std::vector<Value> keys;
  std::vector<Value> values;
};

// An event and the streams it goes to. The commit sets the event's position, and its sequence in
// each stream.
struct EventOut {
  casework::v1::Event event;
  std::vector<std::string> streams;
  std::vector<int64_t> seqs = {};
};

// Makes a request safe to repeat: stored with the change, unique by (principal, method, id).
struct RequestMark {
  std::string principal;
  std::string method;
  std::string request_id;
  std::string payload_digest;
  std::string response;  // serialised answer, given again to a repeat
  absl::Time at;         // system time; marks are kept 30 days
};

// Marks entries of a stream as applied. A Change whose entry was applied before fails with
// ALREADY_EXISTS and writes nothing.
struct InboxMark {
  std::string stream;
  int64_t seq = 0;
};

// The version seen last of an aggregate of another service moves on. Fails with ABORTED when it is
// not `expected` any more, or when an entry that waits for a version up to `version` is parked and
// this change neither unparks it nor parks it on something else.
struct SeenMark {
  std::string source;
  std::string aggregate;  // "<kind>/<id>"
  int64_t expected = 0;
  int64_t version = 0;
};

// An entry that waits for another event of an aggregate; see store.h. Fails with ABORTED when that
// version was seen meanwhile: nobody would wake the entry.
struct ParkedEntry {
  std::string stream;
  int64_t seq = 0;
  std::string source;
  std::string aggregate;  // "<kind>/<id>"
  int64_t wait_version = 0;
  std::string envelope;  // serialised
};

// An entry that could not be applied.
struct DeadLetter {
  std::string stream;
  int64_t seq = 0;
  std::string event_type;
  std::string case_id;
  std::string cause;
  int attempts = 0;
  std::string envelope;
  absl::Time since = absl::UnixEpoch();
};

struct Change {
  std::vector<Write> writes;
  std::vector<Read> reads;
  std::vector<RowWrite> rows;
  std::vector<EventOut> events;
  std::optional<RequestMark> request;
  std::vector<InboxMark> inbox;
  std::vector<SeenMark> seen;
  std::vector<ParkedEntry> parked;
  std::vector<InboxMark> unparked;  // parked entries applied by this change
  std::vector<DeadLetter> dead;
  std::vector<InboxMark> revived;  // dead letters settled by this change

  // True when there is nothing to write, whatever was read.
  bool empty() const {
    return writes.empty() && rows.empty() && events.empty() && !request && inbox.empty() &&
           seen.empty() && parked.empty() && unparked.empty() && dead.empty() && revived.empty();
  }
};

// What a handler returns: what to write, and the answer to give once it is durable.
template <class Response>
struct Outcome {
  Change change;
  Response response;
  // True when `change` has to be committed before the command can be decided at all: due timers of
  // the aggregate. The caller commits it and asks the handler again.
  bool decide_again = false;
};

}  // namespace yikou::store

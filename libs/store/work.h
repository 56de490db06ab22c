// One decision in the making: reads aggregates, sees its own writes, ends as a Change.
//
// A handler loads, decides and emits; it never commits. Several entries of a stream may share one
// Work: what the first wrote the second sees, and all of it commits together.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/status.h"
#include "libs/store/store.h"

namespace yikou::store {

// A loaded or created aggregate. Valid as long as its Work.
template <class Message>
struct Aggregate {
  Message value;
};

// What every event of a decision has in common.
struct WorkContext {
  std::string source;  // service
  casework::v1::Actor actor;
  std::string cause;  // request id or event id
  std::string traceparent;
  absl::Time now;      // case time
  std::string stream;  // stream events go to, "yikou:events:<service>:{0}"
};

class Work {
 public:
  Work(Store* store, WorkContext context);
  ~Work();
  Work(Work&&) noexcept;
  Work& operator=(Work&&) noexcept;

  const WorkContext& context() const { return context_; }
  absl::Time now() const { return context_.now; }
  Store* store() const { return store_; }
  // Loads may be as of an earlier commit when replicas share the record: for a decision that is
  // made again without it when it is ABORTED or fails.
  void LookBack() { looks_back_ = true; }
  // Changes who acts from here on; a batch of stream entries shares one Work.
  void set_context(WorkContext context) { context_ = std::move(context); }

  // Returns the aggregate as this Work sees it. The decision rests on it from now on, changed or
  // not: committing fails with ABORTED when somebody else has changed it meanwhile. NOT_FOUND when
  // it does not exist. With a scope, what is out of it does not exist. The pointer stays valid;
  // change the message freely, then Emit or Touch it.
  template <class Message>
  absl::StatusOr<Message*> Load(const AggregateKind& kind, const std::string& id,
                                const std::optional<Scope>& scope = std::nullopt) {
    YK_ASSIGN_OR_RETURN(google::protobuf::Message * message,
                        LoadMessage(kind, id, Message::default_instance(), scope));
    return static_cast<Message*>(message);
  }

  // Returns a new aggregate; committing fails with ABORTED if the id exists by then.
  template <class Message>
  Message* Create(const AggregateKind& kind, const std::string& id) {
    return static_cast<Message*>(CreateMessage(kind, id, Message::default_instance()));
  }

  // Version of a loaded aggregate, events emitted so far included; 0 when not loaded.
  int64_t VersionOf(const AggregateKind& kind, const std::string& id) const;

  // Adds an event of a loaded aggregate, which becomes its next version, and marks the aggregate as
  // changed. Returns the event for facts and reason; the reference holds until the next Emit.
  casework::v1::Event& Emit(const AggregateKind& kind, const std::string& id, std::string type,
                            std::string case_id);

  // Marks a loaded aggregate as changed without an event of its own: one that is not audited, or of
  // a kind that never emits; then an event of the same Change must exist and will cover it.
  void Touch(const AggregateKind& kind, const std::string& id);

  // Sends the last emitted event to one more stream.
  void AlsoTo(std::string stream);

  void Put(RowWrite row) { change_.rows.push_back(std::move(row)); }
  // Lets a unit, and those above it, see the case: here, and through the event's visible_to in
  // every service that reads the event. Empty units are ignored.
  void Show(casework::v1::Event& event, const std::string& unit_id);
  // The same for an event of another service.
  void ShowFor(const std::string& case_id, const std::string& unit_id);

  // Everything so far but the aggregates' bodies; for inbox and request marks.
  Change& change() { return change_; }

  // Closes the decision. INTERNAL when an audited aggregate changed and no event covers it.
  absl::StatusOr<Change> Take();

 private:
  struct Entry;
  absl::StatusOr<google::protobuf::Message*> LoadMessage(const AggregateKind& kind,
                                                         const std::string& id,
                                                         const google::protobuf::Message& type,
                                                         const std::optional<Scope>& scope);
  google::protobuf::Message* CreateMessage(const AggregateKind& kind, const std::string& id,
                                           const google::protobuf::Message& type);

  Store* store_;
  bool looks_back_ = false;
  WorkContext context_;
  Change change_;
  std::map<std::pair<std::string, std::string>, std::unique_ptr<Entry>> entries_;
};

// Table of case scopes every service has: which units may see which case.
extern const Table kCaseScope;

// Deterministic bytes of a message, as stored and digested.
std::string StableBytes(const google::protobuf::Message& message);

}  // namespace yikou::store

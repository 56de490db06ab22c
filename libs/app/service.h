// One running service: record, loops and the order in which they start and stop.
//
// Start: store and migrations, case clock, committer, owner's own import, relay, consumer, log
// fetcher, timers, server. Stop is the reverse: the server refuses and drains, loops end after
// their step, the committer writes what is queued, the store closes.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "libs/app/case_numbers.h"
#include "libs/app/command.h"
#include "libs/app/reaction.h"
#include "libs/app/service_env.h"
#include "libs/queue/redis.h"
#include "libs/telemetry/metrics.h"
#include "yikou/casework/v1/log.pb.h"

namespace yikou::app {

// A stream this service reads and the service that writes it.
struct InputStream {
  std::string stream;
  std::string owner;
};

struct ServiceOptions {
  std::string service;
  std::string store_url;     // as store::OpenStore takes it
  std::string instance;      // names this replica, the same after a restart; the service when empty
  std::string store_schema;  // for PostgreSQL; the service's name when empty
  bool migrate = true;       // false: a schema older than ours is refused, not migrated
  std::string calendar_path;  // CSV of holidays
  std::string redis_host = "127.0.0.1";
  int redis_port = 6379;
  std::string redis_unix_socket;
  std::string redis_password_file;
  std::vector<queue::Address> redis_sentinels;  // when set, they say where Redis is
  std::string redis_master;                     // as the sentinels call it
  std::string redis_sentinel_password_file;
  std::string heads_dir;         // signed heads of the log; empty: none are written
  std::string signing_key_path;  // key that signs heads
  bool test_clock = false;       // case time may be moved
  std::string case_time_start;   // RFC 3339; first start in test mode begins here
  absl::Duration fetch_grace = absl::Seconds(2);
  // What else the service may stand on than SQLite and a socket to Redis; null: these.
  std::function<absl::StatusOr<std::unique_ptr<store::Store>>(const std::string& url)> open_store;
  std::function<absl::StatusOr<std::unique_ptr<queue::RedisLink>>()> connect_redis;
};

// What the service itself brings.
struct ServiceParts {
  std::vector<store::Migration> migrations;
  std::vector<const store::AggregateKind*> kinds;        // all it stores, for audits
  std::vector<const store::AggregateKind*> timed_kinds;  // those with next_due, in case time
  // Those whose next_due is a lease, in system time; they are looked at every second.
  std::vector<const store::AggregateKind*> leased_kinds;
  std::vector<InputStream> inputs;
  Reaction reaction;
  Followed followed;  // what the reaction needs of the inputs
  // Applies the due timers of one aggregate to the Work.
  std::function<absl::Status(store::Work&, const store::AggregateKind&, const std::string& id)>
      on_due;
  // What operators have to look at beside dead letters and parked entries: in the order of
  // stuck_id, those after `after`; and how many there are. Null: nothing.
  std::function<absl::StatusOr<std::vector<casework::v1::StuckEntry>>(const std::string& after,
                                                                      int limit)>
      list_unanswered;
  std::function<absl::StatusOr<int64_t>()> count_unanswered;
  // Tables that follow from the inputs, all of what the service has: they can be made anew.
  std::vector<std::string> derived_tables;
};

// Reads another service's log: blocking, over gRPC; supplied by main().
struct LogSource {
  std::function<absl::StatusOr<casework::v1::GetHeadsResponse>()> heads;
  std::function<absl::StatusOr<casework::v1::ReadStreamResponse>(
      const casework::v1::ReadStreamRequest&)>
      read;
};

class Service {
 public:
  // Opens the store, migrates, loads the calendar and the clock. Nothing runs yet. A schema newer
  // than ours is taken as it is. FAILED_PRECONDITION when a migration was applied in another form,
  // or is missing and `migrate` is false.
  static absl::StatusOr<std::unique_ptr<Service>> Open(ServiceOptions options,
                                                       telemetry::Metrics* metrics,
                                                       base::Executor* executor);
  ~Service();

  const ServiceEnv& env() const;
  telemetry::Metrics* metrics();
  Commands& commands();
  CaseNumbers& case_numbers();

  // Migrates the service's own schema; from here on imports can run.
  absl::Status Prepare(ServiceParts parts);
  // Starts relay, consumer, fetcher and timers. `sources` by service name.
  absl::Status Start(std::map<std::string, LogSource> sources);
  // Stops every loop in order. Idempotent.
  void Stop();

  // Handlers of EventLogService and OperationsService.
  absl::StatusOr<casework::v1::ReadStreamResponse> ReadStream(
      const casework::v1::ReadStreamRequest& request);
  absl::StatusOr<casework::v1::GetHeadsResponse> GetHeads();
  absl::StatusOr<casework::v1::VerifyLogResponse> VerifyLog();
  absl::StatusOr<casework::v1::SignHeadResponse> SignHead();
  absl::StatusOr<casework::v1::GetQueueStatsResponse> GetQueueStats();
  absl::StatusOr<casework::v1::ListStuckResponse> ListStuck(
      const casework::v1::ListStuckRequest& request);
  absl::StatusOr<store::Outcome<casework::v1::RetryStuckResponse>> RetryStuck(
      const rpc::CallContext& context, const casework::v1::RetryStuckRequest& request);
  absl::StatusOr<store::Outcome<casework::v1::ResolveStuckResponse>> ResolveStuck(
      const rpc::CallContext& context, const casework::v1::ResolveStuckRequest& request);
  absl::StatusOr<casework::v1::RepublishStreamResponse> RepublishStream(
      const casework::v1::RepublishStreamRequest& request);
  absl::StatusOr<casework::v1::GetClockResponse> GetClock();
  absl::StatusOr<casework::v1::SetClockResponse> SetClock(
      const casework::v1::SetClockRequest& request);

  // Begins to make the derived tables anew, see rebuild.h; returns how many events are read again.
  // INVALID_ARGUMENT for a request id that is no UUID; FAILED_PRECONDITION for a service that has
  // other tables than such.
  absl::StatusOr<int64_t> StartRebuild(const std::string& request_id);

  // Calls `listener` after each commit, on the committer's thread, until the handle goes. It must
  // not block.
  std::shared_ptr<void> WatchCommits(std::function<void()> listener);

 private:
  struct Impl;
  absl::Duration KeepHouse();
  explicit Service(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace yikou::app

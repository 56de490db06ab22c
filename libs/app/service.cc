#include "libs/app/service.h"

#include <fstream>
#include <sstream>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/app/audit.h"
#include "libs/app/schema.h"
#include "libs/app/service_impl.h"
#include "libs/base/ids.h"
#include "libs/base/log.h"
#include "libs/casework/errors.h"
#include "libs/queue/stream.h"
#include "libs/store/migrations.h"
#include "libs/store/open.h"

namespace yikou::app {

namespace v1 = casework::v1;

namespace {

constexpr absl::Duration kRequestsKept = absl::Hours(24 * 30);
constexpr absl::Duration kStuckShown = absl::Seconds(5);
constexpr absl::Duration kTidy = absl::Milliseconds(500);

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path);
  if (!file) {
    return absl::NotFoundError(absl::StrCat("The file ", path, " cannot be read. Check the path."));
  }
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

queue::RedisOptions Service::Impl::Redis() const {
  queue::RedisOptions redis;
  redis.host = options.redis_host;
  redis.port = options.redis_port;
  redis.unix_socket = options.redis_unix_socket;
  redis.password_file = options.redis_password_file;
  redis.sentinels = options.redis_sentinels;
  redis.master_name = options.redis_master;
  redis.sentinel_password_file = options.redis_sentinel_password_file;
  redis.connect = options.connect_redis;
  return redis;
}

Service::Service(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Service::~Service() { Stop(); }

const ServiceEnv& Service::env() const { return impl_->env; }
Commands& Service::commands() { return *impl_->commands; }
CaseNumbers& Service::case_numbers() { return *impl_->case_numbers; }
telemetry::Metrics* Service::metrics() { return impl_->metrics; }

// Brings the record to this schema, or refuses when that is somebody else's to do.
absl::Status Service::Impl::Migrate(const std::vector<store::Migration>& migrations) {
  if (options.migrate) return store->Migrate(migrations);
  YK_ASSIGN_OR_RETURN(const auto applied, store->AppliedMigrations());
  const auto all = store::CompareMigrations(migrations, applied);
  YK_RETURN_IF_ERROR(store::CheckUnchanged(all, "this record"));
  const absl::Status complete = store::CheckComplete(all, "this record");
  if (complete.ok()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(complete.message(), " Run \"yikou-", options.service,
                   " migrate up\" on it, or start without --migrate=no."));
}

// Case time survives a restart: the offset is in the record. A first start in test mode begins at
// the day asked for.
absl::Status Service::Impl::OpenClock() {
  YK_ASSIGN_OR_RETURN(const std::string stored, store->Setting(kOffsetSetting));
  int64_t offset_us = 0;
  if (absl::SimpleAtoi(stored, &offset_us)) {
    case_clock.set_offset(absl::Microseconds(offset_us));
    return absl::OkStatus();
  }
  if (!options.test_clock || options.case_time_start.empty()) return absl::OkStatus();
  absl::Time start;
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, options.case_time_start, &start, &error)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--case_time_start is not an RFC 3339 time: ", options.case_time_start, " (", error, ")."));
  }
  case_clock.set_offset(start - system_clock.Now());
  return store->PutSetting(kOffsetSetting,
                           absl::StrCat(absl::ToInt64Microseconds(case_clock.offset())));
}

absl::Status Service::Impl::OpenKey() {
  if (options.signing_key_path.empty()) return absl::OkStatus();
  absl::StatusOr<auth::SealKey> key = auth::SealKey::Load(options.signing_key_path);
  if (absl::IsNotFound(key.status()) && options.test_clock) {
    key = auth::SealKey::Generate(auth::SealAlgorithm::kEcdsaP256Sha256);
    if (key.ok()) YK_RETURN_IF_ERROR(key->Save(options.signing_key_path));
  }
  YK_RETURN_IF_ERROR(key.status());
  head_key.emplace(*std::move(key));
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Service>> Service::Open(ServiceOptions options,
                                                       telemetry::Metrics* metrics,
                                                       base::Executor* executor) {
  auto impl = std::make_unique<Impl>(executor);
  impl->options = std::move(options);
  if (impl->options.instance.empty()) impl->options.instance = impl->options.service;
  impl->metrics = metrics;
  YK_ASSIGN_OR_RETURN(const std::string csv, ReadFile(impl->options.calendar_path));
  YK_ASSIGN_OR_RETURN(impl->calendar, casework::Calendar::Parse(csv));
  const ServiceOptions& opened = impl->options;
  const std::string& schema = opened.store_schema.empty() ? opened.service : opened.store_schema;
  YK_ASSIGN_OR_RETURN(impl->store, opened.open_store ? opened.open_store(opened.store_url)
                                                     : store::OpenStore(opened.store_url, schema));
  YK_RETURN_IF_ERROR(impl->Migrate(CoreMigrations()));
  YK_RETURN_IF_ERROR(impl->OpenClock());
  YK_RETURN_IF_ERROR(impl->OpenKey());
  impl->reference = std::make_unique<Reference>(impl->store.get());
  impl->committer = std::make_unique<store::GroupCommitter>(impl->store.get(), executor,
                                                            store::GroupCommitter::Options{});
  impl->committer->OnCommitted(
      [raw = impl.get()](store::GroupCommitter::Batch batch) { raw->Committed(std::move(batch)); });
  impl->commands = std::make_unique<Commands>(impl->store.get(), impl->committer.get(), executor);
  impl->case_numbers = std::make_unique<CaseNumbers>(impl->store.get(), impl->committer.get());
  impl->env = ServiceEnv{.service = impl->options.service,
                         .store = impl->store.get(),
                         .committer = impl->committer.get(),
                         .system_clock = &impl->system_clock,
                         .case_clock = &impl->case_clock,
                         .calendar = &impl->calendar,
                         .reference = impl->reference.get()};
  return std::unique_ptr<Service>(new Service(std::move(impl)));
}

void Service::Impl::Committed(store::GroupCommitter::Batch batch) {
  metrics->Observe(telemetry::kCommitChanges, {}, batch.changes);
  metrics->Observe(telemetry::kCommitSeconds, {}, absl::ToDoubleSeconds(batch.took));
  if (batch.conflicts > 0) metrics->Add(telemetry::kCommitConflicts, {}, batch.conflicts);
  std::map<std::pair<absl::string_view, absl::string_view>, int> counts;
  for (const store::EventOut& out : batch.events) {
    ++counts[{out.event.aggregate_kind(), out.event.type()}];
  }
  for (const auto& [event, count] : counts) {
    metrics->Add(telemetry::kEvents, {std::string(event.first), std::string(event.second)}, count);
  }
  if (timers) timers->Notice(batch.earliest_due);
  if (leases) leases->Notice(batch.earliest_due);
  if (relay) relay->Take(std::move(batch.events));
  std::lock_guard<std::mutex> lock(watchers_mutex);
  for (const auto& [id, listener] : watchers) listener();
}

absl::Status Service::Prepare(ServiceParts parts) {
  YK_RETURN_IF_ERROR(impl_->Migrate(BehindCore(parts.migrations)));
  impl_->parts = std::move(parts);
  return absl::OkStatus();
}

absl::Status Service::Start(std::map<std::string, LogSource> sources) {
  Impl& impl = *impl_;
  const queue::RedisOptions redis = impl.Redis();
  std::vector<std::string> streams;
  for (const InputStream& input : impl.parts.inputs) {
    streams.push_back(input.stream);
    if (sources.count(input.owner) == 0) {
      return absl::InvalidArgumentError(absl::StrCat("No address is given for ", input.owner,
                                                     ", whose ", input.stream,
                                                     " this service reads."));
    }
  }
  impl.inbox = std::make_unique<Inbox>(
      impl.store.get(), impl.committer.get(), impl.parts.reaction,
      [&impl](const v1::Event* cause) {
        return impl.env.WorkForTimer(cause ? cause->event_id() : "stream");
      },
      impl.metrics, impl.parts.followed);
  impl.relay = std::make_unique<Relay>(impl.options.service, impl.store.get(),
                                       std::make_unique<queue::Producer>(redis, &impl.system_clock),
                                       &impl.system_clock, impl.LeaseOf("relay"), impl.metrics);
  std::map<std::string, Lease> fetches;
  for (const std::string& stream : streams) {
    fetches.emplace(stream, impl.LeaseOf(absl::StrCat("fetch ", stream)));
  }
  impl.fetcher = std::make_unique<LogFetcher>(
      impl.parts.inputs, std::move(sources), impl.store.get(), impl.inbox.get(),
      impl.options.fetch_grace, std::move(fetches), impl.metrics);
  impl.timers = std::make_unique<TimerLoop>(&impl.env, impl.env.case_clock, impl.parts.timed_kinds,
                                            impl.parts.on_due, impl.LeaseOf("timers"));
  if (!impl.parts.leased_kinds.empty()) {
    impl.leases =
        std::make_unique<TimerLoop>(&impl.env, impl.env.system_clock, impl.parts.leased_kinds,
                                    impl.parts.on_due, impl.LeaseOf("leases"));
    impl.leases->Start(impl.executor);
  }
  impl.policy = std::make_unique<PolicyWatch>(
      std::make_unique<queue::RedisConnection>(redis, &impl.system_clock), impl.metrics);
  impl.policy->Start(impl.executor);
  impl.relay->Start(impl.executor);
  if (!streams.empty()) {
    impl.reader = std::make_unique<StreamReader>(
        std::make_unique<queue::Consumer>(redis, &impl.system_clock, impl.options.service,
                                          impl.options.instance, streams),
        impl.inbox.get(), impl.metrics);
    impl.reader->Start(impl.executor);
  }
  impl.fetcher->Start(impl.executor);
  impl.timers->Start(impl.executor);
  impl.housekeeping = impl.executor->StartLoop("housekeeping", [this] { return KeepHouse(); });
  // A failure is met by whoever commits next, who says so.
  impl.tidying = impl.executor->StartLoop("tidying", [&impl] {
    (void)impl.store->Tidy();
    return kTidy;
  });
  return absl::OkStatus();
}

// Every few seconds counts what is stuck; every hour forgets requests older than the API promises
// to remember them; once a day signs the head of the log.
absl::Duration Service::KeepHouse() {
  Impl& impl = *impl_;
  const absl::Time now = impl.system_clock.Now();
  impl.CountStuck();
  if (now < impl.next_purge) return kStuckShown;
  impl.next_purge = now + absl::Hours(1);
  absl::StatusOr<int64_t> purged = impl.store->PurgeRequests(now - kRequestsKept);
  if (!purged.ok())
    base::LogWarning("requests.not_purged", {{"cause", purged.status().ToString()}});
  if (impl.head_key && !impl.options.heads_dir.empty() && now >= impl.next_head) {
    const absl::Status head = SignHead().status();
    if (!head.ok()) base::LogError("head.not_signed", {{"cause", head.ToString()}});
    impl.next_head = now + absl::Hours(24);
  }
  return kStuckShown;
}

void Service::Stop() {
  if (impl_->reader) impl_->reader->Stop();
  if (impl_->fetcher) impl_->fetcher->Stop();
  if (impl_->timers) impl_->timers->Stop();
  if (impl_->leases) impl_->leases->Stop();
  if (impl_->housekeeping) impl_->housekeeping->Stop();
  if (impl_->tidying) impl_->tidying->Stop();
  if (impl_->policy) impl_->policy->Stop();
  if (impl_->committer) impl_->committer->Stop();
  if (impl_->relay) impl_->relay->Stop();
}

absl::StatusOr<v1::ReadStreamResponse> Service::ReadStream(const v1::ReadStreamRequest& request) {
  YK_ASSIGN_OR_RETURN(std::vector<store::StreamHeadRow> heads, impl_->store->StreamHeads());
  v1::ReadStreamResponse response;
  bool known = false;
  for (const store::StreamHeadRow& head : heads) {
    if (head.stream != request.stream()) continue;
    known = true;
    response.set_head_seq(head.seq);
  }
  if (!known) return casework::NotFound("stream", request.stream());
  const int limit = request.limit() <= 0 ? 200 : std::min(request.limit(), 500);
  YK_ASSIGN_OR_RETURN(
      std::vector<store::StreamEntry> entries,
      impl_->store->ReadStream(request.stream(), std::max<int64_t>(request.from_seq(), 1), limit));
  // The answer stays below the message cap of 4 MiB: items with long material lists are large.
  size_t bytes = 0;
  for (store::StreamEntry& entry : entries) {
    bytes += entry.event.ByteSizeLong();
    if (bytes > (3u << 20) && response.entries_size() > 0) break;
    *response.add_entries() =
        MakeEnvelope(impl_->options.service, request.stream(), std::move(entry));
  }
  return response;
}

absl::StatusOr<v1::GetHeadsResponse> Service::GetHeads() {
  YK_ASSIGN_OR_RETURN(store::LogHead head, impl_->store->Head());
  YK_ASSIGN_OR_RETURN(std::vector<store::StreamHeadRow> streams, impl_->store->StreamHeads());
  v1::GetHeadsResponse response;
  response.set_source(impl_->options.service);
  response.set_position(head.position);
  response.set_hash(head.hash);
  for (const store::StreamHeadRow& row : streams) {
    v1::StreamHead* out = response.add_streams();
    out->set_stream(row.stream);
    out->set_seq(row.seq);
    out->set_published_seq(row.published_seq);
  }
  return response;
}

absl::StatusOr<v1::VerifyLogResponse> Service::VerifyLog() {
  std::string trusted;
  if (impl_->head_key) {
    YK_ASSIGN_OR_RETURN(trusted, impl_->head_key->PublicPem());
  }
  return VerifyRecord(impl_->store.get(), impl_->parts.kinds, impl_->options.service,
                      impl_->head_key ? impl_->options.heads_dir : "", trusted);
}

absl::StatusOr<v1::SignHeadResponse> Service::SignHead() {
  if (!impl_->head_key || impl_->options.heads_dir.empty()) {
    return absl::FailedPreconditionError(
        "This service signs no heads: start it with --signing_key and --heads_dir.");
  }
  YK_ASSIGN_OR_RETURN(store::LogHead log, impl_->store->Head());
  YK_ASSIGN_OR_RETURN(const SignedHead highest,
                      ReadHighestHead(impl_->options.heads_dir, impl_->options.service));
  if (log.position < highest.position) {
    return absl::FailedPreconditionError(
        absl::StrCat("The log ends at event ", log.position, " but a head was signed at event ",
                     highest.position, ". Its tail was cut: verify it before anything is signed."));
  }
  SignedHead head;
  head.position = log.position;
  head.hash = log.hash;
  YK_ASSIGN_OR_RETURN(head.signature, impl_->head_key->Sign(HeadText(impl_->options.service,
                                                                     log.position, log.hash)));
  YK_ASSIGN_OR_RETURN(head.public_key, impl_->head_key->PublicPem());
  YK_RETURN_IF_ERROR(WriteHead(impl_->options.heads_dir, impl_->options.service, head));
  v1::SignHeadResponse response;
  response.set_position(head.position);
  response.set_hash(head.hash);
  response.set_signature(head.signature);
  return response;
}

std::shared_ptr<void> Service::WatchCommits(std::function<void()> listener) {
  std::lock_guard<std::mutex> lock(impl_->watchers_mutex);
  const int id = impl_->next_watcher++;
  impl_->watchers[id] = std::move(listener);
  return std::shared_ptr<void>(nullptr, [impl = impl_.get(), id](void*) {
    std::lock_guard<std::mutex> lock(impl->watchers_mutex);
    impl->watchers.erase(id);
  });
}

}  // namespace yikou::app

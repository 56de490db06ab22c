#include "tests/bench/transport.h"

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/app/reaction.h"
#include "libs/app/relay.h"
#include "libs/app/service.h"
#include "libs/base/executor.h"
#include "libs/base/ids.h"
#include "tests/bench/measure.h"
#include "tests/support/eventually.h"
#include "tests/support/redis_server.h"
#include "yikou/casework/v1/casework.pb.h"

namespace yikou::bench {

namespace cw = casework::v1;

namespace {

constexpr char kSchema[] = R"sql(
CREATE TABLE parcel (
  id TEXT PRIMARY KEY,
  version BIGINT NOT NULL,
  due_at BIGINT,
  body BYTEA NOT NULL
);
)sql";

// What is sent, and what the receiver keeps of each.
const store::AggregateKind& ParcelKind() {
  static const store::AggregateKind kind{
      .name = "parcel",
      .table = "parcel",
      .columns = {},
      .extract = [](const google::protobuf::Message&) { return std::vector<store::Value>(); },
      .next_due = nullptr,
      .scope_column = ""};
  return kind;
}

void MakeParcel(store::Work& work, const std::string& id) {
  auto* parcel = work.Create<cw::CaseRecord>(ParcelKind(), id);
  parcel->set_case_id(id);
  parcel->set_state(cw::CASE_STATE_ACCEPTED);
  parcel->set_receiver_unit("230108001004");
  parcel->set_holder_unit("230108001004");
  cw::Event& event = work.Emit(ParcelKind(), id, "parcel.made", id);
  event.mutable_case_facts()->set_item_code("YK-B001");
  work.Show(event, "230108001004");
}

// A service that makes parcels, and one of each it hears of.
class Station {
 public:
  Station(const std::string& name, const std::string& store, test::PostgresServer* server,
          const test::RedisServer& redis)
      : database_(store, server), executor_(4) {
    app::ServiceOptions options;
    options.service = name;
    options.store_url = database_.url();
    options.store_schema = database_.schema();
    options.calendar_path = YIKOU_SOURCE_DIR "/deploy/data/calendar/cn_holidays_2007_2026.csv";
    options.redis_unix_socket = redis.unix_socket();
    // What Redis brings is measured: nothing is fetched past it because the machine is slow.
    options.fetch_grace = absl::Minutes(5);
    service_ = Must(app::Service::Open(options, telemetry::Metrics::None(), &executor_));
  }
  ~Station() { service_->Stop(); }

  app::Service& service() { return *service_; }

  void Prepare(std::vector<app::InputStream> inputs) {
    app::ServiceParts parts;
    parts.migrations = {{1, "parcel", kSchema}};
    parts.kinds = {&ParcelKind()};
    parts.inputs = std::move(inputs);
    parts.reaction = [](store::Work& work, const cw::Event& event) {
      MakeParcel(work, event.aggregate_id());
      return absl::OkStatus();
    };
    parts.on_due = [](store::Work&, const store::AggregateKind&, const std::string&) {
      return absl::OkStatus();
    };
    Must(service_->Prepare(std::move(parts)));
  }

  void Write(int events) {
    std::vector<store::Change> changes;
    for (int i = 0; i < events; ++i) {
      store::Work work = service_->env().WorkForTimer("bench");
      MakeParcel(work, base::NewId(absl::Now()));
      changes.push_back(Must(work.Take()));
    }
    for (const absl::Status& status : service_->env().committer->CommitAll(std::move(changes))) {
      Must(status);
    }
  }

  // The log as the receiver's fetcher reads it: it asks for heads, and finds no gap to heal.
  app::LogSource Source() {
    return {
        .heads = [this] { return service_->GetHeads(); },
        .read =
            [this](const cw::ReadStreamRequest& request) { return service_->ReadStream(request); }};
  }

 private:
  Database database_;
  base::ThreadExecutor executor_;
  std::unique_ptr<app::Service> service_;
};

}  // namespace

int EntryBytes() {
  store::WorkContext context;
  context.source = "sender";
  context.stream = app::EventsStream("sender");
  context.cause = "bench";
  context.now = absl::Now();
  context.actor.set_person_id("system");
  store::Work work(nullptr, context);
  MakeParcel(work, base::NewId(absl::Now()));
  store::StreamEntry entry{1'000'000, Must(work.Take()).events[0].event};
  entry.event.set_position(1'000'000);
  entry.event.set_prev_hash(std::string(32, 'h'));
  entry.event.set_hash(std::string(32, 'h'));
  return static_cast<int>(
      app::MakeEnvelope("sender", context.stream, std::move(entry)).ByteSizeLong());
}

Transport RunTransport(const std::string& store, test::PostgresServer* server, int events) {
  const test::RedisServer redis;
  Station sender("sender", store, server, redis);
  Station receiver("receiver", store, server, redis);
  const std::string stream = app::EventsStream("sender");
  sender.Prepare({});
  sender.Write(events);
  receiver.Prepare({{stream, "sender"}});
  Must(receiver.service().Start({{"sender", sender.Source()}}));
  const absl::Time begin = absl::Now();
  Must(sender.service().Start({}));
  const bool applied = test::Eventually(absl::Seconds(120), [&] {
    return Must(receiver.service().env().store->Inbox(stream)).watermark >= events;
  });
  if (!applied) throw std::runtime_error("The receiver does not get through the sender's log.");
  Transport result;
  result.events_a_second = events / absl::ToDoubleSeconds(absl::Now() - begin);
  result.entry_bytes = EntryBytes();
  // Its fetcher reads the sender's log.
  receiver.service().Stop();
  return result;
}

}  // namespace yikou::bench

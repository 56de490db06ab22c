#include "tests/bench/hearing.h"

#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/app/reaction.h"
#include "libs/base/clock.h"
#include "libs/queue/stream.h"
#include "tests/bench/measure.h"

namespace yikou::bench {
namespace {

constexpr char kGroup[] = "bench";

}  // namespace

Hearing::Hearing(test::RedisServer* redis, const std::string& service, Load* load,
                 Listener listener)
    : redis_(redis),
      stream_(app::EventsStream(service)),
      load_(load),
      listener_(std::move(listener)) {
  // From now on, not from the first entry.
  const std::string answer =
      redis_->Command(absl::StrCat("XGROUP CREATE ", stream_, " ", kGroup, " $ MKSTREAM"));
  if (answer != "+OK") throw std::runtime_error(absl::StrCat("XGROUP CREATE said: ", answer));
  thread_ = std::thread([this] { Listen(); });
}

Hearing::~Hearing() {
  stopped_ = true;
  thread_.join();
  // Nothing is kept for a group that listens no more.
  redis_->Command(absl::StrCat("XGROUP DESTROY ", stream_, " ", kGroup));
}

void Hearing::Listen() {
  const base::SystemClock clock;
  queue::RedisOptions options;
  options.unix_socket = redis_->unix_socket();
  queue::Consumer consumer(options, &clock, kGroup, "bench", {stream_});
  while (!stopped_) {
    auto messages = consumer.Read(256, absl::Milliseconds(50));
    const absl::Time heard = absl::Now();
    if (!messages.ok() || messages->empty()) continue;
    auto events = std::make_shared<std::vector<casework::v1::Event>>();
    std::vector<std::string> ids;
    for (const queue::StreamMessage& message : *messages) {
      casework::v1::Envelope envelope;
      if (envelope.ParseFromString(message.payload)) {
        events->push_back(std::move(*envelope.mutable_event()));
      }
      ids.push_back(message.entry_id);
    }
    load_->Post([this, events, heard] {
      for (const casework::v1::Event& event : *events) listener_(event, heard);
    });
    (void)consumer.Ack(stream_, ids);
  }
}

}  // namespace yikou::bench

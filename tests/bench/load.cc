#include "tests/bench/load.h"

#include <stdexcept>

#include "absl/strings/str_cat.h"
#include "libs/rpc/channel.h"
#include "tests/bench/measure.h"

namespace yikou::bench {
namespace {

constexpr absl::Duration kCallBound = absl::Seconds(30);
constexpr absl::Duration kTokenLifetime = absl::Hours(12);  // longer than any run

}  // namespace

Load::Load(cli::Client* client) : client_(client) {
  for (const char* service : cli::kServices) channels_[service] = Must(client->ChannelTo(service));
}

Load::Load(const std::string& address) : client_(nullptr) {
  channels_[""] = rpc::MakeChannel(address);
}

Load::~Load() {
  for (Pending* pending : outstanding_) pending->context.TryCancel();
  bell_.Cancel();
  queue_.Shutdown();
  void* tag = nullptr;
  bool ok = false;
  while (queue_.Next(&tag, &ok)) {
    if (tag != this) delete static_cast<Pending*>(tag);
  }
}

void Load::Fail(const absl::Status& status) { throw std::runtime_error(status.ToString()); }

void Load::Prepare(grpc::ClientContext* context, const cli::Identity& as) {
  rpc::CallOptions options;
  options.timeout = kCallBound;
  if (client_ != nullptr) {
    std::string& token = tokens_[absl::StrCat(as.principal.unit_id, "|", as.principal.person_id)];
    if (token.empty()) token = Must(client_->TokenFor(as, kTokenLifetime));
    options.token = token;
  }
  rpc::Prepare(context, options);
}

void Load::Post(std::function<void()> work) {
  std::lock_guard<std::mutex> lock(mutex_);
  posted_.push_back(std::move(work));
  if (ringing_) return;
  ringing_ = true;
  bell_.Set(&queue_, gpr_now(GPR_CLOCK_MONOTONIC), this);
}

bool Load::Step(absl::Time until) {
  void* tag = nullptr;
  bool ok = false;
  const auto next = queue_.AsyncNext(&tag, &ok, absl::ToChronoTime(until));
  if (next != grpc::CompletionQueue::GOT_EVENT) return false;
  if (tag != this) {
    const std::unique_ptr<Pending> pending(static_cast<Pending*>(tag));
    outstanding_.erase(pending.get());
    pending->Finish();
    return true;
  }
  std::vector<std::function<void()>> posted;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    ringing_ = false;
    posted.swap(posted_);
  }
  for (const auto& work : posted) work();
  return true;
}

void Load::RunUntil(absl::Time until) {
  while (absl::Now() < until) Step(until);
}

void Load::RunUntilDone(absl::Duration bound, const std::function<bool()>& done) {
  const absl::Time end = absl::Now() + bound;
  while (!done()) {
    if (!Step(end)) throw std::runtime_error("The suite does not answer, or work does not end.");
  }
}

Ran KeepGoing(Load* load, int width, absl::Duration span,
              const std::function<void(std::function<void()> done)>& work) {
  Ran ran;
  ran.begin = absl::Now();
  const absl::Time end = ran.begin + span;
  int going = 0;
  std::function<void()> begin_one;
  const auto done = [&] {
    --going;
    ++ran.count;
    if (absl::Now() < end) begin_one();
  };
  begin_one = [&] {
    ++going;
    work(done);
  };
  for (int i = 0; i < width; ++i) begin_one();
  load->RunUntilDone(span + absl::Seconds(120), [&] { return going == 0; });
  return ran;
}

}  // namespace yikou::bench

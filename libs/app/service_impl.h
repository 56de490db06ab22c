// The inside of a service: for service.cc, which starts and stops it, and operations.cc.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "libs/app/inbox.h"
#include "libs/app/lease.h"
#include "libs/app/log_fetcher.h"
#include "libs/app/policy_watch.h"
#include "libs/app/relay.h"
#include "libs/app/service.h"
#include "libs/app/stream_reader.h"
#include "libs/app/timer_loop.h"
#include "libs/auth/seal.h"

namespace yikou::app {

inline constexpr char kOffsetSetting[] = "case_clock_offset_us";

struct Service::Impl {
  explicit Impl(base::Executor* executor) : executor(executor) {}

  ServiceOptions options;
  telemetry::Metrics* metrics = nullptr;
  base::Executor* executor;
  const base::Clock& system_clock = executor->clock();
  base::CaseClock case_clock{&system_clock};
  casework::Calendar calendar;
  std::unique_ptr<store::Store> store;
  std::unique_ptr<store::GroupCommitter> committer;
  std::unique_ptr<Reference> reference;
  std::unique_ptr<Commands> commands;
  std::unique_ptr<CaseNumbers> case_numbers;
  std::optional<auth::SealKey> head_key;
  ServiceEnv env;
  ServiceParts parts;
  std::unique_ptr<Inbox> inbox;
  std::unique_ptr<PolicyWatch> policy;
  std::unique_ptr<Relay> relay;
  std::unique_ptr<StreamReader> reader;
  std::unique_ptr<LogFetcher> fetcher;
  std::unique_ptr<TimerLoop> timers;
  std::unique_ptr<TimerLoop> leases;  // null without leased kinds
  std::unique_ptr<base::Loop> housekeeping;
  std::unique_ptr<base::Loop> tidying;
  absl::Time next_head = absl::InfinitePast();
  absl::Time next_purge = absl::InfinitePast();
  std::mutex watchers_mutex;
  std::map<int, std::function<void()>> watchers;
  int next_watcher = 0;

  absl::Status Migrate(const std::vector<store::Migration>& migrations);
  absl::Status OpenClock();
  absl::Status OpenKey();
  void Committed(store::GroupCommitter::Batch batch);
  queue::RedisOptions Redis() const;
  absl::StatusOr<store::DeadLetter> FindDead(const std::string& stuck_id);
  Lease LeaseOf(const std::string& name) {
    return Lease(store.get(), &system_clock, name, options.instance);
  }
  void CountStuck();
  std::mutex stuck_mutex;
  std::set<std::pair<std::string, std::string>> stuck_shown;  // kind, stream
};

}  // namespace yikou::app

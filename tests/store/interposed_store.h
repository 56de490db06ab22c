// A real store with the test between it and its user: something else may happen, or fail, just
// before any call.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "libs/base/status.h"
#include "libs/store/store.h"

namespace yikou::test {

class InterposedStore final : public store::Store {
 public:
  // Called with the method's name before each call; anything but OK is the call's answer. It may
  // use `real` itself. Threads: whichever call the store.
  using Before = std::function<absl::Status(absl::string_view method)>;

  InterposedStore(store::Store* real, Before before) : real_(real), before_(std::move(before)) {}
  InterposedStore(std::unique_ptr<store::Store> real, Before before)
      : owned_(std::move(real)), real_(owned_.get()), before_(std::move(before)) {}

  // From now on commits happen and are reported as failed, as when a connection is cut between a
  // COMMIT and its answer.
  void LoseAnswers(bool lose) { lose_answers_ = lose; }

  absl::Status Migrate(const std::vector<store::Migration>& migrations) override {
    YK_RETURN_IF_ERROR(before_("Migrate"));
    return real_->Migrate(migrations);
  }
  absl::StatusOr<std::vector<store::AppliedMigration>> AppliedMigrations() override {
    YK_RETURN_IF_ERROR(before_("AppliedMigrations"));
    return real_->AppliedMigrations();
  }
  std::vector<absl::Status> Commit(const std::vector<store::Change*>& batch) override {
    const absl::Status status = before_("Commit");
    if (!status.ok()) return std::vector<absl::Status>(batch.size(), status);
    std::vector<absl::Status> statuses = real_->Commit(batch);
    if (!lose_answers_) return statuses;
    return std::vector<absl::Status>(batch.size(), absl::UnavailableError("the answer was lost"));
  }
  absl::StatusOr<store::Stored> Get(const store::AggregateKind& kind, const std::string& id,
                                    const std::optional<store::Scope>& scope) override {
    YK_RETURN_IF_ERROR(before_("Get"));
    return real_->Get(kind, id, scope);
  }
  absl::StatusOr<store::Stored> GetToDecide(const store::AggregateKind& kind, const std::string& id,
                                            bool looks_back) override {
    YK_RETURN_IF_ERROR(before_("GetToDecide"));
    return real_->GetToDecide(kind, id, looks_back);
  }
  absl::StatusOr<std::vector<store::Stored>> Find(const store::AggregateKind& kind,
                                                  const store::Query& query) override {
    YK_RETURN_IF_ERROR(before_("Find"));
    return real_->Find(kind, query);
  }
  absl::StatusOr<std::vector<std::vector<store::Value>>> Select(
      const store::Table& table, const store::Query& query) override {
    YK_RETURN_IF_ERROR(before_("Select"));
    return real_->Select(table, query);
  }
  absl::StatusOr<int64_t> Count(const store::AggregateKind& kind,
                                const std::vector<store::Filter>& filters) override {
    YK_RETURN_IF_ERROR(before_("Count"));
    return real_->Count(kind, filters);
  }
  absl::StatusOr<std::optional<store::RequestMark>> FindRequest(
      const std::string& principal, const std::string& method,
      const std::string& request_id) override {
    YK_RETURN_IF_ERROR(before_("FindRequest"));
    return real_->FindRequest(principal, method, request_id);
  }
  absl::StatusOr<int64_t> PurgeRequests(absl::Time before) override {
    YK_RETURN_IF_ERROR(before_("PurgeRequests"));
    return real_->PurgeRequests(before);
  }
  absl::StatusOr<store::LogHead> Head() override {
    YK_RETURN_IF_ERROR(before_("Head"));
    return real_->Head();
  }
  absl::StatusOr<std::vector<store::LogEntry>> ReadLog(int64_t from_position, int limit) override {
    YK_RETURN_IF_ERROR(before_("ReadLog"));
    return real_->ReadLog(from_position, limit);
  }
  absl::StatusOr<std::vector<store::StreamEntry>> ReadStream(const std::string& stream,
                                                             int64_t from_seq, int limit) override {
    YK_RETURN_IF_ERROR(before_("ReadStream"));
    return real_->ReadStream(stream, from_seq, limit);
  }
  absl::StatusOr<std::vector<store::StreamHeadRow>> StreamHeads() override {
    YK_RETURN_IF_ERROR(before_("StreamHeads"));
    return real_->StreamHeads();
  }
  absl::Status MarkPublished(const std::string& stream, int64_t expected, int64_t seq) override {
    YK_RETURN_IF_ERROR(before_("MarkPublished"));
    return real_->MarkPublished(stream, expected, seq);
  }
  absl::Status RewindPublished(const std::string& stream, int64_t seq) override {
    YK_RETURN_IF_ERROR(before_("RewindPublished"));
    return real_->RewindPublished(stream, seq);
  }
  absl::StatusOr<store::InboxState> Inbox(const std::string& stream) override {
    YK_RETURN_IF_ERROR(before_("Inbox"));
    return real_->Inbox(stream);
  }
  absl::StatusOr<int64_t> SeenVersion(const std::string& source,
                                      const std::string& aggregate) override {
    YK_RETURN_IF_ERROR(before_("SeenVersion"));
    return real_->SeenVersion(source, aggregate);
  }
  absl::StatusOr<std::vector<store::ParkedEntry>> ParkedOn(const std::string& source,
                                                           const std::string& aggregate,
                                                           int64_t up_to_version) override {
    YK_RETURN_IF_ERROR(before_("ParkedOn"));
    return real_->ParkedOn(source, aggregate, up_to_version);
  }
  absl::StatusOr<std::vector<std::pair<std::string, std::string>>> WaitedFor() override {
    YK_RETURN_IF_ERROR(before_("WaitedFor"));
    return real_->WaitedFor();
  }
  absl::StatusOr<std::vector<store::StuckRow>> ListStuck(const std::string& after,
                                                         int limit) override {
    YK_RETURN_IF_ERROR(before_("ListStuck"));
    return real_->ListStuck(after, limit);
  }
  absl::StatusOr<std::vector<store::StuckCount>> CountStuck() override {
    YK_RETURN_IF_ERROR(before_("CountStuck"));
    return real_->CountStuck();
  }
  absl::StatusOr<std::vector<store::DueAggregate>> Due(
      const std::vector<const store::AggregateKind*>& kinds, absl::Time now, int limit) override {
    YK_RETURN_IF_ERROR(before_("Due"));
    return real_->Due(kinds, now, limit);
  }
  absl::StatusOr<absl::Time> NextDue(
      const std::vector<const store::AggregateKind*>& kinds) override {
    YK_RETURN_IF_ERROR(before_("NextDue"));
    return real_->NextDue(kinds);
  }
  absl::StatusOr<std::string> Setting(const std::string& key) override {
    YK_RETURN_IF_ERROR(before_("Setting"));
    return real_->Setting(key);
  }
  absl::Status PutSetting(const std::string& key, const std::string& value) override {
    YK_RETURN_IF_ERROR(before_("PutSetting"));
    return real_->PutSetting(key, value);
  }
  absl::Status StartOver(const std::vector<std::string>& tables, const std::string& key,
                         const std::string& value) override {
    YK_RETURN_IF_ERROR(before_("StartOver"));
    return real_->StartOver(tables, key, value);
  }
  absl::StatusOr<bool> TakeLease(const std::string& name, const std::string& holder, absl::Time now,
                                 absl::Time until) override {
    YK_RETURN_IF_ERROR(before_("TakeLease"));
    return real_->TakeLease(name, holder, now, until);
  }
  absl::Status Tidy() override {
    YK_RETURN_IF_ERROR(before_("Tidy"));
    return real_->Tidy();
  }
  absl::StatusOr<std::vector<store::Stored>> Scan(const store::AggregateKind& kind,
                                                  const std::string& after, int limit) override {
    YK_RETURN_IF_ERROR(before_("Scan"));
    return real_->Scan(kind, after, limit);
  }

 private:
  std::unique_ptr<store::Store> owned_;
  store::Store* real_;
  Before before_;
  std::atomic<bool> lose_answers_ = false;
};

}  // namespace yikou::test

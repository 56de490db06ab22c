#include "services/intake/case_watcher.h"

#include "libs/app/service.h"
#include "libs/casework/lifecycle.h"

namespace yikou::intake {

void CaseWatcher::Start(app::Service* service, base::Executor* executor) {
  loop_ = executor->StartLoop("watcher", [this] { return Step(); });
  subscription_ = service->WatchCommits([this] { loop_->Wake(); });
}

void CaseWatcher::Stop() {
  subscription_.reset();
  if (loop_) loop_->Stop();
  std::lock_guard<std::mutex> lock(mutex_);
  watched_.clear();
}

void CaseWatcher::Watch(const rpc::CallContext& context, const v1::WatchCaseRequest& request,
                        std::shared_ptr<rpc::StreamWriter<v1::WatchCaseResponse>> writer) {
  Watched watched{context, request.case_id(), "", std::move(writer)};
  if (request.after_version() > 0) {
    v1::GetCaseRequest get;
    get.set_case_id(request.case_id());
    absl::StatusOr<v1::GetCaseResponse> now = intake_->GetCase(context, get);
    if (now.ok() && now->view().case_record().version() <= request.after_version()) {
      watched.last = now->view().case_record().SerializeAsString();
    }
  }
  std::lock_guard<std::mutex> lock(mutex_);
  if (Send(&watched)) watched_.push_back(std::move(watched));
}

bool CaseWatcher::Send(Watched* watched) {
  if (watched->writer->cancelled()) return false;
  v1::GetCaseRequest get;
  get.set_case_id(watched->case_id);
  absl::StatusOr<v1::GetCaseResponse> now = intake_->GetCase(watched->context, get);
  if (!now.ok()) {
    watched->writer->Close(now.status());
    return false;
  }
  const casework::v1::CaseRecord& record = now->view().case_record();
  std::string bytes = record.SerializeAsString();
  const bool over = casework::IsOver(record.state(), record.has_accept_time());
  if (bytes != watched->last) {
    watched->last = std::move(bytes);
    v1::WatchCaseResponse response;
    *response.mutable_view() = std::move(*now->mutable_view());
    if (!watched->writer->Write(std::move(response))) return false;
  }
  if (over) watched->writer->Close(absl::OkStatus());
  return !over;
}

absl::Duration CaseWatcher::Step() {
  std::lock_guard<std::mutex> lock(mutex_);
  for (auto watched = watched_.begin(); watched != watched_.end();) {
    watched = Send(&*watched) ? std::next(watched) : watched_.erase(watched);
  }
  return absl::Seconds(1);
}

}  // namespace yikou::intake

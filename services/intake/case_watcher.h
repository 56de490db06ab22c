// Streams a case on every change to those who watch it.
#pragma once

#include <list>
#include <memory>
#include <mutex>

#include "libs/base/executor.h"
#include "libs/rpc/call.h"
#include "services/intake/intake_service.h"

namespace yikou::app {
class Service;
}  // namespace yikou::app

namespace yikou::intake {

class CaseWatcher {
 public:
  explicit CaseWatcher(IntakeService* intake) : intake_(intake) {}

  // Follows the service's commits until Stop.
  void Start(app::Service* service, base::Executor* executor);
  void Stop();

  // Sends the case as it stands, then on every change of what a caller sees; ends when the case is
  // over or the caller goes. The caller's scope is checked on every read.
  void Watch(const rpc::CallContext& context, const v1::WatchCaseRequest& request,
             std::shared_ptr<rpc::StreamWriter<v1::WatchCaseResponse>> writer);

 private:
  struct Watched {
    rpc::CallContext context;
    std::string case_id;
    std::string last;  // what was sent last, as bytes of the record
    std::shared_ptr<rpc::StreamWriter<v1::WatchCaseResponse>> writer;
  };
  absl::Duration Step();
  // Sends what is new; false when the watch is over.
  bool Send(Watched* watched);

  IntakeService* intake_;
  std::shared_ptr<void> subscription_;
  std::unique_ptr<base::Loop> loop_;
  std::mutex mutex_;
  std::list<Watched> watched_;
};

}  // namespace yikou::intake

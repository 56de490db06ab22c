#include "services/reporting/grpc_server.h"

#include "services/common/bind.h"
#include "services/reporting/reporting_service.h"
#include "yikou/reporting/v1/reporting.grpc.pb.h"

namespace yikou::reporting {
namespace {

// Every answer is cut to the caller's scope, so no role is asked for.
const rpc::MethodRule kAnyone{};
const rpc::MethodRule kOperators{{auth::kOperator, auth::kAdmin}};

class ReportingGrpc final : public v1::ReportingService::CallbackService {
 public:
  ReportingGrpc(rpc::Adapter* adapter, ReportingService* reporting)
      : adapter_(adapter), reporting_(reporting) {}

  YK_QUERY(GetSummary, kAnyone, reporting_)
  YK_QUERY(ListMetrics, kAnyone, reporting_)
  YK_QUERY(GetTimeline, kAnyone, reporting_)
  YK_QUERY(RebuildFigures, kOperators, reporting_)

 private:
  rpc::Adapter* adapter_;
  ReportingService* reporting_;
};

}  // namespace

std::vector<rpc::ServedService> GrpcServices(rpc::Adapter* adapter, ReportingService* reporting) {
  return {{v1::ReportingService::service_full_name(),
           std::make_shared<ReportingGrpc>(adapter, reporting)}};
}

}  // namespace yikou::reporting

#include "services/approval/grpc_server.h"

#include "services/approval/approval_service.h"
#include "services/common/bind.h"
#include "yikou/approval/v1/approval.grpc.pb.h"

namespace yikou::approval {
namespace {

const rpc::MethodRule kOfficers{{auth::kOfficer, auth::kSupervisor}};
const rpc::MethodRule kSupervisors{{auth::kSupervisor}};
const rpc::MethodRule kCounter{{auth::kClerk}};
const rpc::MethodRule kAnyone{};

class ApprovalGrpc final : public v1::ApprovalService::CallbackService {
 public:
  ApprovalGrpc(rpc::Adapter* adapter, app::Service* service, const ApprovalService* approval)
      : adapter_(adapter), service_(service), approval_(approval) {}

  YK_QUERY(ListWork, kOfficers, approval_)
  YK_COMMAND(ClaimStep, kOfficers, approval_)
  YK_COMMAND(DecideStep, kOfficers, approval_)
  YK_COMMAND(SendBack, kOfficers, approval_)
  YK_COMMAND(RequestField, kOfficers, approval_)
  YK_COMMAND(CancelField, kOfficers, approval_)
  YK_COMMAND(SuspendProcess, kOfficers, approval_)
  YK_COMMAND(ResumeProcess, kOfficers, approval_)
  YK_COMMAND(ExtendProcess, kSupervisors, approval_)
  YK_COMMAND(SupplyMissing, kCounter, approval_)
  YK_COMMAND(WithdrawProcess, kCounter, approval_)
  YK_COMMAND(TerminateProcess, kSupervisors, approval_)
  YK_QUERY(GetProcess, kAnyone, approval_)
  YK_QUERY(GetLicence, kAnyone, approval_)
  YK_QUERY(VerifyLicence, kAnyone, approval_)

 private:
  rpc::Adapter* adapter_;
  app::Service* service_;
  const ApprovalService* approval_;
};

}  // namespace

std::vector<rpc::ServedService> GrpcServices(rpc::Adapter* adapter, app::Service* service,
                                             const ApprovalService* approval) {
  return {{v1::ApprovalService::service_full_name(),
           std::make_shared<ApprovalGrpc>(adapter, service, approval)}};
}

}  // namespace yikou::approval

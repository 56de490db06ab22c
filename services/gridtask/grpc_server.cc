#include "services/gridtask/grpc_server.h"

#include "services/common/bind.h"
#include "services/gridtask/gridtask_service.h"
#include "yikou/gridtask/v1/gridtask.grpc.pb.h"

namespace yikou::gridtask {
namespace {

const rpc::MethodRule kReporters{{auth::kGridWorker, auth::kClerk}};
const rpc::MethodRule kDispatchers{{auth::kDispatcher}};
const rpc::MethodRule kWorkers{{auth::kGridWorker}};
const rpc::MethodRule kFieldStaff{{auth::kGridWorker, auth::kClerk}};
const rpc::MethodRule kAdmins{{auth::kAdmin}};
const rpc::MethodRule kAnyone{};

class GridTaskGrpc final : public v1::GridTaskService::CallbackService {
 public:
  GridTaskGrpc(rpc::Adapter* adapter, app::Service* service, GridTaskService* grid)
      : adapter_(adapter), service_(service), grid_(grid) {}

  YK_COMMAND(ReportEvent, kReporters, grid_)
  YK_COMMAND(RegisterEvent, kDispatchers, grid_)
  YK_COMMAND(DispatchEvent, kDispatchers, grid_)
  YK_COMMAND(SignTask, kWorkers, grid_)
  YK_COMMAND(ReturnTask, kWorkers, grid_)
  YK_COMMAND(HandleTask, kWorkers, grid_)
  YK_COMMAND(CheckEvent, kDispatchers, grid_)
  YK_QUERY(GetEvent, kAnyone, grid_)
  YK_QUERY(ListEvents, kAnyone, grid_)
  YK_QUERY(ListFields, kAnyone, grid_)
  YK_COMMAND(SignField, kFieldStaff, grid_)
  YK_COMMAND(DeclineField, kFieldStaff, grid_)
  YK_COMMAND(ReportField, kFieldStaff, grid_)
  YK_COMMAND(ImportWorkers, kAdmins, grid_)
  YK_QUERY(ListWorkers, kAnyone, grid_)

 private:
  rpc::Adapter* adapter_;
  app::Service* service_;
  GridTaskService* grid_;
};

}  // namespace

std::vector<rpc::ServedService> GrpcServices(rpc::Adapter* adapter, app::Service* service,
                                             GridTaskService* grid) {
  return {{v1::GridTaskService::service_full_name(),
           std::make_shared<GridTaskGrpc>(adapter, service, grid)}};
}

}  // namespace yikou::gridtask

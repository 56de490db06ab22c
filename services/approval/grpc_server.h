// The gRPC face of approval: one line a method.
#pragma once

#include <vector>

#include "libs/rpc/server.h"

namespace yikou::rpc {
class Adapter;
}  // namespace yikou::rpc

namespace yikou::app {
class Service;
}  // namespace yikou::app

namespace yikou::approval {

class ApprovalService;

std::vector<rpc::ServedService> GrpcServices(rpc::Adapter* adapter, app::Service* service,
                                             const ApprovalService* approval);

}  // namespace yikou::approval

// The gRPC face of gridtask: one line a method.
#pragma once

#include <vector>

#include "libs/rpc/server.h"

namespace yikou::rpc {
class Adapter;
}  // namespace yikou::rpc

namespace yikou::app {
class Service;
}  // namespace yikou::app

namespace yikou::gridtask {

class GridTaskService;

std::vector<rpc::ServedService> GrpcServices(rpc::Adapter* adapter, app::Service* service,
                                             GridTaskService* grid);

}  // namespace yikou::gridtask

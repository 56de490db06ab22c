// The two gRPC services every process offers: its event log and its operation.
#pragma once

#include <vector>

#include "libs/rpc/server.h"

namespace yikou::rpc {
class Adapter;
}  // namespace yikou::rpc

namespace yikou::app {
class Service;
}  // namespace yikou::app

namespace yikou::services {

std::vector<rpc::ServedService> CommonGrpcServices(rpc::Adapter* adapter, app::Service* service);

}  // namespace yikou::services

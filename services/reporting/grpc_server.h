// The gRPC face of reporting: one line a method.
#pragma once

#include <vector>

#include "libs/rpc/server.h"

namespace yikou::rpc {
class Adapter;
}  // namespace yikou::rpc

namespace yikou::reporting {

class ReportingService;

std::vector<rpc::ServedService> GrpcServices(rpc::Adapter* adapter, ReportingService* reporting);

}  // namespace yikou::reporting

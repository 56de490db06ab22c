#include "libs/rpc/method.h"

#include "catch2/catch.hpp"
#include "grpc/health/v1/health.pb.h"
#include "yikou/approval/v1/approval.pb.h"
#include "yikou/casework/v1/log.pb.h"
#include "yikou/gridtask/v1/gridtask.pb.h"
#include "yikou/intake/v1/intake.pb.h"
#include "yikou/reporting/v1/reporting.pb.h"
#include "yikou/routing/v1/routing.pb.h"

namespace yikou::rpc {
namespace {

TEST_CASE("a method is found by its messages", "[rpc]") {
  const Method& method =
      MethodFor<casework::v1::GetClockRequest, casework::v1::GetClockResponse>(MethodKind::kUnary);
  CHECK(method.path == "/yikou.casework.v1.OperationsService/GetClock");
  CHECK(method.service == "yikou.casework.v1.OperationsService");
  CHECK(method.name == "GetClock");
}

TEST_CASE("the kind of a method tells two with the same messages apart", "[rpc]") {
  using grpc::health::v1::HealthCheckRequest;
  using grpc::health::v1::HealthCheckResponse;
  const auto* request = HealthCheckRequest::descriptor();
  const auto* response = HealthCheckResponse::descriptor();
  CHECK(MethodOf(request, response, MethodKind::kUnary).name == "Check");
  CHECK(MethodOf(request, response, MethodKind::kServerStream).name == "Watch");
  CHECK(MethodOf(request, response, MethodKind::kClientStream).path.empty());
}

TEST_CASE("messages that belong to no method have none", "[rpc]") {
  CHECK(MethodOf(casework::v1::GetClockRequest::descriptor(),
                 casework::v1::SetClockResponse::descriptor(), MethodKind::kUnary)
            .path.empty());
}

// The adapter and the client find methods this way; a request message used twice would be lost.
TEST_CASE("every method of the suite is found by its messages", "[rpc]") {
  int methods = 0;
  for (const google::protobuf::Descriptor* any :
       {casework::v1::GetClockRequest::descriptor(), intake::v1::GetCaseRequest::descriptor(),
        routing::v1::GetOfferRequest::descriptor(), approval::v1::GetProcessRequest::descriptor(),
        gridtask::v1::GetEventRequest::descriptor(),
        reporting::v1::GetSummaryRequest::descriptor()}) {
    const google::protobuf::FileDescriptor* file = any->file();
    for (int s = 0; s < file->service_count(); ++s) {
      for (int m = 0; m < file->service(s)->method_count(); ++m) {
        const auto* method = file->service(s)->method(m);
        const MethodKind kind = method->server_streaming()   ? MethodKind::kServerStream
                                : method->client_streaming() ? MethodKind::kClientStream
                                                             : MethodKind::kUnary;
        CAPTURE(method->full_name());
        CHECK(MethodOf(method->input_type(), method->output_type(), kind).name == method->name());
        ++methods;
      }
    }
  }
  CHECK(methods > 60);
}

}  // namespace
}  // namespace yikou::rpc

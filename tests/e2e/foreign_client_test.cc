// A client written by others: buf curl speaks gRPC to every service with nothing but our protos.
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "catch2/catch.hpp"
#include "services/cli/day/driver.h"
#include "tests/e2e/programs.h"

namespace yikou::test {
namespace {

Ran Curl(Suite& suite, const std::string& service, const std::string& method,
         const std::string& data, const std::string& token) {
  return Run({YIKOU_SOURCE_DIR "/build/npm/node_modules/.bin/buf", "curl", "--protocol", "grpc",
              "--http2-prior-knowledge", "--schema", YIKOU_SOURCE_DIR "/protos", "--header",
              "authorization: Bearer " + token, "--data", data,
              absl::StrCat("http://", suite.Address(service), "/", method)});
}

}  // namespace

TEST_CASE("a client that knows only the protos can call every service") {
  Suite& suite = SharedSuite();
  cli::Identity caller = day::Driver::Operator();
  caller.principal.unit_id = "230108";
  caller.principal.roles.push_back("OFFICER");
  auto token = suite.client()->TokenFor(caller, absl::Minutes(10));
  REQUIRE(token.ok());
  const struct {
    const char* service;
    const char* method;
    const char* data;
  } kCalls[] = {
      {"intake", "yikou.intake.v1.CatalogueService/GetItem", R"({"code":"YK-S001"})"},
      {"intake", "yikou.intake.v1.IntakeService/ListCases", R"({"pageSize":1})"},
      {"routing", "yikou.routing.v1.DirectoryService/GetUnit", R"({"unitId":"230108"})"},
      {"routing", "yikou.routing.v1.RoutingService/ExplainRoute",
       R"({"itemCode":"YK-S004","receiverUnit":"230108001004"})"},
      {"approval", "yikou.approval.v1.ApprovalService/ListWork", "{}"},
      {"gridtask", "yikou.gridtask.v1.GridTaskService/ListEvents", "{}"},
      {"reporting", "yikou.reporting.v1.ReportingService/ListMetrics", "{}"},
      {"reporting", "yikou.casework.v1.EventLogService/GetHeads", "{}"},
      {"approval", "yikou.casework.v1.OperationsService/GetQueueStats", "{}"},
  };
  for (const auto& call : kCalls) {
    const Ran ran = Curl(suite, call.service, call.method, call.data, *token);
    INFO(call.method << ": " << ran.output);
    REQUIRE(ran.code == 0);
    REQUIRE(nlohmann::json::accept(ran.output));
  }
  const Ran refused =
      Curl(suite, "intake", "yikou.intake.v1.IntakeService/ListCases", "{}", "not-a-token");
  INFO(refused.output);
  CHECK(refused.code != 0);
  CHECK(refused.output.find("unauthenticated") != std::string::npos);
}

}  // namespace yikou::test

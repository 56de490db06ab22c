#include "services/cli/engine.h"

#include <string>
#include <vector>

#include "catch2/catch.hpp"
#include "libs/base/ids.h"
#include "libs/casework/errors.h"
#include "services/cli/fields.h"
#include "tests/support/temp_dir.h"
#include "yikou/approval/v1/approval.pb.h"
#include "yikou/gridtask/v1/gridtask.pb.h"
#include "yikou/intake/v1/intake.pb.h"

namespace yikou::cli {
namespace {

const Verb& Find(const std::string& noun, const std::string& name) {
  for (const Verb& verb : Verbs()) {
    if (verb.noun == noun && verb.name == name) return verb;
  }
  throw std::runtime_error(noun + " " + name);
}

template <class Request>
absl::Status Fill(const char* noun, const char* name,
                  const std::vector<std::pair<std::string, std::vector<std::string>>>& given,
                  Request* request) {
  Inputs inputs;
  for (const auto& [flag, texts] : given) inputs.Put(flag, texts);
  return FillRequest(Find(noun, name), inputs, request);
}

TEST_CASE("flags reach nested fields, maps and lists of messages") {
  intake::v1::ReceiveCaseRequest request;
  REQUIRE(Fill("case", "receive",
               {{"item", {"YK-S001"}},
                {"name", {"王芳"}},
                {"home", {"230108001001"}},
                {"form", {"purpose=贷款", "note=a=b"}},
                {"material", {"ID_CARD=m1", "HOUSEHOLD_BOOK=m2"}},
                {"channel", {"mobile"}},
                {"accept-tolerant", {"true"}}},
               &request)
              .ok());
  CHECK(request.item_code() == "YK-S001");
  CHECK(request.application().applicant_name() == "王芳");
  CHECK(request.application().home_unit() == "230108001001");
  CHECK(request.application().form().at("purpose") == "贷款");
  CHECK(request.application().form().at("note") == "a=b");
  REQUIRE(request.application().materials_size() == 2);
  CHECK(request.application().materials(1).code() == "HOUSEHOLD_BOOK");
  CHECK(request.application().materials(1).material_id() == "m2");
  CHECK(request.channel() == casework::v1::CHANNEL_MOBILE);
  CHECK(request.accept_tolerant());
  CHECK_FALSE(request.receive_incomplete());
  CHECK(base::IsUuid(request.request_id()));
}

TEST_CASE("every call has a request id of its own, unless one is given") {
  intake::v1::CloseCaseRequest first, second, given;
  REQUIRE(Fill("case", "close", {{"case", {"x"}}}, &first).ok());
  REQUIRE(Fill("case", "close", {{"case", {"x"}}}, &second).ok());
  CHECK(first.request_id() != second.request_id());
  const std::string id = "11111111-2222-3333-4444-555555555555";
  REQUIRE(Fill("case", "close",
               {{"case", {"x"}}, {kRequestIdArg, {id}}, {kExpectedVersionArg, {"7"}}}, &given)
              .ok());
  CHECK(given.request_id() == id);
  CHECK(given.expected_version() == 7);
}

TEST_CASE("enums are taken by full name, short name in any case, and Chinese label") {
  for (const char* text : {"DECISION_APPROVED", "APPROVED", "approved", "准予"}) {
    approval::v1::DecideStepRequest request;
    INFO(text);
    REQUIRE(Fill("work", "decide", {{"decision", {text}}}, &request).ok());
    CHECK(request.decision() == casework::v1::DECISION_APPROVED);
  }
  approval::v1::DecideStepRequest request;
  for (const char* text : {"", "MAYBE", "UNSPECIFIED", "0"}) {
    INFO(text);
    const absl::Status status = Fill("work", "decide", {{"decision", {text}}}, &request);
    CHECK(IsUsageError(status));
    CHECK(std::string(status.message()).find("APPROVED(准予)") != std::string::npos);
  }
}

TEST_CASE("lists are split at commas and repeated, yes and no are words") {
  gridtask::v1::HandleTaskRequest handle;
  REQUIRE(Fill("task", "handle", {{"photo", {"a,b", "c"}}}, &handle).ok());
  CHECK(handle.photo_digests_size() == 3);
  gridtask::v1::CheckEventRequest check;
  for (const char* text : {"yes", "TRUE", "是"}) {
    REQUIRE(Fill("task", "check", {{"passed", {text}}}, &check).ok());
    CHECK(check.passed());
  }
  REQUIRE(Fill("task", "check", {{"passed", {"no"}}}, &check).ok());
  CHECK_FALSE(check.passed());
  CHECK(IsUsageError(Fill("task", "check", {{"passed", {"maybe"}}}, &check)));
}

TEST_CASE("all mistakes are named at once, each with its flag") {
  gridtask::v1::ReportEventRequest request;
  const absl::Status status =
      Fill("task", "report", {{"households", {"many"}}, {"channel", {"pigeon"}}}, &request);
  CHECK(IsUsageError(status));
  CHECK(ExitCodeOf(status) == kExitUsage);
  const std::string text(status.message());
  CHECK(text.find("--households") != std::string::npos);
  CHECK(text.find("--channel") != std::string::npos);
  CHECK(IsUsageError(Fill("task", "report", {{"households", {"99999999999"}}}, &request)));
  intake::v1::ReceiveCaseRequest receive;
  CHECK(IsUsageError(Fill("case", "receive", {{"form", {"no equals sign"}}}, &receive)));
  CHECK(IsUsageError(Fill("case", "receive", {{"application", {"/no/such/file"}}}, &receive)));
}

TEST_CASE("a required argument that is missing stops the verb before any call") {
  Session session{.client = nullptr};
  const absl::Status status = RunVerb(session, Find("work", "decide"), Inputs());
  CHECK(IsUsageError(status));
  const std::string text(status.message());
  CHECK(text.find("<case>") != std::string::npos);
  CHECK(text.find("<step>") != std::string::npos);
  CHECK(text.find("--decision") != std::string::npos);
}

TEST_CASE("a message flag takes JSON from a file, a bytes flag the file itself") {
  const test::TempDir dir;
  const std::string json = R"({"applicant_name":"李强","form":{"a":"1"}})";
  const std::string path = dir.Write("application.json", json);
  intake::v1::ReceiveCaseRequest request;
  REQUIRE(Fill("case", "receive", {{"application", {path}}, {"phone", {"13800000000"}}}, &request)
              .ok());
  CHECK(request.application().applicant_name() == "李强");
  CHECK(request.application().phone() == "13800000000");
  approval::v1::VerifyLicenceRequest verify;
  REQUIRE(Fill("licence", "verify", {{"file", {path}}}, &verify).ok());
  CHECK(verify.document() == json);
}

TEST_CASE("times are local unless they name a zone") {
  casework::v1::CaseRecord record;
  const Path path = *Resolve(record.GetDescriptor(), "create_time");
  for (const char* text : {"2024-03-01 09:00", "2024-03-01 09:00:00", "2024-03-01T01:00:00Z",
                           "2024-03-01T09:00:00+08:00"}) {
    INFO(text);
    REQUIRE(SetField(&record, path, {text}).ok());
    CHECK(record.create_time().seconds() == 1709254800);
  }
  CHECK_FALSE(SetField(&record, path, {"tomorrow"}).ok());
}

TEST_CASE("exit codes follow the canonical code") {
  CHECK(ExitCodeOf(absl::OkStatus()) == 0);
  CHECK(ExitCodeOf(absl::InternalError("")) == 1);
  CHECK(ExitCodeOf(absl::FailedPreconditionError("")) == 1);
  CHECK(ExitCodeOf(absl::InvalidArgumentError("")) == 1);  // said by a service
  CHECK(ExitCodeOf(UsageError("")) == 2);
  CHECK(ExitCodeOf(absl::NotFoundError("")) == 3);
  CHECK(ExitCodeOf(absl::PermissionDeniedError("")) == 4);
  CHECK(ExitCodeOf(absl::UnauthenticatedError("")) == 4);
  CHECK(ExitCodeOf(absl::UnavailableError("")) == 5);
  CHECK(ExitCodeOf(absl::DeadlineExceededError("")) == 5);
}

TEST_CASE("an error names wrong fields with their flags, the reason and what may be done") {
  casework::Violations violations;
  violations.Add("application.id_number", "校验码不正确");
  violations.Add("application.materials[1].material_id", "没有这份材料");
  const std::string text = ErrorText(violations.ToStatus(), &Find("case", "receive"));
  CHECK(text.find("application.id_number（--id-number）：校验码不正确") != std::string::npos);
  CHECK(text.find("（--material）：没有这份材料") != std::string::npos);
  CHECK(text.find("INVALID_FIELD") != std::string::npos);
  const std::string stale =
      ErrorText(casework::VersionConflict("办件", 3, 5, "DeliverCase,CloseCase"), nullptr);
  CHECK(stale.find("VERSION_CONFLICT") != std::string::npos);
  CHECK(stale.find("allowed actions：DeliverCase,CloseCase") != std::string::npos);
  CHECK(stale.find("current_version = 5") != std::string::npos);
}

TEST_CASE("a call is made again only when that cannot do something twice") {
  intake::v1::GetCaseRequest get;
  CHECK(Client::MayRetry("yikou.intake.v1.IntakeService.GetCase", get));
  intake::v1::CloseCaseRequest close;
  CHECK_FALSE(Client::MayRetry("yikou.intake.v1.IntakeService.CloseCase", close));
  close.set_request_id("x");
  CHECK(Client::MayRetry("yikou.intake.v1.IntakeService.CloseCase", close));
  casework::v1::CaseRecord other;
  CHECK_FALSE(Client::MayRetry("yikou.casework.v1.OperationsService.SetClock", other));
}

TEST_CASE("an identity is unit, person and roles") {
  const auto clerk = ParseIdentity("230108001001:c1:CLERK,OFFICER");
  REQUIRE(clerk.ok());
  CHECK(clerk->principal.unit_id == "230108001001");
  CHECK(clerk->principal.person_id == "c1");
  CHECK(clerk->principal.Has("OFFICER"));
  const auto agent = ParseIdentity(":a1:CLERK:citizen-9");
  REQUIRE(agent.ok());
  CHECK(agent->principal.unit_id.empty());
  CHECK(agent->principal.agent_for == "citizen-9");
  for (const char* bad : {"", "u", "u:p", "u::CLERK", "u:p:", "a:b:c:d:e"}) {
    INFO(bad);
    CHECK(IsUsageError(ParseIdentity(bad).status()));
  }
}

TEST_CASE("a context is read with its defaults, and a broken one is refused in words") {
  const test::TempDir dir;
  const std::string path =
      dir.Write("context.json", R"({"services":{"intake":"127.0.0.1:7101"},"kid":"dev",
      "signing_key":"keys/dev.key","metrics":{"intake":"127.0.0.1:9101"}})");
  const auto context = LoadContext(path);
  REQUIRE(context.ok());
  CHECK(context->services.at("intake") == "127.0.0.1:7101");
  CHECK(context->issuer == "yikou");
  CHECK(context->signing_key == dir.File("keys/dev.key"));
  for (const char* bad : {"", "[]", R"({"services":{"intake":7101}})", R"({"kid":7})"}) {
    INFO(bad);
    dir.Write("context.json", bad);
    CHECK(IsUsageError(LoadContext(path).status()));
  }
  CHECK(IsUsageError(LoadContext("no/such/file.json").status()));
}

}  // namespace
}  // namespace yikou::cli

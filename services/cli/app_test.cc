// The whole client against services of its own, in this process, on free ports.
#include "services/cli/app.h"

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "catch2/catch.hpp"
#include "grpc/health/v1/health.grpc.pb.h"
#include "grpcpp/grpcpp.h"
#include "libs/base/ids.h"
#include "libs/casework/chain.h"
#include "libs/casework/errors.h"
#include "libs/rpc/status.h"
#include "services/cli/engine.h"
#include "tests/support/temp_dir.h"
#include "yikou/intake/v1/intake.grpc.pb.h"
#include "yikou/routing/v1/routing.grpc.pb.h"

namespace yikou::cli {
namespace {

using grpc::ServerContext;
using grpc::Status;

constexpr char kCaseId[] = "0123456789abcdef0123456789abcdef";
constexpr char kCaseNo[] = "23010800100120240301A000001X";

Status Refused(const absl::Status& status) { return rpc::ToGrpc(status); }

class FakeIntake final : public intake::v1::IntakeService::Service {
 public:
  int version = 7;  // moves on by itself so many times when it is read
  int moves = 0;
  int down = 0;  // answers UNAVAILABLE so many times
  std::string authorization;
  intake::v1::CloseCaseRequest closed;
  std::vector<std::string> request_ids;
  std::string uploaded;
  std::atomic<int> watches{0};

  Status GetCase(ServerContext* context, const intake::v1::GetCaseRequest* request,
                 intake::v1::GetCaseResponse* response) override {
    const auto& metadata = context->client_metadata();
    const auto found = metadata.find("authorization");
    authorization =
        found == metadata.end() ? "" : std::string(found->second.data(), found->second.size());
    if (authorization.empty()) {
      return Refused(casework::Error(absl::StatusCode::kUnauthenticated,
                                     casework::v1::ERROR_REASON_UNAUTHENTICATED, "没有令牌。"));
    }
    if (request->case_id() != kCaseId && request->case_id() != kCaseNo) {
      return Refused(casework::NotFound("办件", request->case_id()));
    }
    auto* record = response->mutable_view()->mutable_case_record();
    record->set_case_id(kCaseId);
    record->set_case_no(kCaseNo);
    record->set_title("单身证明");
    record->set_version(version);
    if (moves > 0) --moves, ++version;
    return Status::OK;
  }

  Status CloseCase(ServerContext*, const intake::v1::CloseCaseRequest* request,
                   intake::v1::CloseCaseResponse* response) override {
    closed = *request;
    request_ids.push_back(request->request_id());
    if (down > 0) {
      --down;
      return Status(grpc::StatusCode::UNAVAILABLE, "starting");
    }
    if (request->expected_version() != version) {
      return Refused(
          casework::VersionConflict("办件", request->expected_version(), version, "DeliverCase"));
    }
    response->mutable_view()->mutable_case_record()->set_state(casework::v1::CASE_STATE_CLOSED);
    return Status::OK;
  }

  Status RefuseCase(ServerContext*, const intake::v1::RefuseCaseRequest*,
                    intake::v1::RefuseCaseResponse*) override {
    return Refused(casework::Error(absl::StatusCode::kPermissionDenied,
                                   casework::v1::ERROR_REASON_NO_AUTHORITY, "无权办理。"));
  }

  Status ReceiveCase(ServerContext*, const intake::v1::ReceiveCaseRequest*,
                     intake::v1::ReceiveCaseResponse*) override {
    casework::Violations violations;
    violations.Add("application.id_number", "校验码不正确");
    return Refused(violations.ToStatus());
  }

  Status UploadMaterial(ServerContext*,
                        grpc::ServerReader<intake::v1::UploadMaterialRequest>* reader,
                        intake::v1::UploadMaterialResponse* response) override {
    intake::v1::UploadMaterialRequest part;
    intake::v1::MaterialHeader header;
    uploaded.clear();
    while (reader->Read(&part)) {
      if (part.has_header()) header = part.header();
      uploaded += part.chunk();
    }
    if (header.media_type() != "image/png" ||
        header.size_bytes() != static_cast<int64_t>(uploaded.size()) ||
        header.sha256() != base::ToHex(casework::Digest(uploaded))) {
      return Status(grpc::StatusCode::DATA_LOSS, "mismatch");
    }
    response->set_material_id("m1");
    return Status::OK;
  }

  Status ReadMaterial(ServerContext*, const intake::v1::ReadMaterialRequest*,
                      grpc::ServerWriter<intake::v1::ReadMaterialResponse>* writer) override {
    intake::v1::ReadMaterialResponse part;
    part.mutable_header()->set_sha256(base::ToHex(casework::Digest("abcd")));
    writer->Write(part);
    for (const char* bytes : {"ab", "cd"}) {
      part.set_chunk(bytes);
      writer->Write(part);
    }
    return Status::OK;
  }

  // The first stream breaks after version 3; the next goes on behind what was seen.
  Status WatchCase(ServerContext*, const intake::v1::WatchCaseRequest* request,
                   grpc::ServerWriter<intake::v1::WatchCaseResponse>* writer) override {
    const bool first = watches++ == 0;
    for (int64_t v = std::max<int64_t>(request->after_version(), 1) + 1; v <= (first ? 3 : 5);
         ++v) {
      intake::v1::WatchCaseResponse change;
      change.mutable_view()->mutable_case_record()->set_version(v);
      writer->Write(change);
    }
    return first ? Status(grpc::StatusCode::UNAVAILABLE, "gone") : Status::OK;
  }
};

class FakeCatalogue final : public intake::v1::CatalogueService::Service {
 public:
  int stored = 0;
  int batches = 0;

  Status ListItems(ServerContext*, const intake::v1::ListItemsRequest* request,
                   intake::v1::ListItemsResponse* response) override {
    const int from = request->page_token().empty() ? 0 : std::stoi(request->page_token());
    const int to = std::min({120, from + request->page_size(), from + 40});
    for (int i = from; i < to; ++i) {
      auto* item = response->add_items();
      item->set_code(absl::StrCat("YK-", i));
      item->set_name(i % 2 == 0 ? "单身证明" : "ID card");
      item->set_kind(casework::v1::ITEM_KIND_INSTANT);
    }
    if (to < 120) response->set_next_page_token(absl::StrCat(to));
    return Status::OK;
  }

  Status ImportItems(ServerContext*, const intake::v1::ImportItemsRequest* request,
                     intake::v1::ImportItemsResponse* response) override {
    ++batches;
    stored += request->items_size();
    response->set_changed(request->items_size());
    return Status::OK;
  }
};

class FakeDirectory final : public routing::v1::DirectoryService::Service {
 public:
  Status ListUnits(ServerContext*, const routing::v1::ListUnitsRequest*,
                   routing::v1::ListUnitsResponse* response) override {
    const auto add = [response](const char* id, const char* name, const char* parent) {
      auto* unit = response->add_units();
      unit->set_unit_id(id);
      unit->set_name(name);
      unit->set_parent_id(parent);
    };
    add("230108", "平房区", "");
    add("230108001", "兴建街道", "230108");
    add("230108001001", "一社区", "230108001");
    add("230108001002", "二社区", "230108001");
    add("230108002", "保国街道", "230108");
    return Status::OK;
  }
};

class FakeHealth final : public grpc::health::v1::Health::Service {
 public:
  Status Check(ServerContext*, const grpc::health::v1::HealthCheckRequest*,
               grpc::health::v1::HealthCheckResponse* response) override {
    response->set_status(grpc::health::v1::HealthCheckResponse::SERVING);
    return Status::OK;
  }
};

struct Result {
  int code;
  std::string out;
  std::string err;
};

class Suite {
 public:
  Suite() : before_(std::filesystem::current_path()) {
    unsetenv("YIKOU_CONTEXT");
    unsetenv("YIKOU_AS");
    // Away from a context that ./dev run left where the client looks for one.
    std::filesystem::current_path(dir.path());
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(&intake);
    builder.RegisterService(&catalogue);
    builder.RegisterService(&directory);
    builder.RegisterService(&health);
    server_ = builder.BuildAndStart();
    const auto keys = auth::GenerateKeyPair(dir.path(), "dev");
    REQUIRE(keys.ok());
    // Beside the context: a path without a folder.
    nlohmann::json context = {{"signing_key", "dev.key"}, {"kid", keys->kid}};
    for (const char* service : kServices) {
      context["services"][service] = absl::StrCat("127.0.0.1:", port_);
    }
    context_ = dir.Write("context.json", context.dump());
  }
  ~Suite() {
    server_->Shutdown();
    std::filesystem::current_path(before_);
  }

  Result Run(std::vector<std::string> args, bool with_context = true) {
    if (with_context) args.insert(args.end(), {"--context", context_});
    std::ostringstream out, err;
    const int code = RunCli(std::move(args), &out, &err, /*progress=*/false);
    return {code, out.str(), err.str()};
  }
  // As a clerk.
  Result As(std::vector<std::string> args) {
    args.insert(args.end(), {"--as", "230108001001:c1:CLERK"});
    return Run(std::move(args));
  }

  test::TempDir dir;
  FakeIntake intake;
  FakeCatalogue catalogue;
  FakeDirectory directory;
  FakeHealth health;

 private:
  int port_ = 0;
  const std::filesystem::path before_;
  std::unique_ptr<grpc::Server> server_;
  std::string context_;
};

TEST_CASE("a case is shown as a table or as stable JSON") {
  Suite suite;
  const Result table = suite.As({"case", "get", kCaseNo});
  CHECK(table.code == kExitOk);
  CHECK(absl::StrContains(table.out, "单身证明"));
  CHECK(table.err.empty());
  CHECK(absl::StartsWith(suite.intake.authorization, "Bearer ey"));
  const Result json = suite.As({"-o", "json", "case", "get", kCaseNo});
  CHECK(json.code == kExitOk);
  const auto parsed = nlohmann::json::parse(json.out);
  CHECK(parsed["view"]["case_record"]["case_no"] == kCaseNo);
  CHECK(parsed["view"]["case_record"]["tolerant"] == false);  // there although it is the default
}

TEST_CASE("exit codes tell failures apart") {
  Suite suite;
  CHECK(suite.As({"case", "get", "nothing"}).code == kExitNotFound);
  CHECK(suite.As({"case", "refuse", kCaseId, "--reason", "NOT_REQUIRED", "--remedy", "无需办理"})
            .code == kExitDenied);
  CHECK(suite.As({"case", "receive", "--item", "x"}).code == kExitFailed);
  CHECK(suite.As({"case", "get", kCaseId, "--intake", "127.0.0.1:1", "--request-timeout", "300ms"})
            .code == kExitUnavailable);
  const Result nobody = suite.Run({"case", "get", kCaseId});
  CHECK(nobody.code == kExitDenied);
  CHECK(absl::StrContains(nobody.err, "--as"));
}

TEST_CASE("mistakes in the words typed are usage errors and reach no service") {
  Suite suite;
  for (const std::vector<std::string>& args : std::vector<std::vector<std::string>>{
           {},
           {"case"},
           {"cake", "list"},
           {"case", "eat"},
           {"case", "get"},
           {"case", "get", "a", "b"},
           {"case", "get", "x", "--colour", "red"},
           {"case", "list", "--state", "LOST"},
           {"case", "list", "--limit", "-3"},
           {"case", "list", "-o", "xml"},
           {"case", "list", "--request-timeout", "soon"},
           {"case", "rate", kCaseId, "--stars", "five"},
           {"case", "rate", kCaseId, "--stars", "5", "--stars", "4"},
           {"queue", "retry", "kitchen", "x"},
           {"clock", "skip", "soon"},
           {"case", "upload", "/no/such/file.png"}}) {
    const Result result = suite.As(args);
    INFO((args.empty() ? "nothing" : args.front() + " " + args.back()));
    CHECK(result.code == kExitUsage);
    CHECK(result.out.empty());
    CHECK_FALSE(result.err.empty());
  }
  CHECK(suite.Run({"case", "list", "--context", "/no/such"}, false).code == kExitUsage);
  CHECK(suite.Run({"case", "list"}, false).code == kExitUsage);  // no address
}

TEST_CASE("help is there for the program, every noun and every verb") {
  Suite suite;
  for (const std::vector<std::string>& args :
       std::vector<std::vector<std::string>>{{"help"},
                                             {"--help"},
                                             {"help", "case"},
                                             {"case", "--help"},
                                             {"help", "work", "decide"}}) {
    const Result result = suite.Run(args, false);
    CHECK(result.code == kExitOk);
    CHECK(absl::StrContains(result.out, "退出码"));
  }
  const Result decide = suite.Run({"help", "work", "decide"}, false);
  CHECK(absl::StrContains(decide.out, "APPROVED(准予), REJECTED(不予)"));
  CHECK(absl::StrContains(decide.out, "--expected-version"));
}

TEST_CASE("the version is read for a caller who gives none, and again when it has moved on") {
  Suite suite;
  REQUIRE(suite.As({"case", "close", kCaseNo}).code == kExitOk);
  CHECK(suite.intake.closed.expected_version() == 7);
  CHECK(suite.intake.closed.case_id() == kCaseId);  // a number was given
  suite.intake.moves = 2;  // once when the number is looked up, once after the first read
  CHECK(suite.As({"case", "close", kCaseNo}).code == kExitOk);
  CHECK(suite.intake.closed.expected_version() == 9);
  const Result stale = suite.As({"case", "close", kCaseId, "--expected-version", "3"});
  CHECK(stale.code == kExitFailed);
  CHECK(absl::StrContains(stale.err, "VERSION_CONFLICT"));
  CHECK(absl::StrContains(stale.err, "DeliverCase"));
  CHECK(suite.intake.closed.expected_version() == 3);
}

TEST_CASE("a service that is starting is asked again with the same request id") {
  Suite suite;
  suite.intake.down = 2;
  REQUIRE(suite.As({"case", "close", kCaseId}).code == kExitOk);
  REQUIRE(suite.intake.request_ids.size() == 3);
  CHECK(suite.intake.request_ids[0] == suite.intake.request_ids[2]);
}

TEST_CASE("a wrong field is named with the flag that sets it") {
  Suite suite;
  const Result result = suite.As({"case", "receive", "--item", "x", "--id-number", "1"});
  CHECK(absl::StrContains(result.err, "application.id_number（--id-number）：校验码不正确"));
}

TEST_CASE("lists follow pages up to the limit and say when there is more") {
  Suite suite;
  const auto rows = [](const Result& result) {
    return nlohmann::json::parse(result.out)["items"].size();
  };
  const Result some = suite.As({"item", "list", "-o", "json"});
  CHECK(rows(some) == 50);
  CHECK(absl::StrContains(some.err, "--limit 0"));
  CHECK(rows(suite.As({"item", "list", "-o", "json", "--limit", "7"})) == 7);
  const Result all = suite.As({"item", "list", "-o", "json", "--limit", "0"});
  CHECK(rows(all) == 120);
  CHECK(all.err.empty());
}

TEST_CASE("a file of entries is sent in batches of 500") {
  Suite suite;
  std::string lines;
  for (int i = 0; i < 1101; ++i) {
    absl::StrAppend(&lines, R"({"code":"YK-)", i, R"(","name":"事项"})", "\n\n");
  }
  const std::string path = suite.dir.Write("items.jsonl", lines);
  const Result result = suite.As({"item", "import", path, "-o", "json"});
  CHECK(result.code == kExitOk);
  CHECK(suite.catalogue.batches == 3);
  CHECK(suite.catalogue.stored == 1101);
  CHECK(nlohmann::json::parse(result.out)["changed"] == 1101);
  suite.dir.Write("items.jsonl", "{\"code\":\"a\"}\n{\"colour\":1}\n");
  const Result bad = suite.As({"item", "import", path});
  CHECK(bad.code == kExitUsage);
  CHECK(absl::StrContains(bad.err, "第 2 行"));
}

TEST_CASE("a material goes up and comes down whole") {
  Suite suite;
  const std::string bytes(700000, 'x');
  const std::string path = suite.dir.Write("photo.png", bytes);
  const Result up = suite.As({"case", "upload", path, "-o", "json"});
  CHECK(up.code == kExitOk);
  CHECK(nlohmann::json::parse(up.out)["material_id"] == "m1");
  CHECK(suite.intake.uploaded == bytes);
  const Result down = suite.As({"case", "download", kCaseId, "m1", "--save", "-"});
  CHECK(down.code == kExitOk);
  CHECK(down.out == "abcd");
}

TEST_CASE("watching goes on behind what was seen when the connection breaks") {
  Suite suite;
  const Result result = suite.As({"case", "watch", kCaseId, "-o", "json"});
  CHECK(result.code == kExitOk);
  std::vector<std::string> versions;
  std::istringstream lines(result.out);
  for (std::string line; std::getline(lines, line);) {
    versions.push_back(nlohmann::json::parse(line)["view"]["case_record"]["version"]);
  }
  CHECK(versions == std::vector<std::string>{"2", "3", "4", "5"});
}

TEST_CASE("units are drawn as a tree") {
  Suite suite;
  const Result result = suite.As({"unit", "tree"});
  CHECK(result.out ==
        "平房区  230108\n"
        "├── 兴建街道  230108001\n"
        "│   ├── 一社区  230108001001\n"
        "│   └── 二社区  230108001002\n"
        "└── 保国街道  230108002\n");
}

TEST_CASE("health of every service is one table, and one that is down is named") {
  Suite suite;
  const Result good = suite.Run({"health"});
  CHECK(good.code == kExitOk);
  CHECK(absl::StrContains(good.out, "reporting  SERVING"));
  const Result bad = suite.Run({"health", "--routing", "127.0.0.1:1"});
  CHECK(bad.code == kExitUnavailable);
  CHECK(absl::StrContains(bad.out, "intake"));
  CHECK(absl::StrContains(bad.err, "routing"));
  const Result one = suite.Run({"health", "--service", "intake", "-o", "json"});
  CHECK(nlohmann::json::parse(one.out)["intake"]["status"] == "SERVING");
}

TEST_CASE("a token is minted for the identity given, and only then") {
  Suite suite;
  const Result token = suite.As({"token", "mint", "--ttl", "30m"});
  CHECK(token.code == kExitOk);
  CHECK(std::count(token.out.begin(), token.out.end(), '.') == 2);
  CHECK(suite.Run({"token", "mint"}).code == kExitUsage);
}

}  // namespace
}  // namespace yikou::cli

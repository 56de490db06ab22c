#include "tests/sim/process.h"

#include <fstream>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/ids.h"
#include "libs/casework/chain.h"
#include "services/approval/approval_consumer.h"
#include "services/approval/approval_service.h"
#include "services/gridtask/gridtask_service.h"
#include "services/intake/catalogue_service.h"
#include "services/intake/intake_consumer.h"
#include "services/intake/intake_service.h"
#include "services/intake/material_service.h"
#include "services/reporting/reporting_schema.h"
#include "services/reporting/reporting_service.h"
#include "services/routing/offer_keeper.h"
#include "services/routing/routing_consumer.h"
#include "services/routing/routing_schema.h"
#include "services/routing/routing_service.h"

namespace yikou::sim {

namespace cw = casework::v1;

namespace {

using app::EventsStream;
using app::QueueStream;

// Inputs of a service that takes offers: the events it reads, and its queues of every tier.
std::vector<app::InputStream> Inputs(const std::vector<std::string>& owners,
                                     const std::string& takes_offers_as) {
  std::vector<app::InputStream> inputs;
  for (const std::string& owner : owners) inputs.push_back({EventsStream(owner), owner});
  if (takes_offers_as.empty()) return inputs;
  for (const cw::Tier tier : {cw::TIER_DISTRICT, cw::TIER_STREET, cw::TIER_COMMUNITY}) {
    inputs.push_back({QueueStream(tier, takes_offers_as), "routing"});
  }
  return inputs;
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

class IntakeProcess final : public Process {
 public:
  using Process::Process;

  absl::Status Prepare(const Surroundings& around) override {
    const app::ServiceEnv* env = &core().env();
    kinds_.emplace(env->calendar);
    consumer_.emplace(env, &*kinds_);
    intake_.emplace(env, &*kinds_, &core().case_numbers(), around.forward_withdraw);
    catalogue_.emplace(env);
    materials_.emplace(env, &*kinds_);
    app::ServiceParts parts;
    parts.migrations = intake::IntakeMigrations();
    parts.kinds = {&kinds_->record, &kinds_->view, &kinds_->application, &kinds_->material,
                   &app::kOwnItemKind};
    parts.timed_kinds = {&kinds_->record, &kinds_->view};
    parts.inputs = Inputs({"routing", "approval", "gridtask"}, "intake");
    parts.followed = intake::IntakeConsumer::Follows();
    parts.reaction = [this](store::Work& work, const cw::Event& event) {
      return consumer_->React(work, event);
    };
    parts.on_due = [this](store::Work& work, const store::AggregateKind& kind,
                          const std::string& id) { return intake_->OnDue(work, kind, id); };
    YK_RETURN_IF_ERROR(PrepareCore(std::move(parts)));
    Serve();
    if (!around.import) return absl::OkStatus();
    return catalogue_->ImportFile(absl::StrCat(around.data_dir, "/items.jsonl"));
  }

 private:
  void Serve() {
    using intake::IntakeService;
    ServeCommon();
    Command(&*catalogue_, &intake::CatalogueService::ImportItems);
    Query(&*catalogue_, &intake::CatalogueService::GetItem);
    Command(&*intake_, &IntakeService::ReceiveCase);
    Command(&*intake_, &IntakeService::AcceptCase);
    Command(&*intake_, &IntakeService::RequestCorrection);
    Command(&*intake_, &IntakeService::SubmitCorrection);
    Command(&*intake_, &IntakeService::RefuseCase);
    Command(&*intake_, &IntakeService::WithdrawCase);
    Command(&*intake_, &IntakeService::DeliverCase);
    Command(&*intake_, &IntakeService::CloseCase);
    Command(&*intake_, &IntakeService::RateCase);
    // An upload in one message: its bytes, under a header made of them.
    Add(intake::v1::UploadMaterialRequest::descriptor()->full_name(),
        [this](const rpc::CallContext& call, const std::string& bytes, Answer answer) {
          Upload(call, bytes, std::move(answer));
        });
    Query(&*intake_, &IntakeService::GetCase);
    Query(&*intake_, &IntakeService::ListCases);
  }

  void Upload(const rpc::CallContext& call, const std::string& bytes, Answer answer) {
    intake::v1::UploadMaterialRequest request;
    request.ParseFromString(bytes);
    intake::v1::UploadMaterialRequest first;
    intake::v1::MaterialHeader* header = first.mutable_header();
    header->set_file_name("photo.txt");
    header->set_media_type("text/plain");
    header->set_size_bytes(static_cast<int64_t>(request.chunk().size()));
    header->set_sha256(base::ToHex(casework::Digest(request.chunk())));
    header->set_request_id(base::NewId(core().env().system_clock->Now()));
    const auto sink = materials_->Upload(call);
    absl::Status status = sink->OnMessage(first);
    if (status.ok()) status = sink->OnMessage(request);
    if (!status.ok()) return answer(status);
    sink->OnFinish([answer](absl::StatusOr<intake::v1::UploadMaterialResponse> response) {
      if (!response.ok()) return answer(response.status());
      answer(response->SerializeAsString());
    });
  }

  std::optional<intake::IntakeKinds> kinds_;
  std::optional<intake::IntakeConsumer> consumer_;
  std::optional<intake::IntakeService> intake_;
  std::optional<intake::CatalogueService> catalogue_;
  std::optional<intake::MaterialService> materials_;
};

class RoutingProcess final : public Process {
 public:
  using Process::Process;

  absl::Status Prepare(const Surroundings& around) override {
    // Short, so that offers come again while a service is down.
    keeper_.emplace(&core().env(), absl::Seconds(2));
    consumer_.emplace(&core().env(), &*keeper_);
    routing_.emplace(&core().env());
    directory_.emplace(&core().env());
    app::ServiceParts parts;
    parts.migrations = routing::RoutingMigrations();
    parts.kinds = {&routing::kOffer, &routing::kCustody, &routing::kItinerary, &app::kOwnUnitKind};
    parts.leased_kinds = {&routing::kOffer};
    parts.on_due = [this](store::Work& work, const store::AggregateKind&, const std::string& id) {
      return keeper_->OnDue(work, id);
    };
    parts.inputs = Inputs({"intake", "approval", "gridtask"}, "");
    parts.reaction = [this](store::Work& work, const cw::Event& event) {
      return consumer_->React(work, event);
    };
    YK_RETURN_IF_ERROR(PrepareCore(std::move(parts)));
    ServeCommon();
    Command(&*directory_, &routing::DirectoryService::ImportUnits);
    Query(&*directory_, &routing::DirectoryService::GetUnit);
    Query(&*routing_, &routing::RoutingService::ListOffers);
    Query(&*routing_, &routing::RoutingService::GetCustody);
    if (!around.import) return absl::OkStatus();
    return directory_->ImportFile(absl::StrCat(around.data_dir, "/units.jsonl"));
  }

 private:
  std::optional<routing::OfferKeeper> keeper_;
  std::optional<routing::RoutingConsumer> consumer_;
  std::optional<routing::RoutingService> routing_;
  std::optional<routing::DirectoryService> directory_;
};

class ApprovalProcess final : public Process {
 public:
  using Process::Process;

  absl::Status Prepare(const Surroundings& around) override {
    approval_.emplace(&core().env(), around.seals);
    consumer_.emplace(&approval_->flow());
    app::ServiceParts parts;
    parts.migrations = approval::Migrations();
    parts.kinds = {&approval_->kinds().process, &approval_->kinds().licence,
                   &approval_->kinds().declined_offer};
    parts.timed_kinds = {&approval_->kinds().process};
    parts.inputs = Inputs({"intake", "routing", "gridtask"}, "approval");
    parts.followed = approval::ApprovalConsumer::Follows();
    parts.reaction = [this](store::Work& work, const cw::Event& event) {
      return consumer_->React(work, event);
    };
    parts.on_due = [this](store::Work& work, const store::AggregateKind& kind,
                          const std::string& id) { return approval_->OnDue(work, kind, id); };
    YK_RETURN_IF_ERROR(PrepareCore(std::move(parts)));
    Serve();
    return absl::OkStatus();
  }

 private:
  void Serve() {
    using approval::ApprovalService;
    const ApprovalService* approval = &*approval_;
    ServeCommon();
    Query(approval, &ApprovalService::ListWork);
    Query(approval, &ApprovalService::GetProcess);
    Command(approval, &ApprovalService::ClaimStep);
    Command(approval, &ApprovalService::DecideStep);
    Command(approval, &ApprovalService::SendBack);
    Command(approval, &ApprovalService::RequestField);
    Command(approval, &ApprovalService::CancelField);
    Command(approval, &ApprovalService::SuspendProcess);
    Command(approval, &ApprovalService::ResumeProcess);
    Command(approval, &ApprovalService::ExtendProcess);
    Command(approval, &ApprovalService::SupplyMissing);
    Command(approval, &ApprovalService::WithdrawProcess);
    Command(approval, &ApprovalService::TerminateProcess);
  }

  std::optional<approval::ApprovalService> approval_;
  std::optional<approval::ApprovalConsumer> consumer_;
};

class GridTaskProcess final : public Process {
 public:
  using Process::Process;

  absl::Status Prepare(const Surroundings& around) override {
    YK_ASSIGN_OR_RETURN(
        auto categories,
        gridtask::CategoryList::Parse(ReadFile(absl::StrCat(around.data_dir, "/categories.json"))));
    grid_.emplace(core().env(), &core().case_numbers(), std::move(categories));
    const gridtask::Kinds& kinds = grid_->kinds();
    app::ServiceParts parts;
    parts.migrations = gridtask::Migrations();
    parts.kinds = {&kinds.grid_event, &kinds.field_task, &kinds.worker};
    parts.timed_kinds = {&kinds.grid_event, &kinds.field_task};
    parts.inputs = Inputs({"routing", "approval"}, "gridtask");
    parts.followed = gridtask::GridTaskConsumer::Follows();
    parts.reaction = [this](store::Work& work, const cw::Event& event) {
      return grid_->consumer().React(work, event);
    };
    parts.on_due = [this](store::Work& work, const store::AggregateKind& kind,
                          const std::string& id) {
      return grid_->consumer().OnDue(work, kind, id);
    };
    YK_RETURN_IF_ERROR(PrepareCore(std::move(parts)));
    Serve();
    if (!around.import) return absl::OkStatus();
    YK_ASSIGN_OR_RETURN(auto outcome, grid_->ImportWorkersFromCsv(
                                          ReadFile(absl::StrCat(around.data_dir, "/workers.csv"))));
    return core().env().committer->CommitOne(std::move(outcome.change));
  }

 private:
  void Serve() {
    using gridtask::GridTaskService;
    ServeCommon();
    Command(&*grid_, &GridTaskService::ReportEvent);
    Command(&*grid_, &GridTaskService::RegisterEvent);
    Command(&*grid_, &GridTaskService::DispatchEvent);
    Command(&*grid_, &GridTaskService::SignTask);
    Command(&*grid_, &GridTaskService::ReturnTask);
    Command(&*grid_, &GridTaskService::HandleTask);
    Command(&*grid_, &GridTaskService::CheckEvent);
    Query(&*grid_, &GridTaskService::GetEvent);
    Query(&*grid_, &GridTaskService::ListFields);
    Command(&*grid_, &GridTaskService::SignField);
    Command(&*grid_, &GridTaskService::DeclineField);
    Command(&*grid_, &GridTaskService::ReportField);
  }

  std::optional<gridtask::GridTaskService> grid_;
};

class ReportingProcess final : public Process {
 public:
  using Process::Process;

  absl::Status Prepare(const Surroundings&) override {
    reporting_.emplace(&core().env(), [this](const std::string& request_id) {
      return core().StartRebuild(request_id);
    });
    app::ServiceParts parts;
    parts.migrations = reporting::Migrations();
    parts.kinds = {&reporting::kCaseFigures};
    parts.derived_tables = reporting::DerivedTables();
    parts.inputs = Inputs({"intake", "routing", "approval", "gridtask"}, "");
    parts.reaction = [this](store::Work& work, const cw::Event& event) {
      return reporting_->React(work, event);
    };
    YK_RETURN_IF_ERROR(PrepareCore(std::move(parts)));
    ServeCommon();
    Query(&*reporting_, &reporting::ReportingService::GetSummary);
    Query(&*reporting_, &reporting::ReportingService::GetTimeline);
    Query(&*reporting_, &reporting::ReportingService::RebuildFigures);
    return absl::OkStatus();
  }

 private:
  std::optional<reporting::ReportingService> reporting_;
};

}  // namespace

const Process::Handler* Process::Find(const std::string& request) const {
  const auto found = handlers_.find(request);
  return found == handlers_.end() ? nullptr : &found->second;
}

absl::Status Process::PrepareCore(app::ServiceParts parts) {
  inputs_ = parts.inputs;
  timed_kinds_ = parts.timed_kinds;
  return core_->Prepare(std::move(parts));
}

void Process::ServeCommon() {
  app::Service* core = &this->core();
  AddQuery<cw::ReadStreamRequest, cw::ReadStreamResponse>(
      [core](const auto&, const auto& request) { return core->ReadStream(request); });
  AddQuery<cw::GetHeadsRequest, cw::GetHeadsResponse>(
      [core](const auto&, const auto&) { return core->GetHeads(); });
  AddQuery<cw::VerifyLogRequest, cw::VerifyLogResponse>(
      [core](const auto&, const auto&) { return core->VerifyLog(); });
  AddQuery<cw::GetQueueStatsRequest, cw::GetQueueStatsResponse>(
      [core](const auto&, const auto&) { return core->GetQueueStats(); });
  AddQuery<cw::ListStuckRequest, cw::ListStuckResponse>(
      [core](const auto&, const auto& request) { return core->ListStuck(request); });
  AddQuery<cw::SetClockRequest, cw::SetClockResponse>(
      [core](const auto&, const auto& request) { return core->SetClock(request); });
}

std::unique_ptr<Process> MakeProcess(const std::string& service,
                                     std::unique_ptr<app::Service> core) {
  if (service == "intake") return std::make_unique<IntakeProcess>(std::move(core));
  if (service == "routing") return std::make_unique<RoutingProcess>(std::move(core));
  if (service == "approval") return std::make_unique<ApprovalProcess>(std::move(core));
  if (service == "gridtask") return std::make_unique<GridTaskProcess>(std::move(core));
  return std::make_unique<ReportingProcess>(std::move(core));
}

}  // namespace yikou::sim

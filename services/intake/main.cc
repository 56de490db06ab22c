// yikou-intake: wired by hand, in order; each failure is a sentence and an exit code.
#include "libs/app/service.h"
#include "services/common/migrate.h"
#include "services/common/process.h"
#include "services/common/tiers.h"
#include "services/intake/case_watcher.h"
#include "services/intake/catalogue_service.h"
#include "services/intake/config.h"
#include "services/intake/grpc_server.h"
#include "services/intake/intake_consumer.h"
#include "services/intake/intake_schema.h"
#include "services/intake/intake_service.h"
#include "services/intake/material_service.h"
#include "yikou/approval/v1/approval.pb.h"

namespace yikou::intake {
namespace {

namespace cw = casework::v1;

// Withdrawal of an accepted case is approval's to decide; it goes there under the caller's token.
ForwardWithdraw ForwardTo(rpc::Client* approval) {
  return [approval](const rpc::CallContext& context, const std::string& case_id,
                    int64_t owner_version, const v1::WithdrawCaseRequest& request) -> absl::Status {
    approval::v1::WithdrawProcessRequest forward;
    forward.set_request_id(request.request_id());
    forward.set_case_id(case_id);
    forward.set_expected_version(owner_version);
    forward.set_reason(request.reason());
    return approval
        ->Call<approval::v1::WithdrawProcessResponse>(forward,
                                                      rpc::CallOptions::OnBehalfOf(context))
        .status();
  };
}

absl::Status Main(const Config& config) {
  YK_ASSIGN_OR_RETURN(auto process, services::Process::Open(config.common, "intake"));
  YK_ASSIGN_OR_RETURN(rpc::Client * approval, process->Peer("approval"));
  const app::ServiceEnv* env = &process->env();
  IntakeKinds kinds(env->calendar);
  IntakeConsumer consumer(env, &kinds);
  IntakeService intake(env, &kinds, &process->service().case_numbers(), ForwardTo(approval));
  CatalogueService catalogue(env);
  MaterialService materials(env, &kinds);
  CaseWatcher watcher(&intake);

  app::ServiceParts parts;
  parts.migrations = IntakeMigrations();
  parts.kinds = {&kinds.record, &kinds.view, &kinds.application, &kinds.material,
                 &app::kOwnItemKind};
  parts.timed_kinds = {&kinds.record, &kinds.view};
  parts.inputs = {{app::EventsStream("routing"), "routing"},
                  {app::EventsStream("approval"), "approval"},
                  {app::EventsStream("gridtask"), "gridtask"}};
  YK_RETURN_IF_ERROR(
      services::AddQueues("intake", config.tiers, config.common.store, &parts.inputs));
  parts.followed = IntakeConsumer::Follows();
  parts.reaction = [&consumer](store::Work& work, const cw::Event& event) {
    return consumer.React(work, event);
  };
  parts.on_due = [&intake](store::Work& work, const store::AggregateKind& kind,
                           const std::string& id) { return intake.OnDue(work, kind, id); };
  YK_RETURN_IF_ERROR(process->service().Prepare(std::move(parts)));
  if (!config.catalogue.empty()) {
    YK_RETURN_IF_ERROR(process->Import([&] { return catalogue.ImportFile(config.catalogue); }));
  }

  watcher.Start(&process->service(), process->executor());
  const absl::Status status = process->Run(GrpcServices(
      process->adapter(), &process->service(), {&intake, &catalogue, &materials, &watcher}));
  watcher.Stop();
  return status;
}

}  // namespace
}  // namespace yikou::intake

int main(int argc, char** argv) {
  const auto migrated =
      yikou::services::RunMigrate(argc, argv, "intake", yikou::intake::IntakeMigrations());
  if (migrated) return *migrated;
  return yikou::services::ExitCode(yikou::intake::Main(yikou::intake::ReadConfig(argc, argv)));
}

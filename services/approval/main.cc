// yikou-approval: wired by hand, in order; each failure is a sentence and an exit code.
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "libs/app/service.h"
#include "services/approval/approval_consumer.h"
#include "services/approval/approval_schema.h"
#include "services/approval/approval_service.h"
#include "services/approval/config.h"
#include "services/approval/grpc_server.h"
#include "services/approval/seal_register.h"
#include "services/common/migrate.h"
#include "services/common/process.h"
#include "services/common/tiers.h"

namespace yikou::approval {
namespace {

absl::StatusOr<SealRegister> OpenSeals(const Config& config) {
  std::ifstream file(config.seals);
  if (!file) {
    return absl::NotFoundError(
        absl::StrCat("The list of seals, ", config.seals, ", cannot be read. Check --seals."));
  }
  std::stringstream text;
  text << file.rdbuf();
  YK_ASSIGN_OR_RETURN(SealRegister seals, SealRegister::Parse(text.str()));
  const bool make_keys = config.make_seal_keys || config.common.test_clock;
  YK_RETURN_IF_ERROR(seals.LoadKeys(config.seal_dir, make_keys));
  return seals;
}

absl::Status Main(const Config& config) {
  YK_ASSIGN_OR_RETURN(auto process, services::Process::Open(config.common, "approval"));
  YK_ASSIGN_OR_RETURN(const SealRegister seals, OpenSeals(config));
  const ApprovalService approval(&process->env(), &seals);
  const ApprovalConsumer consumer(&approval.flow());

  app::ServiceParts parts;
  parts.migrations = Migrations();
  parts.kinds = {&approval.kinds().process, &approval.kinds().licence,
                 &approval.kinds().declined_offer};
  parts.timed_kinds = {&approval.kinds().process};
  parts.inputs = {{app::EventsStream("intake"), "intake"},
                  {app::EventsStream("routing"), "routing"},
                  {app::EventsStream("gridtask"), "gridtask"}};
  YK_RETURN_IF_ERROR(
      services::AddQueues("approval", config.tiers, config.common.store, &parts.inputs));
  parts.followed = ApprovalConsumer::Follows();
  parts.reaction = [&consumer](store::Work& work, const casework::v1::Event& event) {
    return consumer.React(work, event);
  };
  parts.on_due = [&approval](store::Work& work, const store::AggregateKind& kind,
                             const std::string& id) { return approval.OnDue(work, kind, id); };
  YK_RETURN_IF_ERROR(process->service().Prepare(std::move(parts)));
  return process->Run(GrpcServices(process->adapter(), &process->service(), &approval));
}

}  // namespace
}  // namespace yikou::approval

int main(int argc, char** argv) {
  const auto migrated =
      yikou::services::RunMigrate(argc, argv, "approval", yikou::approval::Migrations());
  if (migrated) return *migrated;
  return yikou::services::ExitCode(yikou::approval::Main(yikou::approval::ReadConfig(argc, argv)));
}

#include "services/cli/day/driver.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "libs/auth/roles.h"
#include "libs/casework/calendar.h"
#include "libs/casework/chain.h"
#include "libs/casework/clocks.h"
#include "libs/casework/identifiers.h"
#include "libs/casework/lifecycle.h"
#include "libs/rpc/status.h"
#include "services/cli/clock_skip.h"
#include "yikou/intake/v1/intake.grpc.pb.h"

namespace yikou::day {

namespace cw = casework::v1;

namespace {

// A photograph of one grey pixel: small, and a real PNG.
const unsigned char kPhoto[] = {
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48,
    0x44, 0x52, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x00, 0x00, 0x00,
    0x00, 0x3a, 0x7e, 0x9b, 0x55, 0x00, 0x00, 0x00, 0x0a, 0x49, 0x44, 0x41, 0x54, 0x78,
    0x9c, 0x63, 0x68, 0x00, 0x00, 0x00, 0x82, 0x00, 0x81, 0x77, 0xcd, 0x72, 0xb6, 0x00,
    0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82};

constexpr absl::Duration kPatience = absl::Seconds(60);

// Asks for whatever the field's type accepts.
std::string ValueFor(const cw::FormField& field) {
  switch (field.type()) {
    case cw::FORM_FIELD_TYPE_NUMBER:
      return "80000";
    case cw::FORM_FIELD_TYPE_DATE:
      return "2025-09-24";
    case cw::FORM_FIELD_TYPE_PHONE:
      return "13800000000";
    default:
      return "如申请表所列";
  }
}

}  // namespace

cli::Identity Driver::Person(const std::string& unit, const std::string& kind,
                             const std::string& role) {
  cli::Identity identity;
  identity.principal.unit_id = unit;
  identity.principal.person_id = absl::StrCat(kind, "-", unit);
  identity.principal.roles = {role};
  return identity;
}

cli::Identity Driver::Worker(const std::string& unit, const std::string& worker_id) {
  cli::Identity identity = Person(unit, "worker", auth::kGridWorker);
  identity.principal.person_id = worker_id;
  return identity;
}

cli::Identity Driver::Operator() {
  cli::Identity identity = Person("", "operator", auth::kOperator);
  identity.principal.person_id = "operator";
  return identity;
}

// "yikou.intake.v1.GetCaseRequest" is asked of "intake", method "GetCase" of the one service of its
// file that has it.
std::string Driver::ServiceOf(const google::protobuf::Descriptor* request) {
  const std::vector<std::string> parts = absl::StrSplit(request->full_name(), '.');
  return parts[1];
}

std::string Driver::MethodOf(const google::protobuf::Descriptor* request) {
  const google::protobuf::FileDescriptor* file = request->file();
  for (int i = 0; i < file->service_count(); ++i) {
    for (int j = 0; j < file->service(i)->method_count(); ++j) {
      if (file->service(i)->method(j)->input_type() == request) {
        return file->service(i)->method(j)->full_name();
      }
    }
  }
  return "";
}

absl::StatusOr<std::string> Driver::Photo(const cli::Identity& clerk, const std::string& name) {
  const std::string key = absl::StrCat(clerk.principal.unit_id, "/", name);
  std::lock_guard<std::mutex> lock(mutex_);
  if (auto found = photos_.find(key); found != photos_.end()) return found->second;
  const std::string request_id = base::NewId(absl::Now());
  const absl::Time bound = absl::Now() + kCallPatience;
  while (true) {
    absl::StatusOr<std::string> id = Upload(clerk, name, request_id);
    if (id.ok()) return photos_[key] = *id;
    if (!absl::IsUnavailable(id.status()) || absl::Now() > bound) return id.status();
    absl::SleepFor(absl::Milliseconds(100));
  }
}

absl::StatusOr<std::string> Driver::Upload(const cli::Identity& clerk, const std::string& name,
                                           const std::string& request_id) {
  // The name makes the picture of each document another one.
  const std::string bytes =
      absl::StrCat(std::string(reinterpret_cast<const char*>(kPhoto), sizeof(kPhoto)), name);
  YK_ASSIGN_OR_RETURN(std::shared_ptr<grpc::Channel> channel, client_->ChannelTo("intake"));
  auto stub = intake::v1::IntakeService::NewStub(channel);
  grpc::ClientContext context;
  YK_RETURN_IF_ERROR(client_->Prepare(clerk, absl::Now() + absl::Seconds(20), &context));
  intake::v1::UploadMaterialResponse response;
  auto writer = stub->UploadMaterial(&context, &response);
  intake::v1::UploadMaterialRequest header;
  header.mutable_header()->set_file_name(absl::StrCat(name, ".png"));
  header.mutable_header()->set_media_type("image/png");
  header.mutable_header()->set_size_bytes(static_cast<int64_t>(bytes.size()));
  header.mutable_header()->set_sha256(base::ToHex(casework::Digest(bytes)));
  header.mutable_header()->set_request_id(request_id);
  intake::v1::UploadMaterialRequest chunk;
  chunk.set_chunk(bytes);
  const bool sent = writer->Write(header) && writer->Write(chunk) && writer->WritesDone();
  const absl::Status status = rpc::FromGrpc(writer->Finish());
  if (absl::IsCancelled(status)) return absl::UnavailableError(status.message());
  YK_RETURN_IF_ERROR(status);
  if (!sent) return absl::UnavailableError("The upload was cut off.");
  return response.material_id();
}

intake::v1::Application Driver::Applicant(const std::string& name, const std::string& home,
                                          int serial) {
  intake::v1::Application application;
  application.set_applicant_name(name);
  application.set_home_unit(home);
  application.set_address("网格内住址");
  const std::string stem =
      absl::StrFormat("%s19%02d%02d%02d%03d", home.substr(0, 6), 50 + serial % 45, 1 + serial % 12,
                      1 + serial % 28, serial % 1000);
  for (const char check : std::string("0123456789X")) {
    if (casework::CheckIdNumber(stem + check, absl::CivilDay(2100, 1, 1)).empty()) {
      application.set_id_number(stem + check);
    }
  }
  return application;
}

absl::Status Driver::HandIn(const cli::Identity& clerk, const cw::Item& item,
                            const std::vector<std::string>& without,
                            intake::v1::Application* application) {
  for (const cw::MaterialRule& rule : item.materials()) {
    if (std::find(without.begin(), without.end(), rule.code()) != without.end()) continue;
    intake::v1::MaterialRef* ref = application->add_materials();
    ref->set_code(rule.code());
    YK_ASSIGN_OR_RETURN(*ref->mutable_material_id(), Photo(clerk, rule.code()));
  }
  for (const cw::FormField& field : item.form()) {
    (*application->mutable_form())[field.name()] = ValueFor(field);
  }
  return absl::OkStatus();
}

absl::StatusOr<cw::Item> Driver::Item(const std::string& code) {
  intake::v1::GetItemRequest request;
  request.set_code(code);
  YK_ASSIGN_OR_RETURN(auto response, Call<intake::v1::GetItemResponse>(request, Operator()));
  return response.item();
}

absl::StatusOr<cw::CaseRecord> Driver::Case(const std::string& case_id) {
  intake::v1::GetCaseRequest request;
  request.set_case_id(case_id);
  YK_ASSIGN_OR_RETURN(auto response, Call<intake::v1::GetCaseResponse>(request, Operator()));
  return response.view().case_record();
}

absl::Status Driver::Until(const std::string& what,
                           const std::function<absl::StatusOr<bool>()>& done) {
  const absl::Time bound = absl::Now() + kPatience;
  while (absl::Now() < bound) {
    YK_ASSIGN_OR_RETURN(const bool reached, done());
    if (reached) return absl::OkStatus();
    absl::SleepFor(absl::Milliseconds(15));
  }
  return absl::DeadlineExceededError(absl::StrCat("After a minute still waiting for: ", what, "."));
}

absl::Status Driver::UntilState(const std::string& case_id, cw::CaseState state) {
  return Until(absl::StrCat("办件 ", case_id, " 进入“", casework::StateName(state), "”"),
               [&]() -> absl::StatusOr<bool> {
                 YK_ASSIGN_OR_RETURN(const cw::CaseRecord record, Case(case_id));
                 return record.state() == state;
               });
}

absl::StatusOr<approval::v1::WorkItem> Driver::WaitWork(const std::string& case_id,
                                                        const std::string& unit) {
  approval::v1::WorkItem found;
  YK_RETURN_IF_ERROR(
      Until(absl::StrCat("办件 ", case_id, " 到达 ", unit), [&]() -> absl::StatusOr<bool> {
        approval::v1::ListWorkRequest request;
        request.set_case_id(case_id);
        YK_ASSIGN_OR_RETURN(auto work,
                            Call<approval::v1::ListWorkResponse>(request, Officer(unit)));
        for (const approval::v1::WorkItem& item : work.items()) {
          if (item.step().unit_id() != unit) continue;
          found = item;
          return true;
        }
        return false;
      }));
  return found;
}

absl::StatusOr<int64_t> Driver::ProcessVersion(const std::string& case_id) {
  approval::v1::GetProcessRequest request;
  request.set_case_id(case_id);
  YK_ASSIGN_OR_RETURN(auto process, Call<approval::v1::GetProcessResponse>(request, Operator()));
  return process.view().process().version();
}

absl::Status Driver::Claim(const std::string& case_id, const std::string& unit) {
  YK_ASSIGN_OR_RETURN(const approval::v1::WorkItem item, WaitWork(case_id, unit));
  if (item.step().state() == cw::STEP_STATE_CLAIMED) return absl::OkStatus();
  auto claim = New<approval::v1::ClaimStepRequest>();
  claim.set_case_id(case_id);
  claim.set_step_id(item.step().step_id());
  claim.set_expected_version(item.process_version());
  return Call<approval::v1::ClaimStepResponse>(claim, Officer(unit)).status();
}

absl::Status Driver::Decide(const std::string& case_id, const std::string& unit,
                            cw::Decision decision, const std::string& opinion) {
  absl::Status status;
  // Officers of parallel branches meet: who comes second looks again, as a person would.
  for (int attempt = 0; attempt < 10; ++attempt) {
    status = Claim(case_id, unit);
    if (absl::IsAborted(status)) continue;
    YK_RETURN_IF_ERROR(status);
    YK_ASSIGN_OR_RETURN(const approval::v1::WorkItem item, WaitWork(case_id, unit));
    auto decide = New<approval::v1::DecideStepRequest>();
    decide.set_case_id(case_id);
    decide.set_step_id(item.step().step_id());
    decide.set_expected_version(item.process_version());
    decide.set_decision(decision);
    decide.set_opinion(opinion);
    status = Call<approval::v1::DecideStepResponse>(decide, Officer(unit)).status();
    if (!absl::IsAborted(status)) return status;
  }
  return status;
}

absl::Status Driver::Deliver(const std::string& case_id, const std::string& counter, int stars) {
  YK_RETURN_IF_ERROR(UntilState(case_id, cw::CASE_STATE_READY));
  YK_ASSIGN_OR_RETURN(cw::CaseRecord record, Case(case_id));
  auto deliver = New<intake::v1::DeliverCaseRequest>();
  deliver.set_case_id(case_id);
  deliver.set_expected_version(record.version());
  deliver.set_proof("本人签收");
  YK_ASSIGN_OR_RETURN(auto delivered,
                      Call<intake::v1::DeliverCaseResponse>(deliver, Clerk(counter)));
  if (stars == 0) return absl::OkStatus();
  auto rate = New<intake::v1::RateCaseRequest>();
  rate.set_case_id(case_id);
  rate.set_expected_version(delivered.view().case_record().version());
  rate.set_stars(stars);
  return Call<intake::v1::RateCaseResponse>(rate, Clerk(counter)).status();
}

absl::StatusOr<absl::Time> Driver::Now() {
  YK_ASSIGN_OR_RETURN(auto clock, client_->Call<cw::GetClockResponse>(
                                      "intake", "yikou.casework.v1.OperationsService.GetClock",
                                      cw::GetClockRequest(), Operator(), absl::Seconds(10)));
  return casework::FromProto(clock.now());
}

absl::Status Driver::SkipTo(absl::Time to) {
  YK_ASSIGN_OR_RETURN(const absl::Time now, Now());
  if (to <= now) return absl::OkStatus();
  const cli::ClockPort port = cli::PortOf(client_, Operator(), absl::Seconds(10));
  return cli::SkipClock(port, to - now, cli::SkipOptions()).status();
}

absl::Status Driver::Tell(Told* told) {
  YK_ASSIGN_OR_RETURN(const cw::CaseRecord record, Case(told->case_id));
  told->case_no = record.case_no();
  told->state = cw::CaseState_Name(record.state()).substr(sizeof("CASE_STATE_") - 1);
  told->outcome = record.kind() == cw::CASE_KIND_GRID_EVENT
                      ? cw::Outcome_Name(record.outcome()).substr(sizeof("OUTCOME_") - 1)
                      : cw::Decision_Name(record.decision()).substr(sizeof("DECISION_") - 1);
  if (told->outcome == "UNSPECIFIED") told->outcome.clear();
  routing::v1::GetCustodyRequest ask;
  ask.set_case_id(told->case_id);
  YK_ASSIGN_OR_RETURN(auto custody, Call<routing::v1::GetCustodyResponse>(ask, Operator()));
  told->hops = custody.custody().hops_size();
  told->hop_lines.clear();
  for (const routing::v1::Hop& hop : custody.custody().hops()) {
    told->hop_lines.push_back(
        absl::StrCat(hop.from_unit(), " -> ", hop.to_unit(), " (", hop.stream(), ")"));
  }
  reporting::v1::GetTimelineRequest timeline;
  timeline.set_case_id(told->case_id);
  YK_ASSIGN_OR_RETURN(auto line, Call<reporting::v1::GetTimelineResponse>(timeline, Operator()));
  told->lights.clear();
  for (const int light : line.figures().lights_seen()) {
    told->lights.push_back(
        cw::Light_Name(static_cast<cw::Light>(light)).substr(sizeof("LIGHT_") - 1));
  }
  std::set<std::string> crossed;
  told->streams.clear();
  auto cross = [&](const std::string& stream) {
    if (!stream.empty() && crossed.insert(stream).second) told->streams.push_back(stream);
  };
  for (const reporting::v1::TimelineEntry& entry : line.entries()) cross(entry.stream());
  routing::v1::ListOffersRequest offers;
  offers.set_case_id(told->case_id);
  YK_ASSIGN_OR_RETURN(auto listed, Call<routing::v1::ListOffersResponse>(offers, Operator()));
  for (const cw::Offer& offer : listed.offers()) {
    const std::string tier = offer.tier() == cw::TIER_DISTRICT ? "district"
                             : offer.tier() == cw::TIER_STREET ? "street"
                                                               : "community";
    cross(absl::StrCat("yikou:queue:", tier, ":", offer.service(), ":{0}"));
  }
  const reporting::v1::CaseFigures& f = line.figures();
  auto dwell = [&](const char* stage, bool both, const auto& from, const auto& to) {
    if (!both) return;
    told->dwell[stage] = absl::ToDoubleSeconds(casework::FromProto(to) - casework::FromProto(from));
  };
  dwell("intake", f.has_received_at() && f.has_accepted_at(), f.received_at(), f.accepted_at());
  dwell("approval", f.has_accepted_at() && f.has_decided_at(), f.accepted_at(), f.decided_at());
  dwell("return", f.has_decided_at() && f.has_ready_at(), f.decided_at(), f.ready_at());
  dwell("counter", f.has_ready_at() && f.has_delivered_at(), f.ready_at(), f.delivered_at());
  dwell("total", f.has_received_at() && f.has_delivered_at(), f.received_at(), f.delivered_at());
  return absl::OkStatus();
}

}  // namespace yikou::day

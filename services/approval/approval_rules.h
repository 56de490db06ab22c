// What approval decides from data alone: who may do what, when branches are joined, what a licence
// says. Pure; the texts are read by officers.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "libs/auth/principal.h"
#include "libs/casework/calendar.h"
#include "yikou/approval/v1/approval.pb.h"

namespace yikou::approval {

// Limits that no item sets.
casework::v1::Limit FieldLimit();                               // 3 working days
casework::v1::Limit DeliveryLimit();                            // 10 working days (Art. 44)
casework::v1::Limit StepLimit(const casework::v1::Item& item);  // the item's, or 3 working days

// What events say of a process, a step and a field request.
casework::v1::CaseFacts CaseFactsOf(const v1::Process& process);
casework::v1::StepFacts StepFactsOf(const v1::Branch& branch, const v1::Step& step);
// Without the finding, which stays out of events.
casework::v1::FieldRequest FieldFactsOf(const casework::v1::FieldRequest& field);

// OK when a process can be laid out by the route: branches and steps with ids of their own and
// units, each branch ending in a decision. INVALID_ARGUMENT names what is wrong.
absl::Status CheckRoute(const casework::v1::Route& route);
// Fills route and branches of a new process; every step waits.
void LayOut(const casework::v1::Route& route, v1::Process* process);
// Copies the clocks that came with the hand-over: those of the whole case go on, what the counter
// measured is over, and its one STEP clock is dropped for a clock for each step.
void TakeClocks(const casework::v1::CaseFacts& facts, absl::Time now, v1::Process* process);

// A step and where it stands; null when the process has no such step.
struct StepRef {
  v1::Branch* branch = nullptr;
  v1::Step* step = nullptr;
  int index = 0;  // in the branch
};
StepRef FindStep(v1::Process* process, absl::string_view step_id);
casework::v1::FieldRequest* FindField(v1::Process* process, absl::string_view field_id);

// Open or claimed: at its unit, to be worked on.
bool IsLive(const v1::Step& step);
// Asked and neither answered nor taken back.
bool IsOpen(const casework::v1::FieldRequest& field);

// What a step that was just done means for its branch: a rejection rejects it and cancels the steps
// after; the last step decides it; else the branch stays undecided.
void SettleBranch(const StepRef& done);

// What the branches come to. A rejection decides once the others that count are done; branches that
// are not mandatory do not count under ALL_MANDATORY. UNSPECIFIED while one is missing.
casework::v1::Decision Join(const v1::Process& process);

// Takes what gridtask tells of a request. False when it says nothing new: an answer that is late,
// repeated or about a request that was taken back.
bool FoldField(const casework::v1::FieldRequest& told, casework::v1::FieldRequest* own);

// True when an officer of `unit` works on steps of `step_unit`: the unit itself, or a body (centre,
// department) that sits at the division the step is for.
bool WorksAt(absl::string_view unit, absl::string_view step_unit);

// Authority. PERMISSION_DENIED: NO_AUTHORITY; SAME_PERSON when the caller accepted the case and the
// item does not leave the decision to the counter.
absl::Status CheckWorker(const auth::Principal& caller, const v1::Process& process,
                         const v1::Step& step);
// The caller works on a step that is open or claimed now.
absl::Status CheckAtWork(const auth::Principal& caller, const v1::Process& process);
// The caller is a supervisor of a unit that works on the process or leads it, or of one above.
absl::Status CheckDirects(const auth::Principal& caller, const v1::Process& process);
// The caller is a clerk of the counter that received the case, or of a unit above it.
absl::Status CheckReceiver(const auth::Principal& caller, const v1::Process& process);
// The same for the counter that received it and the one that delivers.
absl::Status CheckCounter(const auth::Principal& caller, const v1::Process& process);

// Guards. FAILED_PRECONDITION, GUARD_FAILED, names the guard and what to do.
absl::Status GuardClaim(const v1::Step& step);
// The step is claimed, by the caller unless a supervisor (PERMISSION_DENIED, NO_AUTHORITY).
absl::Status GuardClaimed(const auth::Principal& caller, const v1::Step& step);
absl::Status GuardNoOpenField(const v1::Process& process);
// `index` of the step in its branch: the first has nowhere to go back to.
absl::Status GuardSendBack(int index);
// `unit_id` is a community or grid below the division of the caller or of a step the caller works
// on.
absl::Status GuardFieldUnit(const auth::Principal& caller, const v1::Process& process,
                            const std::string& unit_id);
absl::Status GuardFieldOpen(const casework::v1::FieldRequest& field);
absl::Status GuardSuspension(const casework::v1::Item& item, const std::string& reason);
absl::Status GuardNotExtended(const v1::Process& process);
absl::Status GuardExtension(const casework::v1::Item& item, int add);
// All of `codes` are still missing.
absl::Status GuardSupply(const v1::Process& process, const std::vector<std::string>& codes);

// What this caller may do next; a blocked command says why.
std::vector<casework::v1::Action> ActionsOf(const auth::Principal& caller,
                                            const v1::Process& process);
// Branches whose step is late now, by name.
std::vector<std::string> LateBranches(const v1::Process& process,
                                      const casework::Calendar& calendar, absl::Time now);

// The text a seal is put on. It names the case by its number, never the applicant: who that is
// stands in the file that intake keeps under the number.
std::string LicenceText(const casework::v1::Item& item, const v1::Process& process,
                        absl::string_view licence_id, absl::string_view unit_name,
                        absl::CivilDay day);

}  // namespace yikou::approval

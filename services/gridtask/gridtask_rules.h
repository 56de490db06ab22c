// Decisions of gridtask that need only data: who is sent, who may act, what a field request allows.
// Pure: no store, no clock of their own.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "google/protobuf/repeated_ptr_field.h"
#include "libs/auth/principal.h"
#include "libs/casework/calendar.h"
#include "libs/casework/errors.h"
#include "yikou/casework/v1/casework.pb.h"
#include "yikou/gridtask/v1/gridtask.pb.h"

namespace yikou::gridtask {

inline constexpr int kMaxReturns = 2;
inline constexpr int kMaxWorkersInImport = 500;

// Limits of the clocks that no category sets.
casework::v1::Limit SignLimit(bool urgent);  // 1 hour; 10 minutes when urgent
casework::v1::Limit ContactLimit();          // 24 hours
casework::v1::Limit VerifyLimit();           // 24 hours, to look at a public report
casework::v1::Limit CheckLimit();            // 1 working day
casework::v1::Limit FieldLimit();            // 3 working days

// --- Dispatch (派遣) ---

// How near a worker is to a grid, nearest first.
enum class Binding { kBound, kBackup, kCommunity, kStreet };

// A worker who may be sent to a grid.
struct Candidate {
  v1::Worker worker;  // load filled in before LeastLoaded
  Binding binding = Binding::kStreet;
  bool on_duty = false;
};

// True from duty_from to before duty_to, local time; duty that ends before it begins goes on
// through midnight.
bool OnDuty(const v1::Worker& worker, absl::Time now);

// The workers of the nearest binding of whom somebody may be sent: of those on duty, or when nobody
// of the street is on duty, of all. Workers outside the grid's street who are no backup of it, and
// `returned_by`, who has asked for another assignee, are left out. Order is by worker id.
std::vector<Candidate> Shortlist(const std::vector<v1::Worker>& workers, absl::string_view grid_id,
                                 absl::string_view returned_by, absl::Time now);
// The one with the least load, the first by worker id among equals; null when there is none.
const Candidate* LeastLoaded(const std::vector<Candidate>& shortlist);
// Why this one, in Chinese, without personal data.
std::string DispatchReason(const Candidate& candidate);
// Ids of the backups of the workers bound to the grid.
std::vector<std::string> BackupsOf(const std::vector<v1::Worker>& workers,
                                   absl::string_view grid_id);

// --- Grid events ---

// Who may report where: a unit takes reports for the whole of its street, a unit above a street for
// all that lies below it, so that nobody who comes to a counter is sent to the next one.
absl::Status MayReport(const auth::Principal& principal, absl::string_view grid_id);

// Authority over one event: role, unit and person. PERMISSION_DENIED, NO_AUTHORITY or SAME_PERSON.
absl::Status MayTake(absl::string_view command, const v1::GridEvent& event,
                     const auth::Principal& principal);
// GUARD_FAILED once the event has been returned kMaxReturns times.
absl::Status CheckReturns(const v1::GridEvent& event);
// FAILED_PRECONDITION, GUARD_FAILED; `guard` names it in the metadata.
absl::Status GuardFailed(absl::string_view guard, absl::string_view why);

// Starts what runs from registration on: handling by the category's standard, and contact with the
// reporter.
void StartHandling(v1::GridEvent* event, const casework::v1::Limit& handle,
                   const casework::Calendar& calendar, absl::Time now);
// Starts handling again after a failed check, with the standard of the first time.
void RestartHandling(v1::GridEvent* event, const casework::Calendar& calendar, absl::Time now);
// Stops the clock of a purpose, if it is there.
void StopPurpose(v1::GridEvent* event, casework::v1::ClockPurpose purpose, absl::Time now);

// What the owner offers in the event's state, blocked further by MayTake and the guards.
std::vector<casework::v1::Action> ActionsFor(const v1::GridEvent& event,
                                             const auth::Principal& principal);

// What events say of a grid event.
casework::v1::CaseFacts FactsOf(const v1::GridEvent& event);

// --- Field requests (现场核查) ---

// One row of the lifecycle of a field request.
struct FieldTransition {
  const char* command;  // RPC name; in brackets what approval's events do
  std::vector<casework::v1::FieldState> from;
  casework::v1::FieldState to;
  const char* event;
};
// The row of a command for a state. FAILED_PRECONDITION, STATE_FORBIDS, names the state and the
// commands the state allows.
absl::StatusOr<const FieldTransition*> AllowedFieldCommand(absl::string_view command,
                                                           casework::v1::FieldState state);
// Commands a caller may give in a state.
std::vector<std::string> AllowedFieldCommands(casework::v1::FieldState state);

// True when a caller of `unit` has to do with a request to `field_unit`: the same, above or below.
bool NearField(absl::string_view field_unit, absl::string_view unit);
// Role and unit for a field request; after signing only who signed.
absl::Status MayWorkOn(const v1::FieldTask& task, const auth::Principal& principal);
// The request without its finding, as events carry it.
casework::v1::FieldRequest FieldFactsOf(const v1::FieldTask& task);

// --- Requests ---

// An empty id, or a version nobody can have seen.
void CheckTarget(absl::string_view field, const std::string& id, int64_t expected_version,
                 casework::Violations* violations);
// A text that is not clean UTF-8 or not `least` to `most` characters long.
void CheckText(absl::string_view field, const std::string& text, int least, int most,
               casework::Violations* violations);
// More than 20 digests, or one that is not 64 lower-case hex digits.
void CheckDigests(const google::protobuf::RepeatedPtrField<std::string>& digests,
                  casework::Violations* violations);
// Everything about a worker that needs no directory; `prefix` stands before the field names.
void CheckWorker(const v1::Worker& worker, absl::string_view prefix,
                 casework::Violations* violations);

// Reads deploy/data/directory/workers.csv: a header, then rows of exactly its columns without
// quotes. INVALID_ARGUMENT names the line.
absl::StatusOr<std::vector<v1::Worker>> ParseWorkers(absl::string_view csv);

}  // namespace yikou::gridtask

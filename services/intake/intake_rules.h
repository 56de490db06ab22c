// What intake decides without looking anything up. Pure.
#pragma once

#include <string>
#include <vector>

#include "libs/casework/calendar.h"
#include "libs/casework/errors.h"
#include "yikou/casework/v1/casework.pb.h"
#include "yikou/intake/v1/intake.pb.h"

namespace yikou::intake {

// Default limits of an application's clocks, where the item gives none (domain.md 3, 5).
casework::v1::Limit NoticeLimit();  // 5 working days (行政许可法 Art. 32)
casework::v1::Limit CorrectionLimit(const casework::v1::Item& item);
casework::v1::Limit SupplementLimit(const casework::v1::Item& item);
casework::v1::Limit CloseLimit();     // 1 working day
casework::v1::Limit RectifyLimit();   // 15 working days
casework::v1::Limit HandoverLimit();  // 2 hours for the next owner's first sign

// Adds every fault of what an applicant states, named below `prefix`.
void CheckApplication(const v1::Application& application, const casework::v1::Item& item,
                      absl::CivilDay today, const std::string& prefix,
                      casework::Violations* violations);
// Faults of form values alone; missing required ones too when `complete`.
void CheckForm(const google::protobuf::Map<std::string, std::string>& form,
               const casework::v1::Item& item, bool complete, const std::string& prefix,
               casework::Violations* violations);
// Faults of a material's header.
void CheckMaterialHeader(const v1::MaterialHeader& header, casework::Violations* violations);

inline constexpr int64_t kMaterialBytesMax = 20 << 20;

// Material codes of an application.
std::vector<std::string> CodesOf(const v1::Application& application);

// What events say of a record.
casework::v1::CaseFacts FactsOf(const casework::v1::CaseRecord& record);

// Starts the clocks of an accepted application: STATUTORY, PROMISED, and SUPPLEMENT when tolerant.
// `from` is now, or the receipt for a deemed acceptance.
void StartAcceptedClocks(const casework::v1::Item& item, const casework::Calendar& calendar,
                         absl::Time from, casework::v1::CaseRecord* record);

// Brings the view up to date with intake's own record, keeping what is mirrored from others.
void CopyOwn(const casework::v1::CaseRecord& own, casework::v1::CaseRecord* view);
// Folds the owner's event into the view; false when the view has that version already.
bool FoldOwner(const casework::v1::Event& event, casework::v1::CaseRecord* view);

}  // namespace yikou::intake

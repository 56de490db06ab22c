// The day's scenarios, one function each; rows P, A, X and D of the articles.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "services/cli/day/driver.h"

namespace yikou::day {

// Says what happens, for people.
using Say = std::function<void(const std::string&)>;

// a. 单身证明 at 和平社区, Pingfang: photographs, archive bureau, seal, delivered at the counter.
absl::StatusOr<Told> SingleStatus(Driver& driver, const Say& say);

// b. 小额担保贷款: the one that crosses the tiers. In two parts with days between them.
class GuaranteedLoan {
 public:
  explicit GuaranteedLoan(Driver* driver) : driver_(driver) {}
  absl::Status Begin(const Say& say);    // received, corrected, reviewed at the street, home visit
  absl::Status Suspend(const Say& say);  // at the district: suspended for an inspection
  absl::Status Resume(const Say& say);
  absl::StatusOr<Told> Finish(const Say& say);  // yellow by now: explained, decided, delivered

 private:
  absl::Status AskForVisit(std::string* task_id);
  Driver* driver_;
  Told told_;
};

// c. 金龙熙's house, Acheng: four departments in parallel, one of them late.
class House {
 public:
  explicit House(Driver* driver) : driver_(driver) {}
  absl::Status Begin(const Say& say);           // three departments decide
  absl::StatusOr<Told> Finish(const Say& say);  // the late one does, and all finish together

 private:
  Driver* driver_;
  Told told_;
};

// d. 停水 at 龙鑫社区: the seven-stage loop.
absl::StatusOr<Told> WaterCut(Driver& driver, const Say& say);

// e. Filed at another community of the same street; and one refused with what to bring.
absl::StatusOr<Told> Anywhere(Driver& driver, const Say& say);
absl::StatusOr<Told> Refused(Driver& driver, const Say& say);

// f. `count` applications drawn from the catalogue across the districts, decided and delivered.
// `progress` is called with how many are done. Returns their case ids.
absl::StatusOr<std::vector<std::string>> Crowd(Driver& driver, int count,
                                               const std::function<void(int)>& progress);

}  // namespace yikou::day

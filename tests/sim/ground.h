// What every run stands on, made once: reference data of one street, keys of the seals, and the
// disks of services that have read it.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "services/approval/seal_register.h"
#include "tests/sim/sim_disk.h"
#include "tests/support/temp_dir.h"

namespace yikou::sim {

class Ground {
 public:
  // Failures are std::runtime_error.
  Ground();

  const std::string& path() const { return dir_.path(); }
  std::string calendar() const;
  const approval::SealRegister& seals() const { return seals_; }
  const SimDisk::Files& disk(const std::string& service) const { return disks_.at(service); }
  // A material every counter may hand in.
  const std::string& material() const { return material_; }
  // When the runs begin.
  absl::Time start() const { return start_; }

 private:
  void CopyData();
  void LoadSeals();
  void Settle();

  test::TempDir dir_;
  DiskVfs vfs_;
  approval::SealRegister seals_;
  std::map<std::string, SimDisk::Files> disks_;
  std::string material_;
  absl::Time start_;
};

}  // namespace yikou::sim

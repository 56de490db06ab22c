// A disk in memory, below real SQLite. It keeps what was synced; what was not may be lost when the
// power fails, write by write; and it fills up or breaks when told to.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace yikou::sim {

struct DiskFile;

// What one process sees of a disk. A cut mount serves nobody any more: its process is dead.
struct Mount {
  bool cut = false;
  bool full = false;  // writes that need room are refused
};

// The files below one path. Threads: any, where the disk is not cut.
class SimDisk {
 public:
  using Files = std::map<std::string, std::string>;  // name behind the path to bytes

  explicit SimDisk(std::string path);
  ~SimDisk();
  SimDisk(const SimDisk&) = delete;
  SimDisk& operator=(const SimDisk&) = delete;

  // Ends the process that uses the disk. Files stay as its last write left them.
  void Kill();
  // The same by a power cut: of the writes since a file's last sync each is kept or lost as `keep`
  // draws.
  void CutPower(const std::function<bool()>& keep);
  void SetFull(bool full) { mount_->full = full; }

  Files Copy() const;
  void Load(const Files& files);

 private:
  friend struct DiskTable;
  void CutMount();

  const std::string path_;
  std::shared_ptr<Mount> mount_ = std::make_shared<Mount>();
  std::map<std::string, std::shared_ptr<DiskFile>> files_;
};

// While it lives, SQLite opens files below the path of a disk there, all others where they are.
class DiskVfs {
 public:
  DiskVfs();
  ~DiskVfs();
  DiskVfs(const DiskVfs&) = delete;
  DiskVfs& operator=(const DiskVfs&) = delete;
};

}  // namespace yikou::sim

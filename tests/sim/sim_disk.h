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
};

// The files below one path. Threads: any, where the disk is not cut.
class SimDisk {
 public:
  using Files = std::map<std::string, std::string>;  // name behind the path to bytes

  explicit SimDisk(std::string path);
  ~SimDisk();
  SimDisk(const SimDisk&) = delete;
  SimDisk& operator=(const SimDisk&) = delete;

  // Names the process that opens a file just now; several may share the disk.
  void set_opener(std::function<std::string()> opener) { opener_ = std::move(opener); }
  // Ends one process that uses the disk. Files stay as its last write left them, its locks go.
  void Kill(const std::string& process);
  // Ends all of them by a power cut: of the writes since a file's last sync each is kept or lost as
  // `keep` draws.
  void CutPower(const std::function<bool()>& keep);
  // While it is full, writes are refused.
  void SetFull(bool full) { full_ = full; }

  Files Copy() const;
  void Load(const Files& files);

 private:
  friend struct DiskTable;
  void Cut(Mount* mount);

  const std::string path_;
  std::function<std::string()> opener_ = [] { return std::string(); };
  std::map<std::string, std::shared_ptr<Mount>> mounts_;  // by process
  bool full_ = false;
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

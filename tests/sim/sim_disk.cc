#include "tests/sim/sim_disk.h"

#include <sqlite3.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "absl/strings/match.h"

namespace yikou::sim {

namespace {

constexpr int kShmLocks = 8;

// Something done to a file since its last sync.
struct Op {
  size_t offset;
  std::string before;  // bytes that were there
  std::string after;   // bytes written; a truncation writes none
  size_t size_before;
};

}  // namespace

// One file, with the shared memory and the locks of the connections that have it open.
struct DiskFile {
  std::mutex mutex;
  std::string bytes;
  std::vector<Op> unsynced;
  // Database locks (as unix files have them) and locks of the shared memory.
  int shared = 0;
  const void* reserved = nullptr;
  const void* exclusive = nullptr;
  std::vector<void*> handles;  // open ones
  std::vector<std::unique_ptr<char[]>> shm;
  int shm_users = 0;
  int shm_shared[kShmLocks] = {};
  const void* shm_exclusive[kShmLocks] = {};

  void Write(size_t offset, const char* data, size_t size) {
    Op op{offset, "", std::string(data, size), bytes.size()};
    if (offset < bytes.size()) op.before = bytes.substr(offset, size);
    unsynced.push_back(std::move(op));
    if (bytes.size() < offset + size) bytes.resize(offset + size, '\0');
    std::memcpy(bytes.data() + offset, data, size);
  }
  void Truncate(size_t size) {
    if (size >= bytes.size()) return;
    unsynced.push_back({size, bytes.substr(size), "", bytes.size()});
    bytes.resize(size);
  }
  // Takes back everything since the last sync and does again what `keep` lets stand.
  void LoseUnsynced(const std::function<bool()>& keep) {
    std::vector<Op> ops = std::exchange(unsynced, {});
    for (auto op = ops.rbegin(); op != ops.rend(); ++op) {
      bytes.resize(op->size_before, '\0');
      std::copy(op->before.begin(), op->before.end(),
                bytes.begin() + static_cast<long>(op->offset));
    }
    for (const Op& op : ops) {
      if (!keep()) continue;
      if (op.after.empty()) {
        bytes.resize(std::min(bytes.size(), op.offset));
      } else {
        if (bytes.size() < op.offset + op.after.size()) {
          bytes.resize(op.offset + op.after.size(), '\0');
        }
        std::copy(op.after.begin(), op.after.end(), bytes.begin() + static_cast<long>(op.offset));
      }
    }
  }
};

// The disks there are, and SQLite's way to their files.
struct DiskTable {
  static std::mutex& Mutex() {
    static auto* mutex = new std::mutex;
    return *mutex;
  }
  static std::map<std::string, SimDisk*>& Disks() {
    static auto* disks = new std::map<std::string, SimDisk*>;
    return *disks;
  }
  // The disk of a file, and the file's name on it.
  static SimDisk* Of(const std::string& path, std::string* name) {
    for (const auto& [prefix, disk] : Disks()) {
      if (!absl::StartsWith(path, prefix)) continue;
      *name = path.substr(prefix.size());
      return disk;
    }
    return nullptr;
  }

  // An open file as SQLite sees it.
  struct Handle {
    sqlite3_file base;
    DiskFile* file;
    Mount* mount;
    const bool* full;
    int lock;
    bool shm_mapped;
    unsigned shm_shared;  // locks of the shared memory it holds, a bit each
    unsigned shm_exclusive;
    std::shared_ptr<DiskFile>* keep_file;
    std::shared_ptr<Mount>* keep_mount;
  };
  static Handle* Of(sqlite3_file* file) { return reinterpret_cast<Handle*>(file); }

  // Gives back every lock, as the system does for a process that ends.
  static void Release(Handle* own) {
    DiskFile& shared = *own->file;
    if (own->lock >= SQLITE_LOCK_SHARED) --shared.shared;
    if (shared.reserved == own) shared.reserved = nullptr;
    if (shared.exclusive == own) shared.exclusive = nullptr;
    own->lock = SQLITE_LOCK_NONE;
    for (int i = 0; i < kShmLocks; ++i) {
      if ((own->shm_shared >> i & 1u) != 0) --shared.shm_shared[i];
      if (shared.shm_exclusive[i] == own) shared.shm_exclusive[i] = nullptr;
    }
    own->shm_shared = own->shm_exclusive = 0;
    if (own->shm_mapped && --shared.shm_users == 0) shared.shm.clear();
    own->shm_mapped = false;
  }
  static int Close(sqlite3_file* file) {
    Handle* own = Of(file);
    {
      std::lock_guard<std::mutex> lock(own->file->mutex);
      Release(own);
      auto& handles = own->file->handles;
      handles.erase(std::remove(handles.begin(), handles.end(), own), handles.end());
    }
    delete own->keep_file;
    delete own->keep_mount;
    return SQLITE_OK;
  }
  static int Read(sqlite3_file* file, void* to, int size, sqlite3_int64 offset) {
    Handle* own = Of(file);
    if (own->mount->cut) return SQLITE_IOERR_READ;
    std::lock_guard<std::mutex> lock(own->file->mutex);
    const std::string& bytes = own->file->bytes;
    const size_t begin = static_cast<size_t>(offset);
    const size_t there =
        begin >= bytes.size() ? 0 : std::min(bytes.size() - begin, static_cast<size_t>(size));
    if (there > 0) std::memcpy(to, bytes.data() + begin, there);
    if (there == static_cast<size_t>(size)) return SQLITE_OK;
    std::memset(static_cast<char*>(to) + there, 0, static_cast<size_t>(size) - there);
    return SQLITE_IOERR_SHORT_READ;
  }
  static int Write(sqlite3_file* file, const void* from, int size, sqlite3_int64 offset) {
    Handle* own = Of(file);
    if (own->mount->cut) return SQLITE_IOERR_WRITE;
    if (*own->full) return SQLITE_FULL;
    std::lock_guard<std::mutex> lock(own->file->mutex);
    own->file->Write(static_cast<size_t>(offset), static_cast<const char*>(from),
                     static_cast<size_t>(size));
    return SQLITE_OK;
  }
  static int Truncate(sqlite3_file* file, sqlite3_int64 size) {
    Handle* own = Of(file);
    if (own->mount->cut) return SQLITE_IOERR_TRUNCATE;
    std::lock_guard<std::mutex> lock(own->file->mutex);
    own->file->Truncate(static_cast<size_t>(size));
    return SQLITE_OK;
  }
  static int Sync(sqlite3_file* file, int) {
    Handle* own = Of(file);
    if (own->mount->cut) return SQLITE_IOERR_FSYNC;
    std::lock_guard<std::mutex> lock(own->file->mutex);
    own->file->unsynced.clear();
    return SQLITE_OK;
  }
  static int FileSize(sqlite3_file* file, sqlite3_int64* size) {
    Handle* own = Of(file);
    if (own->mount->cut) return SQLITE_IOERR_FSTAT;
    std::lock_guard<std::mutex> lock(own->file->mutex);
    *size = static_cast<sqlite3_int64>(own->file->bytes.size());
    return SQLITE_OK;
  }

  static int Lock(sqlite3_file* file, int level) {
    Handle* own = Of(file);
    DiskFile& shared = *own->file;
    if (own->mount->cut) return SQLITE_IOERR_LOCK;
    std::lock_guard<std::mutex> lock(shared.mutex);
    if (level <= own->lock) return SQLITE_OK;
    const bool others_exclusive = shared.exclusive != nullptr && shared.exclusive != own;
    if (others_exclusive) return SQLITE_BUSY;
    if (level == SQLITE_LOCK_SHARED) {
      ++shared.shared;
    } else {
      if (shared.reserved != nullptr && shared.reserved != own) return SQLITE_BUSY;
      shared.reserved = own;
      if (level == SQLITE_LOCK_EXCLUSIVE) {
        if (shared.shared > 1) return SQLITE_BUSY;
        shared.exclusive = own;
      }
    }
    own->lock = level;
    return SQLITE_OK;
  }
  static int Unlock(sqlite3_file* file, int level) {
    Handle* own = Of(file);
    DiskFile& shared = *own->file;
    std::lock_guard<std::mutex> lock(shared.mutex);
    if (level >= own->lock) return SQLITE_OK;
    if (shared.exclusive == own) shared.exclusive = nullptr;
    if (shared.reserved == own) shared.reserved = nullptr;
    if (level == SQLITE_LOCK_NONE && own->lock >= SQLITE_LOCK_SHARED) --shared.shared;
    own->lock = level;
    return SQLITE_OK;
  }
  static int CheckReserved(sqlite3_file* file, int* result) {
    std::lock_guard<std::mutex> lock(Of(file)->file->mutex);
    *result = Of(file)->file->reserved != nullptr ? 1 : 0;
    return SQLITE_OK;
  }

  static int ShmMap(sqlite3_file* file, int region, int size, int extend, void volatile** to) {
    Handle* own = Of(file);
    DiskFile& shared = *own->file;
    if (own->mount->cut) return SQLITE_IOERR_SHMMAP;
    std::lock_guard<std::mutex> lock(shared.mutex);
    if (!own->shm_mapped) {
      own->shm_mapped = true;
      ++shared.shm_users;
    }
    *to = nullptr;
    while (static_cast<int>(shared.shm.size()) <= region) {
      if (extend == 0) return SQLITE_OK;
      shared.shm.push_back(std::make_unique<char[]>(static_cast<size_t>(size)));
    }
    *to = shared.shm[static_cast<size_t>(region)].get();
    return SQLITE_OK;
  }
  static int ShmLock(sqlite3_file* file, int first, int count, int flags) {
    Handle* own = Of(file);
    DiskFile& shared = *own->file;
    std::lock_guard<std::mutex> lock(shared.mutex);
    const bool exclusive = (flags & SQLITE_SHM_EXCLUSIVE) != 0;
    const bool takes = (flags & SQLITE_SHM_LOCK) != 0;
    if (takes && own->mount->cut) return SQLITE_IOERR_SHMLOCK;
    for (int i = first; i < first + count && takes; ++i) {
      const bool taken = shared.shm_exclusive[i] != nullptr && shared.shm_exclusive[i] != own;
      if (taken || (exclusive && shared.shm_shared[i] > 0)) return SQLITE_BUSY;
    }
    for (int i = first; i < first + count; ++i) {
      const unsigned bit = 1u << i;
      unsigned& held = exclusive ? own->shm_exclusive : own->shm_shared;
      if (((held & bit) != 0) == takes) continue;
      held ^= bit;
      if (exclusive) {
        shared.shm_exclusive[i] = takes ? own : nullptr;
      } else {
        shared.shm_shared[i] += takes ? 1 : -1;
      }
    }
    return SQLITE_OK;
  }
  static void ShmBarrier(sqlite3_file* file) {
    std::lock_guard<std::mutex> lock(Of(file)->file->mutex);
  }
  static int ShmUnmap(sqlite3_file* file, int) {
    Handle* own = Of(file);
    DiskFile& shared = *own->file;
    std::lock_guard<std::mutex> lock(shared.mutex);
    if (!own->shm_mapped) return SQLITE_OK;
    own->shm_mapped = false;
    if (--shared.shm_users == 0) shared.shm.clear();
    return SQLITE_OK;
  }
  static int Control(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
  static int SectorSize(sqlite3_file*) { return 4096; }
  static int Characteristics(sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; }

  static int Open(sqlite3_vfs*, sqlite3_filename path, sqlite3_file* file, int flags, int* out) {
    std::string name;
    std::lock_guard<std::mutex> lock(Mutex());
    SimDisk* disk = path == nullptr ? nullptr : Of(std::string(path), &name);
    if (disk == nullptr) return real->xOpen(real, path, file, flags, out);
    Handle* own = Of(file);
    own->base.pMethods = nullptr;
    std::shared_ptr<DiskFile>& stored = disk->files_[name];
    if (stored == nullptr) {
      if ((flags & SQLITE_OPEN_CREATE) == 0) {
        disk->files_.erase(name);
        return SQLITE_CANTOPEN;
      }
      stored = std::make_shared<DiskFile>();
    }
    own->keep_file = new std::shared_ptr<DiskFile>(stored);
    std::shared_ptr<Mount>& mount = disk->mounts_[disk->opener_()];
    if (mount == nullptr) mount = std::make_shared<Mount>();
    own->keep_mount = new std::shared_ptr<Mount>(mount);
    own->file = stored.get();
    own->mount = mount.get();
    own->full = &disk->full_;
    own->lock = SQLITE_LOCK_NONE;
    own->shm_mapped = false;
    own->shm_shared = own->shm_exclusive = 0;
    {
      std::lock_guard<std::mutex> lock(stored->mutex);
      stored->handles.push_back(own);
    }
    own->base.pMethods = &methods;
    if (out != nullptr) *out = flags;
    return SQLITE_OK;
  }
  static int Delete(sqlite3_vfs*, const char* path, int sync) {
    std::string name;
    std::lock_guard<std::mutex> lock(Mutex());
    SimDisk* disk = Of(std::string(path), &name);
    if (disk == nullptr) return real->xDelete(real, path, sync);
    return disk->files_.erase(name) > 0 ? SQLITE_OK : SQLITE_IOERR_DELETE_NOENT;
  }
  static int Access(sqlite3_vfs*, const char* path, int flags, int* result) {
    std::string name;
    std::lock_guard<std::mutex> lock(Mutex());
    SimDisk* disk = Of(std::string(path), &name);
    if (disk == nullptr) return real->xAccess(real, path, flags, result);
    const auto found = disk->files_.find(name);
    *result = found != disk->files_.end() ? 1 : 0;
    return SQLITE_OK;
  }

  static sqlite3_vfs* real;
  static sqlite3_vfs mine;
  static const sqlite3_io_methods methods;
};

sqlite3_vfs* DiskTable::real = nullptr;
sqlite3_vfs DiskTable::mine;
const sqlite3_io_methods DiskTable::methods = {.iVersion = 2,
                                               .xClose = DiskTable::Close,
                                               .xRead = DiskTable::Read,
                                               .xWrite = DiskTable::Write,
                                               .xTruncate = DiskTable::Truncate,
                                               .xSync = DiskTable::Sync,
                                               .xFileSize = DiskTable::FileSize,
                                               .xLock = DiskTable::Lock,
                                               .xUnlock = DiskTable::Unlock,
                                               .xCheckReservedLock = DiskTable::CheckReserved,
                                               .xFileControl = DiskTable::Control,
                                               .xSectorSize = DiskTable::SectorSize,
                                               .xDeviceCharacteristics = DiskTable::Characteristics,
                                               .xShmMap = DiskTable::ShmMap,
                                               .xShmLock = DiskTable::ShmLock,
                                               .xShmBarrier = DiskTable::ShmBarrier,
                                               .xShmUnmap = DiskTable::ShmUnmap,
                                               .xFetch = nullptr,
                                               .xUnfetch = nullptr};

DiskVfs::DiskVfs() {
  DiskTable::real = sqlite3_vfs_find(nullptr);
  DiskTable::mine = *DiskTable::real;
  DiskTable::mine.zName = "sim";
  DiskTable::mine.szOsFile =
      std::max(DiskTable::real->szOsFile, static_cast<int>(sizeof(DiskTable::Handle)));
  DiskTable::mine.xOpen = DiskTable::Open;
  DiskTable::mine.xDelete = DiskTable::Delete;
  DiskTable::mine.xAccess = DiskTable::Access;
  if (sqlite3_vfs_register(&DiskTable::mine, 1) != SQLITE_OK) throw std::runtime_error("no VFS");
}

DiskVfs::~DiskVfs() {
  sqlite3_vfs_unregister(&DiskTable::mine);
  sqlite3_vfs_register(DiskTable::real, 1);
}

SimDisk::SimDisk(std::string path) : path_(std::move(path)) {
  std::lock_guard<std::mutex> lock(DiskTable::Mutex());
  DiskTable::Disks()[path_] = this;
}

SimDisk::~SimDisk() {
  std::lock_guard<std::mutex> lock(DiskTable::Mutex());
  DiskTable::Disks().erase(path_);
}

// The process is gone: what it still calls is refused, and its locks are given back.
void SimDisk::Cut(Mount* mount) {
  mount->cut = true;
  for (auto& [name, file] : files_) {
    std::lock_guard<std::mutex> lock(file->mutex);
    for (void* handle : file->handles) {
      auto* own = static_cast<DiskTable::Handle*>(handle);
      if (own->mount == mount) DiskTable::Release(own);
    }
  }
}

void SimDisk::Kill(const std::string& process) {
  const auto mount = mounts_.find(process);
  if (mount == mounts_.end()) return;
  Cut(mount->second.get());
  mounts_.erase(mount);
}

void SimDisk::CutPower(const std::function<bool()>& keep) {
  for (auto& [process, mount] : mounts_) Cut(mount.get());
  mounts_.clear();
  for (auto& [name, file] : files_) file->LoseUnsynced(keep);
}

SimDisk::Files SimDisk::Copy() const {
  Files files;
  for (const auto& [name, file] : files_) files[name] = file->bytes;
  return files;
}

void SimDisk::Load(const Files& files) {
  for (const auto& [name, bytes] : files) {
    auto file = std::make_shared<DiskFile>();
    file->bytes = bytes;
    files_[name] = std::move(file);
  }
}

}  // namespace yikou::sim

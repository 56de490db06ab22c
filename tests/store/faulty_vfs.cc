#include "tests/store/faulty_vfs.h"

#include <sqlite3.h>

#include <atomic>
#include <list>
#include <mutex>
#include <stdexcept>

namespace yikou::test {
namespace {

// A table of file operations with two of them replaced. First: the copy, which a file points to.
struct Methods {
  sqlite3_io_methods mine;
  const sqlite3_io_methods* real;
};

std::atomic<int> g_fault{-1};  // a Fault, or -1
std::atomic<int> g_good{0};
std::atomic<int> g_refused{0};

sqlite3_vfs* g_real = nullptr;
sqlite3_vfs g_mine;
std::mutex g_mutex;
std::list<Methods>& AllMethods() {
  static auto* methods = new std::list<Methods>;
  return *methods;
}

const sqlite3_io_methods* RealOf(sqlite3_file* file) {
  return reinterpret_cast<const Methods*>(file->pMethods)->real;
}

bool Refuses(FaultyVfs::Fault fault) {
  if (g_fault != static_cast<int>(fault) || g_good.fetch_sub(1) > 0) return false;
  g_refused += 1;
  return true;
}

int Write(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset) {
  if (Refuses(FaultyVfs::Fault::kFull)) return SQLITE_FULL;
  if (Refuses(FaultyVfs::Fault::kWriteError)) return SQLITE_IOERR_WRITE;
  return RealOf(file)->xWrite(file, data, size, offset);
}

int Sync(sqlite3_file* file, int flags) {
  if (Refuses(FaultyVfs::Fault::kSyncError)) return SQLITE_IOERR_FSYNC;
  return RealOf(file)->xSync(file, flags);
}

// The file is SQLite's own kind of file; only its table of operations is exchanged.
int Open(sqlite3_vfs*, sqlite3_filename name, sqlite3_file* file, int flags, int* out_flags) {
  const int code = g_real->xOpen(g_real, name, file, flags, out_flags);
  if (code != SQLITE_OK || file->pMethods == nullptr) return code;
  std::lock_guard<std::mutex> lock(g_mutex);
  for (Methods& methods : AllMethods()) {
    if (methods.real == file->pMethods) {
      file->pMethods = &methods.mine;
      return code;
    }
  }
  Methods& methods = AllMethods().emplace_back(Methods{*file->pMethods, file->pMethods});
  methods.mine.xWrite = Write;
  methods.mine.xSync = Sync;
  file->pMethods = &methods.mine;
  return code;
}

}  // namespace

FaultyVfs::FaultyVfs() {
  Mend();
  g_real = sqlite3_vfs_find(nullptr);
  g_mine = *g_real;
  g_mine.zName = "faulty";
  g_mine.xOpen = Open;
  if (sqlite3_vfs_register(&g_mine, 1) != SQLITE_OK) throw std::runtime_error("no VFS");
}

FaultyVfs::~FaultyVfs() {
  Mend();
  sqlite3_vfs_unregister(&g_mine);
  sqlite3_vfs_register(g_real, 1);
}

void FaultyVfs::Break(Fault fault, int good) {
  g_good = good;
  g_refused = 0;
  g_fault = static_cast<int>(fault);
}

void FaultyVfs::Mend() { g_fault = -1; }

int FaultyVfs::refused() const { return g_refused; }

}  // namespace yikou::test

// SQLite on a disk that fills up or breaks when the test says so.
#pragma once

namespace yikou::test {

// While one exists, files that SQLite opens go through it; those opened before do not. One at a
// time. Make it before the store and let it go after.
class FaultyVfs {
 public:
  enum class Fault {
    kFull,        // a write finds no space
    kWriteError,  // a write fails
    kSyncError,   // the disk does not confirm what was written
  };

  FaultyVfs();
  ~FaultyVfs();
  FaultyVfs(const FaultyVfs&) = delete;
  FaultyVfs& operator=(const FaultyVfs&) = delete;

  // After `good` more operations of the fault's kind all of them fail, until Mend.
  void Break(Fault fault, int good);
  void Mend();
  // Operations refused since the last Break.
  int refused() const;
};

}  // namespace yikou::test

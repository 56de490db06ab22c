// A directory of the test's own.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace yikou::test {

// Made under $TMPDIR or /tmp; removed with all it holds when it goes out of scope.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }
  // Returns the path of `name` in the directory; makes nothing.
  std::string File(absl::string_view name) const;
  // Writes a file, over what it held before, and returns its path.
  std::string Write(absl::string_view name, absl::string_view content) const;

 private:
  std::string path_;
};

}  // namespace yikou::test

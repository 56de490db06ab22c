#include "tests/support/temp_dir.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace yikou::test {

TempDir::TempDir() {
  const char* base = std::getenv("TMPDIR");
  path_ = absl::StrCat(base != nullptr && *base != '\0' ? base : "/tmp", "/yikou-test-XXXXXX");
  if (mkdtemp(path_.data()) == nullptr) {
    throw std::runtime_error(absl::StrCat("no directory can be made like ", path_));
  }
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TempDir::File(absl::string_view name) const { return absl::StrCat(path_, "/", name); }

std::string TempDir::Write(absl::string_view name, absl::string_view content) const {
  const std::string path = File(name);
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(content.data(), content.size());
  file.close();
  if (!file) throw std::runtime_error(absl::StrCat("cannot write ", path));
  return path;
}

}  // namespace yikou::test

// Where a record can be kept. The suites of this folder run on every backend of this list.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "libs/store/store.h"

namespace yikou::test {

// One database of the test's own, and the ways around the store that an intruder, an operator or
// another process has. Failures are std::runtime_error with a sentence. Threads: one at a time.
class Backend {
 public:
  virtual ~Backend() = default;

  // Opens the database, always the same one, as a service does.
  virtual absl::StatusOr<std::unique_ptr<store::Store>> Open() = 0;

  // Runs SQL behind the store's back.
  virtual void Execute(const std::string& sql) = 0;
  // The first column of the first row; "" when there is none.
  virtual std::string Ask(const std::string& sql) = 0;
  // Bytes as they are written in SQL.
  virtual std::string Literal(absl::string_view bytes) const = 0;

  // Keeps every commit waiting, as a long write does, until the handle goes; at most 2 seconds.
  virtual std::shared_ptr<void> HoldWriters() = 0;
};

struct BackendFactory {
  std::string name;
  std::function<std::unique_ptr<Backend>()> make;
};

// Every backend there is; a new one is a line here.
std::vector<BackendFactory> Backends();

}  // namespace yikou::test

// The shape of the code: who may know whom, where foreign libraries stand, how long things get.
//
// A rule that turns out wrong is changed here, with its reason; it is never worked around.
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "catch2/catch.hpp"
#include "tests/tidy/source_tree.h"

namespace yikou::tidy {
namespace {

constexpr int kFunctionWarn = 60;
constexpr int kFunctionFail = 100;
constexpr int kFileWarn = 400;
constexpr int kFileFail = 600;

using Names = std::set<std::string>;

// base <- casework <- store, queue <- app <- services; base <- telemetry, auth <- rpc <- app.
const std::map<std::string, Names>& Layers() {
  static const auto* const layers = new std::map<std::string, Names>{
      {"base", {"base"}},
      {"casework", {"base", "casework"}},
      {"store", {"base", "casework", "store"}},
      {"queue", {"base", "casework", "queue"}},
      {"telemetry", {"base", "telemetry"}},
      {"auth", {"base", "auth"}},
      {"rpc", {"base", "telemetry", "auth", "rpc"}},
      {"app", {"base", "casework", "store", "queue", "telemetry", "auth", "rpc", "app"}},
  };
  return *layers;
}

// "store" for "libs/store/work.h", "" for what lies elsewhere.
std::string PartBelow(const std::string& folder, const std::string& path) {
  const std::vector<std::string> parts = absl::StrSplit(path, '/');
  return parts.size() > 2 && parts[0] == folder ? parts[1] : "";
}

// Errors are built from the vocabulary of the domain and sent by rpc: the one header both share.
bool IsErrorModel(const std::string& from, const std::string& include) {
  return from == "rpc" && include == "libs/casework/errors.h";
}

TEST_CASE("a library includes only what lies below it") {
  std::vector<std::string> violations;
  for (const SourceFile* file : CppFiles()) {
    const std::string own = PartBelow("libs", file->path);
    if (own.empty()) continue;
    const auto allowed = Layers().find(own);
    if (allowed == Layers().end()) {
      violations.push_back(At(*file, 1, "libs/" + own + " is not in the list of layers"));
      continue;
    }
    for (const Include& include : IncludesOf(*file)) {
      const std::string other = PartBelow("libs", include.path);
      const bool known = other.empty() || allowed->second.count(other) > 0;
      if (!known && !IsErrorModel(own, include.path)) {
        violations.push_back(At(*file, include.line, own + " may not include " + include.path));
      }
      if (absl::StartsWith(include.path, "services/")) {
        violations.push_back(At(*file, include.line, "a library includes " + include.path));
      }
    }
  }
  Expect(violations);
}

TEST_CASE("a service includes no other service, and the client none") {
  std::vector<std::string> violations;
  for (const SourceFile* file : CppFiles()) {
    const std::string own = PartBelow("services", file->path);
    if (own.empty()) continue;
    for (const Include& include : IncludesOf(*file)) {
      const std::string other = PartBelow("services", include.path);
      const bool shared = other == "common" && own != "cli";
      if (other.empty() || other == own || shared) continue;
      violations.push_back(At(*file, include.line, own + " may not include " + include.path));
    }
  }
  Expect(violations);
}

TEST_CASE("the client knows the API and nothing of what is behind it") {
  std::vector<std::string> violations;
  const Names allowed = {"base", "casework", "auth", "rpc", "telemetry"};
  for (const SourceFile* file : ShippedFiles()) {
    if (!file->Below("services/cli")) continue;
    for (const Include& include : IncludesOf(*file)) {
      const std::string lib = PartBelow("libs", include.path);
      if (lib.empty() || allowed.count(lib) > 0) continue;
      violations.push_back(At(*file, include.line, "the client includes " + include.path));
    }
  }
  Expect(violations);
}

TEST_CASE("nothing that is shipped includes a test") {
  std::vector<std::string> violations;
  for (const SourceFile* file : ShippedFiles()) {
    for (const Include& include : IncludesOf(*file)) {
      if (absl::StartsWith(include.path, "tests/") || absl::EndsWith(include.path, "_test.h") ||
          absl::StartsWith(include.path, "catch2/") ||
          absl::StartsWith(include.path, "rapidcheck")) {
        violations.push_back(At(*file, include.line, "includes " + include.path));
      }
    }
  }
  Expect(violations);
}

TEST_CASE("the domain does no input or output, reads no clock and logs nothing") {
  const Names forbidden = {"absl/time/clock.h",
                           "chrono",
                           "condition_variable",
                           "cstdio",
                           "ctime",
                           "fcntl.h",
                           "filesystem",
                           "fstream",
                           "iostream",
                           "libs/base/clock.h",
                           "libs/base/executor.h",
                           "libs/base/log.h",
                           "mutex",
                           "netdb.h",
                           "poll.h",
                           "pthread.h",
                           "signal.h",
                           "stdio.h",
                           "thread",
                           "time.h",
                           "unistd.h"};
  std::vector<std::string> violations;
  for (const SourceFile* file : ShippedFiles()) {
    if (!file->Below("libs/casework")) continue;
    for (const Include& include : IncludesOf(*file)) {
      if (forbidden.count(include.path) > 0 || absl::StartsWith(include.path, "sys/")) {
        violations.push_back(At(*file, include.line, "the domain includes " + include.path));
      }
    }
  }
  Expect(violations);
}

// A foreign library and the folders of libs and services that may know it.
struct Confined {
  const char* include;  // beginning of what is included
  std::vector<std::string> folders;
};

TEST_CASE("each foreign library is known in its own place only") {
  // Tests and benchmarks may reach below the libraries: that is how they check them.
  const std::vector<Confined> confined = {
      {"sqlite3", {"libs/store/sqlite"}},
      {"libpq", {"libs/store/postgres"}},
      {"hiredis/", {"libs/queue"}},
      {"prometheus/", {"libs/telemetry"}},
      {"jwt.h", {"libs/auth"}},
      {"spdlog/", {"libs/base"}},
      {"CLI/", {"services"}},
      {"openssl/", {"libs/auth", "libs/casework"}},
  };
  std::vector<std::string> violations;
  for (const SourceFile* file : ShippedFiles()) {
    for (const Include& include : IncludesOf(*file)) {
      for (const Confined& library : confined) {
        if (!absl::StartsWith(include.path, library.include)) continue;
        bool at_home = false;
        for (const std::string& folder : library.folders) at_home |= file->Below(folder);
        if (at_home) continue;
        violations.push_back(At(*file, include.line,
                                absl::StrCat(include.path, " may be included only below ",
                                             absl::StrJoin(library.folders, ", "))));
      }
    }
  }
  Expect(violations);
}

// Where gRPC may be known. services/common has its share: the binding of methods and the two
// services every process offers.
bool MayKnowGrpc(const SourceFile& file) {
  return file.Below("libs/rpc") || file.Below("services/cli") || file.Below("tests") ||
         (file.Below("services") && file.Is("/grpc_server.cc")) ||
         file.path == "services/common/bind.h" || file.path == "services/common/grpc_server.h";
}

TEST_CASE("gRPC is known to its adapter, the servers, the client and tests only") {
  std::vector<std::string> violations;
  for (const SourceFile* file : CppFiles()) {
    if (MayKnowGrpc(*file)) continue;
    for (const Include& include : IncludesOf(*file)) {
      if (absl::StartsWith(include.path, "grpcpp/") || absl::EndsWith(include.path, ".grpc.pb.h") ||
          include.path == "libs/rpc/adapter.h") {
        // The adapter's header brings all of gRPC with it; main() needs only its name.
        const bool wires_it = file->path == "services/common/process.cc";
        if (wires_it && include.path == "libs/rpc/adapter.h") continue;
        violations.push_back(At(*file, include.line, include.path + " is included here"));
      }
    }
  }
  Expect(violations);
}

TEST_CASE("SQL is spoken by the store and the schemas only") {
  const std::vector<std::string> words = {"SELECT ",      "INSERT INTO", "DELETE FROM", "UPDATE ",
                                          "CREATE TABLE", "ALTER TABLE", "DROP TABLE",  "PRAGMA ",
                                          "CREATE INDEX", "ORDER BY",    "WHERE "};
  std::vector<std::string> violations;
  for (const SourceFile* file : ShippedFiles()) {
    if (file->Below("libs/store")) continue;
    for (const Literal& literal : file->literals) {
      for (const std::string& word : words) {
        if (!absl::StrContains(literal.text, word)) continue;
        violations.push_back(At(*file, literal.line, "SQL outside libs/store: " + literal.text));
        break;
      }
    }
  }
  Expect(violations);
}

TEST_CASE("every function can be read in one sitting") {
  std::vector<std::string> violations;
  std::string warnings;
  for (const SourceFile* file : CppFiles()) {
    for (const Function& function : file->functions) {
      if (function.lines() <= kFunctionWarn) continue;
      const std::string what = At(*file, function.first_line,
                                  absl::StrCat(function.name, " has ", function.lines(), " lines"));
      if (function.lines() > kFunctionFail) {
        violations.push_back(what);
      } else {
        absl::StrAppend(&warnings, "\n  ", what);
      }
    }
  }
  if (!warnings.empty()) WARN("above " << kFunctionWarn << " lines:" << warnings);
  Expect(violations);
}

TEST_CASE("no file outgrows its reader") {
  std::vector<std::string> violations;
  std::string warnings;
  for (const SourceFile* file : ShippedFiles()) {
    const int lines = static_cast<int>(file->lines.size());
    if (lines <= kFileWarn) continue;
    const std::string what = At(*file, 1, absl::StrCat("has ", lines, " lines"));
    if (lines > kFileFail) {
      violations.push_back(what);
    } else {
      absl::StrAppend(&warnings, "\n  ", what);
    }
  }
  if (!warnings.empty()) WARN("above " << kFileWarn << " lines:" << warnings);
  Expect(violations);
}

bool IsWordAt(const std::string& line, size_t at, size_t length) {
  const auto is_word = [&](size_t i) {
    return i < line.size() && (absl::ascii_isalnum(line[i]) || line[i] == '_');
  };
  return (at == 0 || !is_word(at - 1)) && !is_word(at + length);
}

TEST_CASE("nothing is left for later in the tree") {
  // Joined, so that this file does not find itself.
  const std::vector<std::string> marks = {absl::StrCat("TO", "DO"), absl::StrCat("FIX", "ME"),
                                          absl::StrCat("X", "XX"), absl::StrCat("HA", "CK")};
  std::vector<std::string> violations;
  for (const auto& [path, file] : Tree()) {
    for (size_t i = 0; i < file.lines.size(); ++i) {
      for (const std::string& mark : marks) {
        const size_t at = file.lines[i].find(mark);
        if (at == std::string::npos || !IsWordAt(file.lines[i], at, mark.size())) continue;
        violations.push_back(At(file, static_cast<int>(i) + 1, "says " + mark));
      }
    }
  }
  Expect(violations);
}

TEST_CASE("libraries start no thread and never sleep but in the executor") {
  const std::vector<std::string> words = {
      "std::thread", "std::jthread", "std::async",      "sleep_for",     "sleep_until", "SleepFor(",
      "usleep(",     "nanosleep(",   "pthread_create(", "std::launch::", " sleep("};
  std::vector<std::string> violations;
  for (const SourceFile* file : ShippedFiles()) {
    if (!file->Below("libs") || file->path == "libs/base/executor.cc") continue;
    for (size_t i = 0; i < file->code.size(); ++i) {
      for (const std::string& word : words) {
        if (!absl::StrContains(file->code[i], word)) continue;
        violations.push_back(At(*file, static_cast<int>(i) + 1, "uses " + word));
      }
    }
  }
  Expect(violations);
}

TEST_CASE("no header of ours takes a std::string_view") {
  // This Abseil's string_view is a type of its own that is not made from the standard one.
  std::vector<std::string> violations;
  for (const SourceFile* file : CppFiles()) {
    if (!file->Is(".h")) continue;
    for (size_t i = 0; i < file->code.size(); ++i) {
      if (!absl::StrContains(file->code[i], "std::string_view")) continue;
      violations.push_back(At(*file, static_cast<int>(i) + 1, "use absl::string_view"));
    }
  }
  Expect(violations);
}

// Words of every CMakeLists.txt, by folder.
std::map<std::string, Names> WordsOfBuild() {
  std::map<std::string, Names> words;
  for (const auto& [path, file] : Tree()) {
    if (!absl::EndsWith(path, "CMakeLists.txt")) continue;
    Names& own = words[path.substr(0, path.size() - std::string("CMakeLists.txt").size())];
    for (const std::string& line : file.lines) {
      if (absl::StrContains(line, "#")) continue;
      for (const auto& word : absl::StrSplit(line, absl::ByAnyChar(" \t()"), absl::SkipEmpty())) {
        own.insert(std::string(word));
      }
    }
  }
  return words;
}

// True when the build of the file's folder, or of one above it, names the file.
bool IsBuilt(const std::string& path, const std::map<std::string, Names>& words) {
  for (size_t slash = path.rfind('/'); slash != std::string::npos && slash > 0;
       slash = path.rfind('/', slash - 1)) {
    const auto found = words.find(path.substr(0, slash + 1));
    if (found != words.end() && found->second.count(path.substr(slash + 1)) > 0) return true;
  }
  return false;
}

TEST_CASE("every source is built, every schema embedded, every proto generated") {
  const std::map<std::string, Names> words = WordsOfBuild();
  std::vector<std::string> violations;
  for (const auto& [path, file] : Tree()) {
    const bool counts = file.Is(".cc") || file.Is(".sql") || file.Is(".proto");
    if (counts && !IsBuilt(path, words)) {
      violations.push_back(At(file, 1, "no CMakeLists.txt names this file"));
    }
  }
  Expect(violations);
}

TEST_CASE("every header is included by somebody") {
  Names included;
  for (const SourceFile* file : CppFiles()) {
    for (const Include& include : IncludesOf(*file)) included.insert(include.path);
  }
  std::vector<std::string> violations;
  for (const SourceFile* file : CppFiles()) {
    if (file->Is(".h") && included.count(file->path) == 0) {
      violations.push_back(At(*file, 1, "nobody includes this header"));
    }
  }
  Expect(violations);
}

}  // namespace
}  // namespace yikou::tidy

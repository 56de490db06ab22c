// The reader of the tree reads what it should: a rule that sees nothing would hold for ever.
#include "tests/tidy/source_tree.h"

#include "absl/strings/match.h"
#include "catch2/catch.hpp"

namespace yikou::tidy {
namespace {

constexpr char kSample[] =
    R"sample(#include "libs/base/ids.h"
#include <vector>
#define MANY(x) \
  do {          \
  } while (x)
namespace a {
const Kind kKind{.name = "kind {", .extract = [](const M& m) { return 1; }};
// A comment that names sqlite3.h and opens a brace: {
class Thing : public Base {
 public:
  Thing() : one_(1) {
    Start();
  }
  bool ok() const { return one_ == 1; }

 private:
  int one_ = '{';
};

template <class T>
std::function<void(int)> Thing::Make(const std::map<int, T>& all,
                                     int last) {
  if (last > 0) {
    return [](int) {};
  }
  return nullptr;
}
Thing& Thing::operator=(const Thing& other) {
  return *this;
}
}  // namespace a
)sample";

TEST_CASE("functions are found with their names and lines, and nothing else is") {
  const SourceFile file = ReadCpp("a.cc", kSample);
  REQUIRE(file.functions.size() == 4);
  CHECK(file.functions[0].name == "Thing");
  CHECK(file.functions[0].first_line == 11);
  CHECK(file.functions[0].last_line == 13);
  CHECK(file.functions[1].name == "ok");
  CHECK(file.functions[1].lines() == 1);
  CHECK(file.functions[2].name == "Thing::Make");
  CHECK(file.functions[2].first_line == 20);
  CHECK(file.functions[2].lines() == 8);
  CHECK(file.functions[3].lines() == 3);
}

TEST_CASE("comments and literals are told from code") {
  const SourceFile file = ReadCpp("a.cc", kSample);
  REQUIRE(file.literals.size() == 2);
  CHECK(file.literals[1].text == "kind {");
  CHECK(file.literals[1].line == 7);
  for (const std::string& line : file.code) CHECK_FALSE(absl::StrContains(line, "sqlite3"));
  CHECK(file.code.size() == file.lines.size());
}

TEST_CASE("includes are found with their lines") {
  const std::vector<Include> includes = IncludesOf(ReadCpp("a.cc", kSample));
  REQUIRE(includes.size() == 2);
  CHECK(includes[0].path == "libs/base/ids.h");
  CHECK(includes[1].path == "vector");
  CHECK(includes[1].line == 2);
}

TEST_CASE("the whole tree is read") {
  CHECK(CppFiles().size() > 200);
  CHECK(Files("services", "/config.cc").size() >= 6);
  size_t functions = 0;
  for (const SourceFile* file : ShippedFiles()) functions += file->functions.size();
  CHECK(functions > 1000);
}

}  // namespace
}  // namespace yikou::tidy

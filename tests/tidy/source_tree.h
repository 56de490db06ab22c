// The source tree as text: files, code without comments and strings, and where functions begin and
// end. An approximation that relies on clang-formatted code, and is enough to name file and line.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace yikou::tidy {

// A string literal, raw ones included, without quotes and prefix.
struct Literal {
  int line = 0;  // where it begins, from 1
  std::string text;
};

struct Function {
  std::string name;  // as it is defined: "IntakeService::ReceiveCase", "CheckCounter"
  int first_line = 0;
  int last_line = 0;
  int lines() const { return last_line - first_line + 1; }
};

struct SourceFile {
  std::string path;                // from the root of the tree
  std::vector<std::string> lines;  // as they are
  // C++ only: the lines with comments, the insides of literals and macros blanked out.
  std::vector<std::string> code;
  std::vector<Literal> literals;
  std::vector<Function> functions;

  bool Is(absl::string_view extension) const;
  bool Below(absl::string_view folder) const;
  bool IsTest() const;  // below tests/, or beside the code as *_test.*
};

// One #include: the line it stands on and what stands between the quotes or brackets.
struct Include {
  int line = 0;
  std::string path;
};
std::vector<Include> IncludesOf(const SourceFile& file);

// Reads one C++ file from its text.
SourceFile ReadCpp(std::string path, absl::string_view text);

// Every file of the tree that belongs to the project: not what is built or hidden. Read once.
const std::map<std::string, SourceFile>& Tree();
// Files below a folder with an extension, such as Files("libs", ".h"), in order of path.
std::vector<const SourceFile*> Files(absl::string_view folder, absl::string_view extension);
// C++ files of libs, services and tests.
std::vector<const SourceFile*> CppFiles();
// C++ files of libs and services that are shipped.
std::vector<const SourceFile*> ShippedFiles();
// The text of one file; "" when there is none.
std::string TextOf(const std::string& path);

// "path:line: what", as compilers write it.
std::string At(const SourceFile& file, int line, absl::string_view what);

// Fails once for each violation, so that one run names all of them.
void Expect(const std::vector<std::string>& violations);

// Pieces of a line between two marks, such as back quotes.
std::vector<std::string> Between(absl::string_view line, absl::string_view mark);

}  // namespace yikou::tidy

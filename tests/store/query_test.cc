// Reads: conditions, scope, pages.
#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "catch2/catch.hpp"
#include "libs/casework/units.h"
#include "tests/store/record.h"

namespace yikou::test {
namespace {

using store::Change;
using store::Filter;
using store::Query;
using store::RowWrite;
using store::Scope;
using Op = store::Filter::Op;

void Fill(Record& record, const std::vector<store::Write>& folders,
          std::vector<RowWrite> rows = {}) {
  Change change;
  change.writes = folders;
  change.rows = std::move(rows);
  Must(record.CommitOne(std::move(change)));
}

std::string Ids(const std::vector<store::Stored>& rows) {
  return absl::StrJoin(
      rows, " ", [](std::string* out, const store::Stored& row) { absl::StrAppend(out, row.id); });
}

std::string Found(Record& record, std::vector<Filter> filters) {
  return Ids(Must(record.store().Find(kFolder, {.filters = std::move(filters)})));
}

}  // namespace

TEST_CASE("a filter keeps the rows it speaks of", "[query]") {
  Record record(GENERATE(from_range(Backends())));
  Fill(record, {FolderWrite("a", 0, 1, "red", 1), FolderWrite("b", 0, 1, "green", 2),
                FolderWrite("c", 0, 1, "red", 3)});
  CHECK(Found(record, {}) == "a b c");
  CHECK(Found(record, {{"title", Op::kEq, "red"}}) == "a c");
  CHECK(Found(record, {{"title", Op::kNe, "red"}}) == "b");
  CHECK(Found(record, {{"weight", Op::kLt, int64_t{2}}}) == "a");
  CHECK(Found(record, {{"weight", Op::kLe, int64_t{2}}}) == "a b");
  CHECK(Found(record, {{"weight", Op::kGt, int64_t{2}}}) == "c");
  CHECK(Found(record, {{"weight", Op::kGe, int64_t{2}}}) == "b c");
  CHECK(Found(record, {{"title", Op::kContains, "ree"}}) == "b");
  CHECK(Found(record, {{"title", Op::kContains, ""}}) == "a b c");
  CHECK(Found(record, {{"title", Op::kEq, "red"}, {"weight", Op::kGt, int64_t{1}}}) == "c");
  CHECK(Must(record.store().Count(kFolder, {{"title", Op::kEq, "red"}})) == 2);
  CHECK(Must(record.store().Count(kFolder, {})) == 3);
  CHECK(Must(record.store().Count(kFolder, {{"title", Op::kEq, "blue"}})) == 0);
}

TEST_CASE("what a caller types is data, never SQL and never a pattern", "[query]") {
  Record record(GENERATE(from_range(Backends())));
  const std::vector<std::string> texts = {"' OR '1'='1",
                                          "'; DROP TABLE folder; --",
                                          "\" OR 1=1 --",
                                          "100%",
                                          "a_b",
                                          "back\\slash",
                                          "?",
                                          "$1",
                                          "办件'编号",
                                          "*/ SELECT 1 /*"};
  std::vector<store::Write> folders;
  for (const std::string& text : texts) folders.push_back(FolderWrite(text, 0, 1, text));
  folders.push_back(FolderWrite("plain", 0, 1, "axb 1000 backslash"));
  Fill(record, folders);
  for (const std::string& text : texts) {
    INFO(text);
    CHECK(Found(record, {{"title", Op::kEq, text}}) == text);
    // Only what contains it to the letter: % and _ stand for themselves.
    for (const store::Stored& row :
         Must(record.store().Find(kFolder, {.filters = {{"title", Op::kContains, text}}}))) {
      CHECK(row.id.find(text) != std::string::npos);
    }
    CHECK(Must(record.store().Get(kFolder, text)).id == text);
    CHECK(Must(record.store().Find(kFolder, {.scope = Scope{text}})).empty());
    const auto behind = std::count_if(folders.begin(), folders.end(),
                                      [&text](const auto& folder) { return folder.id > text; });
    CHECK(static_cast<int64_t>(
              Must(record.store().Find(kFolder, {.after = text, .limit = 100})).size()) == behind);
    CHECK_FALSE(Must(record.store().FindRequest(text, text, text)).has_value());
    CHECK(Must(record.store().ParkedOn(text, text, 9)).empty());
    CHECK(Must(record.store().ListStuck(text, 9)).empty());
    CHECK(Must(record.store().ReadStream(text, 1, 9)).empty());
  }
  CHECK(Found(record, {{"title", Op::kContains, "%"}}) == "100%");
  CHECK(Found(record, {{"title", Op::kContains, "_"}}) == "a_b");
  CHECK(Found(record, {{"title", Op::kContains, "\\"}}) == "back\\slash");
  CHECK(Must(record.store().Count(kFolder, {})) == static_cast<int64_t>(texts.size()) + 1);
}

TEST_CASE("a row out of scope does not exist", "[query]") {
  Record record(GENERATE(from_range(Backends())));
  // Who may see each case: a body of the district, a street, a community below it, a body of the
  // street, another district whose code begins alike, nobody.
  const std::map<std::string, std::vector<std::string>> seen_by = {
      {"c1", {"230108-archives"}},     {"c2", {"230108001"}},       {"c3", {"230108001002"}},
      {"c4", {"230108001-centre"}},    {"c5", {"230109"}},          {"c6", {}},
      {"c7", {"230108002", "230109"}}, {"c8", {"230108001002-g01"}}};
  std::vector<store::Write> folders;
  std::vector<RowWrite> rows;
  for (const auto& [id, units] : seen_by) {
    folders.push_back(FolderWrite(id, 0, 1));
    rows.push_back(NoteRow(RowWrite::Mode::kUpsert, "n" + id, id));
    for (const std::string& unit : units) rows.push_back(ScopeRow(id, unit));
  }
  Fill(record, folders, rows);

  const std::vector<std::string> units = {"230108",
                                          "230109",
                                          "230108001",
                                          "230108001002",
                                          "230108-archives",
                                          "230108-archive",
                                          "230108001-centre",
                                          "230108001002-g01",
                                          "23010",
                                          "",
                                          "%",
                                          "230108' OR ''='"};
  for (const std::string& unit : units) {
    INFO("unit " << unit);
    std::vector<std::string> visible;
    for (const auto& [id, above] : seen_by) {
      const bool covered = std::any_of(above.begin(), above.end(), [&](const std::string& other) {
        return casework::Covers(unit, other);
      });
      if (covered) visible.push_back(id);
      CHECK(record.store().Get(kFolder, id, Scope{unit}).ok() == covered);
    }
    CHECK(Ids(Must(record.store().Find(kFolder, {.scope = Scope{unit}}))) ==
          absl::StrJoin(visible, " "));
    std::vector<std::string> notes;
    for (const auto& row : Must(record.store().Select(kNote, {.scope = Scope{unit}}))) {
      notes.push_back(std::get<std::string>(row[1]));
    }
    CHECK(notes == visible);
  }
  // Said once more in words: a district sees its bodies and streets, a body only itself.
  CHECK(Ids(Must(record.store().Find(kFolder, {.scope = Scope{"230108"}}))) == "c1 c2 c3 c4 c7 c8");
  CHECK(Ids(Must(record.store().Find(kFolder, {.scope = Scope{"230108001"}}))) == "c2 c3 c4 c8");
  CHECK(Ids(Must(record.store().Find(kFolder, {.scope = Scope{"230108-archives"}}))) == "c1");
  CHECK(absl::IsNotFound(record.store().Get(kFolder, "c6", Scope{"230108"}).status()));
  // The service itself sees everything; so does everybody where nothing is scoped.
  CHECK(Must(record.store().Find(kFolder, {})).size() == 8);
  CHECK(Must(record.store().Select(kTally, {.scope = Scope{"230108"}})).empty());
}

TEST_CASE("pages visit each row once while rows are added", "[query]") {
  Record record(GENERATE(from_range(Backends())));
  const bool descending = GENERATE(false, true);
  std::set<std::string> at_start;
  std::vector<store::Write> folders;
  std::vector<RowWrite> notes;
  for (int i = 0; i < 100; ++i) {
    const std::string id = absl::StrFormat("f%03d", i * 10);
    at_start.insert(id);
    folders.push_back(FolderWrite(id, 0, 1));
    notes.push_back(NoteRow(RowWrite::Mode::kUpsert, id, "c"));
  }
  Fill(record, folders, notes);

  std::vector<std::string> visited;
  std::vector<std::string> rows_visited;
  Query query{.descending = descending, .limit = 7};
  for (int page = 0;; ++page) {
    const auto rows = Must(record.store().Find(kFolder, query));
    const auto notes_page = Must(record.store().Select(kNote, query));
    REQUIRE(notes_page.size() == rows.size());
    if (rows.empty()) break;
    for (const store::Stored& row : rows) visited.push_back(row.id);
    for (const auto& row : notes_page) rows_visited.push_back(std::get<std::string>(row[0]));
    query.after = rows.back().id;
    // One more before what was visited, and one behind.
    std::vector<store::Write> more;
    std::vector<RowWrite> more_notes;
    for (const int number : {page * 10 + 3, 990 - page * 10 + 3}) {
      const std::string id = absl::StrFormat("f%03d-%d", number, page);
      more.push_back(FolderWrite(id, 0, 1));
      more_notes.push_back(NoteRow(RowWrite::Mode::kUpsert, id, "c"));
    }
    Fill(record, more, more_notes);
  }
  CHECK(rows_visited == visited);
  CHECK(std::set<std::string>(visited.begin(), visited.end()).size() == visited.size());
  if (descending) std::reverse(visited.begin(), visited.end());
  CHECK(std::is_sorted(visited.begin(), visited.end()));
  for (const std::string& id : at_start) {
    CHECK(std::count(visited.begin(), visited.end(), id) == 1);
  }
}

TEST_CASE("a scan visits every aggregate of a kind", "[query]") {
  Record record(GENERATE(from_range(Backends())));
  std::vector<store::Write> folders;
  for (int i = 0; i < 57; ++i) folders.push_back(FolderWrite(absl::StrFormat("f%02d", i), 0, 1));
  Fill(record, folders);
  std::vector<std::string> ids;
  std::string after;
  while (true) {
    const auto page = Must(record.store().Scan(kFolder, after, 10));
    if (page.empty()) break;
    for (const store::Stored& row : page) ids.push_back(row.id);
    after = page.back().id;
  }
  CHECK(ids.size() == 57);
  CHECK(std::is_sorted(ids.begin(), ids.end()));
}

TEST_CASE("what is not there is NOT_FOUND, and says what", "[query]") {
  Record record(GENERATE(from_range(Backends())));
  const absl::Status status = record.store().Get(kFolder, "c99").status();
  CHECK(absl::IsNotFound(status));
  CHECK(std::string(status.message()).find("folder c99") != std::string::npos);
}

}  // namespace yikou::test

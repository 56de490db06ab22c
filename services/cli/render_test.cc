#include "services/cli/render.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "catch2/catch.hpp"
#include "services/cli/text.h"
#include "yikou/casework/v1/log.pb.h"
#include "yikou/intake/v1/intake.pb.h"
#include "yikou/reporting/v1/reporting.pb.h"
#include "yikou/routing/v1/routing.pb.h"

namespace yikou::cli {
namespace {

std::vector<std::string> LinesOf(const std::string& text) {
  return absl::StrSplit(text, '\n', absl::SkipEmpty());
}

// Column at which `part` begins on the terminal.
int ColumnOf(const std::string& line, const std::string& part) {
  const size_t at = line.find(part);
  REQUIRE(at != std::string::npos);
  return DisplayWidth(absl::string_view(line).substr(0, at));
}

TEST_CASE("a character is as wide as a terminal shows it") {
  CHECK(DisplayWidth("") == 0);
  CHECK(DisplayWidth("case 42") == 7);
  CHECK(DisplayWidth("办件") == 4);
  CHECK(DisplayWidth("第3号楼A座") == 10);
  CHECK(DisplayWidth("，。：（）") == 10);       // full-width punctuation
  CHECK(DisplayWidth("ＡＢ") == 4);              // full-width letters
  CHECK(DisplayWidth("ｱ") == 1);                 // half-width katakana
  CHECK(DisplayWidth("é") == 1);                 // precomposed
  CHECK(DisplayWidth("e\xCC\x81") == 1);         // e and a combining acute
  CHECK(DisplayWidth("한글") == 4);              // Hangul
  CHECK(DisplayWidth("\xF0\xA0\x80\x80") == 2);  // 𠀀, an ideograph of plane 2
  CHECK(DisplayWidth("✅") == 2);                 // emoji
  CHECK(DisplayWidth("─·…") == 3);               // ambiguous: narrow
  CHECK(DisplayWidth("\xEF\xBB\xBFx") == 1);     // byte order mark
}

TEST_CASE("bytes that are not UTF-8 count one column each and never run past the end") {
  CHECK(DisplayWidth("\xFF\xFE") == 2);
  CHECK(DisplayWidth("\xE5\x8A") == 2);      // a character cut off
  CHECK(DisplayWidth("\xC0\x80") == 2);      // overlong
  CHECK(DisplayWidth("\xED\xA0\x80") == 3);  // surrogate
  CHECK(Printable("a\xFFz") == "a\xEF\xBF\xBDz");
  CHECK_FALSE(IsUtf8("a\xFFz"));
  CHECK_FALSE(IsUtf8("\xE5\x8A"));
  CHECK(IsUtf8("办件 \xEF\xBF\xBD"));
}

TEST_CASE("what a citizen wrote cannot move the cursor") {
  CHECK(Printable("a\x1B[2Jb") == "a[2Jb");
  CHECK(Printable("a\tb\r\nc") == "a b\nc");
  CHECK(Printable("x\xE2\x80\xAEy") == "xy");  // right-to-left override
  CHECK(Printable("x\xC2\x9By") == "xy");      // C1 control sequence introducer
  CHECK(Printable("办件🙂") == "办件🙂");
}

TEST_CASE("columns begin at the same place whatever is in them") {
  Table table({"编码", "名称", "Tier"}, {false, false, false});
  table.Add({"YK-1", "单身证明", "区"});
  table.Add({"Z", "ID card 补办", "街道"});
  table.Add({"长编码一二三", "", "社区"});
  const std::vector<std::string> lines = LinesOf(table.Render());
  REQUIRE(lines.size() == 4);
  const int second = ColumnOf(lines[0], "名称");
  CHECK(ColumnOf(lines[1], "单身证明") == second);
  CHECK(ColumnOf(lines[2], "ID card") == second);
  const int third = ColumnOf(lines[0], "Tier");
  CHECK(ColumnOf(lines[1], "区") == third);
  CHECK(ColumnOf(lines[2], "街道") == third);
  CHECK(ColumnOf(lines[3], "社区") == third);
  for (const std::string& line : lines) CHECK(line.back() != ' ');
}

TEST_CASE("a cell of several lines pushes nothing out of its column") {
  Table table({"时钟", "过程"}, {false, false});
  table.Add({"承诺时限", "第一行\n第二行"});
  table.Add({"X", "第三行"});
  const std::vector<std::string> lines = LinesOf(table.Render());
  REQUIRE(lines.size() == 4);
  CHECK(ColumnOf(lines[2], "第二行") == ColumnOf(lines[1], "第一行"));
  CHECK(ColumnOf(lines[3], "第三行") == ColumnOf(lines[1], "第一行"));
}

TEST_CASE("a long cell is broken where a reader would break it") {
  CHECK(Wrapped("短", 10) == "短");
  CHECK(Wrapped("一二三四五六", 6) == "一二三\n四五六");
  CHECK(Wrapped("one two three", 8) == "one two \nthree");
  CHECK(Wrapped("abcdefgh", 3) == "abc\ndef\ngh");
  CHECK(Wrapped("一二三，四五", 6) == "一二\n三，四\n五");  // a comma does not begin a line
  CHECK(Wrapped("a\nb", 6) == "a\nb");
  CHECK(Wrapped("", 6) == "");
  for (int width = 0; width < 12; ++width) {
    const std::string wrapped = Wrapped("请携带：户口本 and ID card，到平房区和平社区。", width);
    for (const std::string& line : LinesOf(wrapped)) {
      CHECK(DisplayWidth(line) <= std::max(width, 2));
    }
  }
}

TEST_CASE("numbers stand at the right of their column") {
  reporting::v1::GetSummaryResponse response;
  auto* row = response.add_rows();
  row->set_unit_id("230108");
  row->set_name("平房区");
  row->set_received(7);
  row->set_in_time_rate(0.975);
  row->set_dwell_approval_s(93784);
  row = response.add_rows();
  row->set_unit_id("150203");
  row->set_name("昆都仑区");
  row->set_received(51200);
  response.mutable_total()->set_name("合计");
  response.mutable_total()->set_received(51207);
  const std::vector<std::string> lines = LinesOf(RenderView(SummaryView(), {{"", &response}}));
  REQUIRE(lines.size() == 4);
  CHECK(ColumnOf(lines[1], "7 ") == ColumnOf(lines[2], "51200") + 4);
  CHECK(ColumnOf(lines[3], "51207") == ColumnOf(lines[2], "51200"));
  CHECK(ColumnOf(lines[3], "合计") == ColumnOf(lines[0], "名称"));
  CHECK(lines[1].find("97.5%") != std::string::npos);
  CHECK(lines[1].find("1天2小时") != std::string::npos);
}

TEST_CASE("an object shows the fields it has, a section without rows is left out") {
  intake::v1::GetCaseResponse response;
  auto* record = response.mutable_view()->mutable_case_record();
  record->set_case_no("230108001001-1");
  record->set_title("单身证明");
  record->set_state(casework::v1::CASE_STATE_READY);
  record->mutable_create_time()->set_seconds(1709254800);  // 2024-03-01 09:00 in China
  auto* allowed = response.mutable_view()->add_actions();
  allowed->set_name("DeliverCase");
  allowed->set_allowed(true);
  response.mutable_view()->add_actions()->set_name("CloseCase");
  const std::string text = RenderView(CaseView(), {{"", &response}});
  CHECK(text.find("办件编号      230108001001-1\n") != std::string::npos);
  CHECK(text.find("待领取") != std::string::npos);
  CHECK(text.find("2024-03-01 09:00:00") != std::string::npos);
  CHECK(text.find("DeliverCase") != std::string::npos);
  CHECK(text.find("CloseCase") == std::string::npos);
  CHECK(text.find("时限\n") == std::string::npos);
  CHECK(text.find("决定") == std::string::npos);
}

TEST_CASE("rows of a nested list name what they are listed in") {
  routing::v1::ExplainRouteResponse response;
  auto* branch = response.mutable_route()->add_branches();
  branch->set_name("民政");
  branch->add_steps()->set_step_id("a1");
  branch->add_steps()->set_step_id("a2");
  branch = response.mutable_route()->add_branches();
  branch->set_name("住建");
  branch->add_steps()->set_step_id("b1");
  response.mutable_route()->add_reasons("规则 p1");
  response.mutable_route()->add_reasons("规则 p2");
  const std::string text = RenderView(RouteView(), {{"", &response}});
  const std::vector<std::string> lines = LinesOf(text);
  CHECK(text.find("民政  否    a2") != std::string::npos);
  CHECK(text.find("住建  否    b1") != std::string::npos);
  CHECK(text.find("规则 p1\n            规则 p2") != std::string::npos);
}

TEST_CASE("answers of several services stand in one table that names them") {
  casework::v1::VerifyLogResponse good, bad;
  good.set_ok(true);
  good.set_events(12);
  bad.add_findings("position 7: hash");
  bad.add_findings("position 9: gap");
  const std::vector<std::string> lines =
      LinesOf(RenderView(AuditView(), {{"intake", &good}, {"routing", &bad}}));
  REQUIRE(lines.size() == 4);
  CHECK(lines[0].find("服务") == 0);
  CHECK(lines[1].find("intake") == 0);
  CHECK(lines[2].find("routing") == 0);
  CHECK(ColumnOf(lines[3], "position 9") == ColumnOf(lines[2], "position 7"));
}

}  // namespace
}  // namespace yikou::cli

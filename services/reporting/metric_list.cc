#include "services/reporting/metric_list.h"

namespace yikou::reporting {
namespace {

struct Formula {
  const char* id;
  int version;
  const char* name;
  const char* numerator;
  const char* denominator;
  const char* excludes;
};

constexpr char kNone[] = "无（计数指标）";
constexpr char kNoGridEvents[] = "网格事件";

// Every case counts for the unit whose counter received it, whoever handles it later.
constexpr Formula kFormulas[] = {
    {"M01", 1, "受理量", "已受理的申请件数，含容缺受理和逾期视为受理，每件计一次", kNone,
     "不予受理、受理前撤回的办件；网格事件"},
    {"M02", 1, "办结量", "已办结的申请件数，不论准予或不予，每件计一次", kNone,
     "不予受理、受理前撤回的办件；网格事件"},
    {"M03", 1, "承诺时限内决定率",
     "作出决定时承诺时限尚未届满的申请件数；恰在届满时刻决定的算按时，中止期间不计，"
     "延期计入时限，未承诺时限的算按时",
     "已作出决定的申请件数", "未作决定即退件、撤回或终止的办件；网格事件"},
    {"M04", 1, "收件到受理平均用时（秒）", "各申请从收件到受理的自然时间之和，含等待补正的时间",
     "收件和受理时间都已知的申请件数", "尚未受理、不予受理的办件；网格事件"},
    {"M05", 1, "受理到决定平均用时（秒）", "各申请从受理到作出决定的自然时间之和，含中止的时间",
     "受理和决定时间都已知的申请件数", "未作决定的办件；网格事件"},
    {"M06", 1, "决定到回窗口平均用时（秒）", "各申请从作出决定到结果送达窗口的自然时间之和",
     "决定和到窗口时间都已知的申请件数", "未作决定即退件、撤回或终止的办件；网格事件"},
    {"M07", 1, "平均移交次数", "已办结申请的持有单位签收移交的次数之和，含返回窗口的移交",
     "已办结的申请件数", "未办结的办件；协办、现场核查等不改变持有单位的移交；网格事件"},
    {"M08", 1, "网格事件结案量", "核查通过并结案的网格事件数，每件计一次", kNone,
     "不予立案的网格事件；申请"},
    {"M09", 1, "亮过黄灯的办件数", "任一时限亮过黄灯的申请和网格事件数，每件计一次", kNone, "无"},
    {"M10", 1, "亮过红灯的办件数", "任一时限亮过红灯的申请和网格事件数，每件计一次", kNone, "无"},
    {"M11", 1, "收件量", "窗口收件的申请件数，每件计一次", kNone, kNoGridEvents},
    {"M12", 1, "不予受理量", "不予受理的申请件数，每件计一次", kNone, kNoGridEvents},
};

}  // namespace

v1::ListMetricsResponse PublishedMetrics() {
  v1::ListMetricsResponse response;
  for (const Formula& formula : kFormulas) {
    v1::Metric* metric = response.add_metrics();
    metric->set_metric_id(formula.id);
    metric->set_version(formula.version);
    metric->set_name(formula.name);
    metric->set_numerator(formula.numerator);
    metric->set_denominator(formula.denominator);
    metric->set_excludes(formula.excludes);
  }
  return response;
}

}  // namespace yikou::reporting

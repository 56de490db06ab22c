#include "services/cli/views.h"

namespace yikou::cli {
namespace {

using Columns = std::vector<Column>;

Columns ClockColumns() {
  return {{"时钟", "purpose"},  {"对象", "subject"},   {"灯", "light"},  {"状态", "status"},
          {"到期", "deadline"}, {"剩余", "remaining"}, {"单位", "unit"}, {"暂定", "provisional"}};
}

Columns FieldTaskColumns() {
  return {{"任务", "task_id"},       {"办件编号", "case_no"},      {"单位", "field.unit_id"},
          {"内容", "field.subject"}, {"状态", "field.state"},      {"签收人", "signed_by"},
          {"结论", "field.finding"}, {"支持", "field.favourable"}, {"版本", "version"}};
}

Columns OfferColumns() {
  return {{"移交", "offer_id"},
          {"办件编号", "case_no"},
          {"类型", "kind"},
          {"目的", "purpose"},
          {"移出", "from_unit"},
          {"移入", "to_unit"},
          {"层级", "tier"},
          {"状态", "state"},
          {"次数", "attempts"},
          {"移交时间", "offered_at"},
          {"退回理由", "decline_reason"}};
}

Columns UnitColumns() {
  return {{"单位", "unit_id"}, {"名称", "name"},      {"层级", "tier"},
          {"类别", "kind"},    {"上级", "parent_id"}, {"停用", "retired"}};
}

Columns SummaryColumns() {
  return {{"单位", "unit_id"},
          {"名称", "name"},
          {"收件", "received"},
          {"受理", "accepted"},
          {"不予受理", "refused"},
          {"决定", "decided"},
          {"按期", "in_time_rate", Show::kPercent},
          {"办结", "closed"},
          {"收件到受理", "dwell_intake_s", Show::kSeconds},
          {"受理到决定", "dwell_approval_s", Show::kSeconds},
          {"决定到窗口", "dwell_return_s", Show::kSeconds},
          {"平均移交", "hops"},
          {"网格结案", "grid_closed"},
          {"黄灯", "yellow"},
          {"红灯", "red"}};
}

View With(View view, Section more) {
  view.push_back(std::move(more));
  return view;
}

}  // namespace

View ItemListView() {
  return {{"",
           "items",
           {{"编码", "code"},
            {"版本", "version"},
            {"名称", "name"},
            {"类型", "item_type"},
            {"办件类型", "kind"},
            {"清单", "list_kind"},
            {"承诺时限", "promised"},
            {"准入", "admission.state"}}}};
}

View ItemView() {
  return {{"",
           "item",
           {{"编码", "code"},
            {"版本", "version"},
            {"名称", "name"},
            {"类型", "item_type"},
            {"办件类型", "kind"},
            {"清单", "list_kind"},
            {"站线", "service_line"},
            {"部门", "department"},
            {"依据", "legal_basis"},
            {"法定时限", "statutory"},
            {"承诺时限", "promised"},
            {"可中止理由", "suspension_reasons"},
            {"延期上限", "extension_cap"},
            {"合并方式", "join"},
            {"办理方式", "handling"},
            {"证照", "licence.title"},
            {"印章", "licence.seal_id"},
            {"准入", "admission.state"},
            {"准入日期", "admission.date"},
            {"到场次数", "visits"},
            {"来源", "source"},
            {"推定字段", "synthetic"}}},
          {"申请材料",
           "item.materials",
           {{"代码", "code"},
            {"名称", "name"},
            {"必要", "required"},
            {"可容缺", "tolerable"},
            {"可复用", "reusable"}}},
          {"表单",
           "item.form",
           {{"名称", "name"}, {"标签", "label"}, {"类型", "type"}, {"必填", "required"}}},
          {"设置规则",
           "item.placements",
           {{"规则", "rule_id"},
            {"范围", "unit_id"},
            {"生效", "effective_from"},
            {"优先", "priority"},
            {"受理层级", "accept_tier"},
            {"通办", "accept_scope"},
            {"窗口可决定", "counter_decides"},
            {"自动审批", "decided_by_rule"},
            {"送达", "deliver"}}},
          {"环节",
           "item.placements.steps",
           {{"规则", "../rule_id"},
            {"分支", "branch_name"},
            {"类型", "kind"},
            {"层级", "tier"},
            {"机构", "body"},
            {"必要", "mandatory"}}}};
}

View UnitListView() { return {{"", "units", UnitColumns()}}; }

View UnitView() { return {{"", "unit", UnitColumns()}}; }

View CountView() { return {{"", "", {{"变更", "changed"}, {"未变", "unchanged"}}}}; }

View CaseListView() {
  return {{"",
           "views",
           {{"办件编号", "case_record.case_no"},
            {"事项", "case_record.title"},
            {"状态", "case_record.state"},
            {"灯", "light"},
            {"收件单位", "case_record.receiver_unit"},
            {"持有单位", "case_record.holder_unit"},
            {"收件时间", "case_record.create_time"},
            {"内部标识", "case_record.case_id"}}}};
}

View CaseView() {
  return {{"",
           "view",
           {{"办件编号", "case_record.case_no"},
            {"内部标识", "case_record.case_id"},
            {"事项", "case_record.title"},
            {"事项编码", "case_record.item_code"},
            {"状态", "case_record.state"},
            {"结果", "case_record.outcome"},
            {"决定", "case_record.decision"},
            {"灯", "light"},
            {"收件单位", "case_record.receiver_unit"},
            {"居住社区", "case_record.home_unit"},
            {"持有单位", "case_record.holder_unit"},
            {"送达单位", "case_record.deliver_unit"},
            {"容缺受理", "case_record.tolerant"},
            {"缺少材料", "case_record.missing"},
            {"不予受理原因", "case_record.refusal_reason"},
            {"告知", "case_record.remedy"},
            {"证照", "case_record.licence_id"},
            {"收件时间", "case_record.create_time"},
            {"受理时间", "case_record.accept_time"},
            {"更新时间", "case_record.update_time"},
            {"版本", "case_record.version"},
            {"查询码", "query_code"},
            {"申请人", "application.applicant_name"},
            {"身份证号", "application.id_number"},
            {"电话", "application.phone"},
            {"地址", "application.address"},
            {"可用操作", "actions"}}},
          {"材料", "view.application.materials", {{"代码", "code"}, {"标识", "material_id"}}},
          {"时限", "view.clocks", ClockColumns()}};
}

View ReceiptView() {
  return With(CaseView(), {"回执",
                           "",
                           {{"法定到期", "statutory_deadline"},
                            {"承诺到期", "promised_deadline"},
                            {"需补材料", "what_to_bring"}}});
}

View CorrectionView() { return With(CaseView(), {"告知", "", {{"需补材料", "what_to_bring"}}}); }

View TimelineView() {
  return {{"",
           "entries",
           {{"时间", "occurred_at"},
            {"服务", "source"},
            {"序号", "position"},
            {"事件", "type"},
            {"状态", "state"},
            {"单位", "actor.unit_id"},
            {"人员", "actor.person_id"},
            {"说明", "detail"},
            {"理由", "reason"}}}};
}

View CustodyView() {
  return {{"",
           "custody",
           {{"持有单位", "holder_unit"},
            {"待签移交", "open_offer_id"},
            {"协办移交", "assignment_offer_ids"},
            {"已结束", "ended"}}},
          {"移交",
           "custody.hops",
           {{"移出", "from_unit"}, {"移入", "to_unit"}, {"移交", "offer_id"}, {"队列", "stream"}}}};
}

View MaterialView() { return {{"", "", {{"材料标识", "material_id"}, {"SHA-256", "sha256"}}}}; }

View DeadlineView() {
  return {{"",
           "clocks",
           {{"时钟", "clock.purpose"},
            {"灯", "clock.light"},
            {"到期", "clock.deadline"},
            {"计算过程", "lines", Show::kLines}}}};
}

View RouteView() {
  return {{"",
           "route",
           {{"牵头单位", "lead_unit"},
            {"送达单位", "deliver_unit"},
            {"合并方式", "join"},
            {"窗口可决定", "counter_decides"},
            {"自动审批", "decided_by_rule"},
            {"依据", "reasons", Show::kLines}}},
          {"环节",
           "route.branches.steps",
           {{"分支", "../name"},
            {"必要", "../mandatory"},
            {"环节", "step_id"},
            {"类型", "kind"},
            {"层级", "tier"},
            {"单位", "unit_id"}}}};
}

View WorkListView() {
  return {{"",
           "items",
           {{"办件编号", "case_no"},
            {"事项", "title"},
            {"环节", "step.step_id"},
            {"类型", "step.kind"},
            {"单位", "step.unit_id"},
            {"状态", "step.state"},
            {"承办人", "step.claimed_by"},
            {"灯", "light"},
            {"内部标识", "case_id"}}}};
}

View ProcessView() {
  return {{"",
           "view",
           {{"办件编号", "process.facts.case_no"},
            {"内部标识", "process.case_id"},
            {"事项", "process.facts.title"},
            {"状态", "process.state"},
            {"决定", "process.decision"},
            {"灯", "light"},
            {"超期分支", "late_branches"},
            {"证照", "process.licence_id"},
            {"版本", "process.version"},
            {"可用操作", "actions"}}},
          {"环节",
           "view.process.branches.steps",
           {{"分支", "../name"},
            {"环节", "step_id"},
            {"类型", "kind"},
            {"层级", "tier"},
            {"单位", "unit_id"},
            {"状态", "state"},
            {"承办人", "claimed_by"},
            {"决定", "decision"},
            {"意见", "opinion"}}},
          {"现场核查",
           "view.process.fields",
           {{"请求", "field_id"},
            {"单位", "unit_id"},
            {"内容", "subject"},
            {"状态", "state"},
            {"结论", "finding"},
            {"支持", "favourable"},
            {"退回理由", "decline_reason"}}},
          {"中止",
           "view.process.suspensions",
           {{"理由", "reason"}, {"起", "begin"}, {"止", "end"}, {"计划恢复", "planned_end"}}},
          {"时限", "view.clocks", ClockColumns()}};
}

View LicenceView() {
  return {{"",
           "licence",
           {{"证照", "licence_id"},
            {"标题", "title"},
            {"状态", "state"},
            {"办件", "case_id"},
            {"印章", "seal_id"},
            {"签章人", "signer_person"},
            {"签章时间", "sealed_at"},
            {"算法", "algorithm"},
            {"文件摘要", "document_digest"},
            {"正文", "document", Show::kLines}}}};
}

View VerdictView() { return {{"", "", {{"结论", "state"}, {"说明", "explanation"}}}}; }

View EventListView() {
  return {{"",
           "views",
           {{"事件编号", "event.case_no"},
            {"类别", "event.title"},
            {"网格", "event.grid_id"},
            {"状态", "event.state"},
            {"结果", "event.outcome"},
            {"灯", "light"},
            {"网格员", "event.worker_id"},
            {"采集时间", "event.create_time"},
            {"内部标识", "event.case_id"}}}};
}

View EventView() {
  return {{"",
           "view",
           {{"事件编号", "event.case_no"},
            {"内部标识", "event.case_id"},
            {"类别", "event.title"},
            {"描述", "event.description"},
            {"网格", "event.grid_id"},
            {"地点", "event.place"},
            {"户数", "event.households"},
            {"紧急", "event.urgent"},
            {"状态", "event.state"},
            {"结果", "event.outcome"},
            {"灯", "light"},
            {"网格员", "event.worker_id"},
            {"派遣依据", "event.dispatch_reason"},
            {"处理情况", "event.result"},
            {"返工", "event.reworks"},
            {"退单", "event.returns"},
            {"版本", "event.version"},
            {"可用操作", "actions"}}},
          {"时限", "view.clocks", ClockColumns()}};
}

View FieldListView() { return {{"", "tasks", FieldTaskColumns()}}; }

View FieldView() { return {{"", "task", FieldTaskColumns()}}; }

View OfferListView() { return {{"", "offers", OfferColumns()}}; }

View OfferView() { return {{"", "offer", OfferColumns()}}; }

View WorkerListView() {
  return {{"",
           "workers",
           {{"网格员", "worker_id"},
            {"名称", "name"},
            {"社区", "unit_id"},
            {"网格", "grid_id"},
            {"后备", "backup_worker_id"},
            {"上班", "duty_from"},
            {"下班", "duty_to"},
            {"在办", "load"}}}};
}

View SummaryView() {
  return {{"", "rows,total", SummaryColumns()},
          {"统计正在重建，以上数字尚不完整", "rebuild", {{"已读事件", "folded"}, {"共", "total"}}}};
}

View RebuildView() { return {{"", "", {{"重读事件", "events"}}}}; }

View MetricListView() {
  return {{"",
           "metrics",
           {{"指标", "metric_id"},
            {"版本", "version"},
            {"名称", "name"},
            {"分子", "numerator"},
            {"分母", "denominator"},
            {"不计", "excludes"}}}};
}

View QueueView() {
  return {{"",
           "queues",
           {{"队列", "stream"},
            {"方向", "direction"},
            {"最新", "head_seq"},
            {"完成", "done_seq"},
            {"积压", "backlog"},
            {"等待", "parked"},
            {"死信", "dead"},
            {"补取", "fetched"},
            {"Redis", "redis_up"}}}};
}

View StuckView() {
  return {{"",
           "entries",
           {{"标识", "stuck_id"},
            {"类型", "kind"},
            {"事件", "event_type"},
            {"办件", "case_id"},
            {"移交", "offer_id"},
            {"次数", "attempts"},
            {"起始", "since"},
            {"原因", "cause"}}}};
}

View RepublishView() { return {{"", "", {{"重新发布", "entries"}}}}; }

View RetryView() { return {{"", "", {{"已处理", "applied"}, {"原因", "cause"}}}}; }

View AuditView() {
  return {{"",
           "",
           {{"通过", "ok"},
            {"事件", "events"},
            {"对象", "aggregates"},
            {"签名位置", "signed_position"},
            {"问题", "findings", Show::kLines}}}};
}

View SignedHeadView() { return {{"", "", {{"位置", "position"}, {"摘要", "hash"}}}}; }

View HeadsView() {
  return With(SignedHeadView(),
              {"流", "streams", {{"流", "stream"}, {"最新", "seq"}, {"已发布", "published_seq"}}});
}

View ClockListView() {
  return {{"",
           "",
           {{"办件时间", "now"},
            {"下次到期", "next_due"},
            {"已排空", "drained"},
            {"可调", "adjustable"}}}};
}

View HealthView() { return {{"", "", {{"状态", "status"}}}}; }

}  // namespace yikou::cli

// The roles a token may carry. What a role may do is said where a method is registered.
#pragma once

namespace yikou::auth {

inline constexpr char kClerk[] = "CLERK";             // 窗口人员: receives and delivers
inline constexpr char kOfficer[] = "OFFICER";         // 审批人员: reviews and decides
inline constexpr char kSupervisor[] = "SUPERVISOR";   // 负责人: extends, terminates, reassigns
inline constexpr char kDispatcher[] = "DISPATCHER";   // 调度员: registers and dispatches
inline constexpr char kGridWorker[] = "GRID_WORKER";  // 网格员: reports and handles
inline constexpr char kAdmin[] = "ADMIN";             // directory and catalogue
inline constexpr char kOperator[] = "OPERATOR";       // queues, dead letters, clocks
inline constexpr char kAuditor[] = "AUDITOR";         // reads everything, changes nothing
inline constexpr char kService[] = "SERVICE";         // another service of the suite
inline constexpr char kCitizen[] = "CITIZEN";         // 群众: own cases only

}  // namespace yikou::auth

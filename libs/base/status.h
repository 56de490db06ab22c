// Early return for absl::Status and absl::StatusOr.
#pragma once

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define YK_RETURN_IF_ERROR(expr)           \
  do {                                     \
    absl::Status yk_status = (expr);       \
    if (!yk_status.ok()) return yk_status; \
  } while (false)

#define YK_CONCAT_INNER(a, b) a##b
#define YK_CONCAT(a, b) YK_CONCAT_INNER(a, b)

// Assigns the value of a StatusOr to `lhs`, or returns its status.
#define YK_ASSIGN_OR_RETURN(lhs, expr) \
  YK_ASSIGN_OR_RETURN_IMPL(YK_CONCAT(yk_or_, __LINE__), lhs, expr)
#define YK_ASSIGN_OR_RETURN_IMPL(tmp, lhs, expr) \
  auto tmp = (expr);                             \
  if (!tmp.ok()) return std::move(tmp).status(); \
  lhs = *std::move(tmp)

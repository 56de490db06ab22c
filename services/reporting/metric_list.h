// The metrics reporting publishes, each with its formula: what a unit is measured by is public.
#pragma once

#include "yikou/reporting/v1/reporting.pb.h"

namespace yikou::reporting {

// M01 to M12 in order. A formula never changes under its version: a changed one gets the next.
v1::ListMetricsResponse PublishedMetrics();

}  // namespace yikou::reporting

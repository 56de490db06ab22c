// What of an answer people see: columns of tables and lines of objects, by answer.
#pragma once

#include <vector>

#include "services/cli/fields.h"

namespace yikou::cli {

// One column of a table, or one line of an object.
struct Column {
  const char* header;
  const char* path;  // from the row; "../name" from the message that lists the row
  Show show = Show::kAuto;
};

// A part of an answer: a table when `rows` leads through a repeated field, else one object.
struct Section {
  const char* title;
  const char*
      rows;  // path in the response, "" is the response itself; several by comma, of one type
  std::vector<Column> columns;
};

using View = std::vector<Section>;

// Catalogue and directory.
View ItemListView();
View ItemView();
View UnitListView();
View UnitView();
View CountView();  // answers of imports

// Cases.
View CaseListView();
View CaseView();
View ReceiptView();     // CaseView and what ReceiveCase adds
View CorrectionView();  // CaseView and what RequestCorrection adds
View TimelineView();
View CustodyView();
View MaterialView();
View DeadlineView();
View RouteView();

// Work on applications and licences.
View WorkListView();
View ProcessView();
View LicenceView();
View VerdictView();  // of VerifyLicence

// Grid events, field requests, hand-offs, workers.
View EventListView();
View EventView();
View FieldListView();
View FieldView();
View OfferListView();
View OfferView();
View WorkerListView();

// Figures.
View SummaryView();
View RebuildView();
View MetricListView();

// Operation.
View QueueView();
View StuckView();
View RetryView();
View RepublishView();
View AuditView();
View SignedHeadView();
View HeadsView();
View ClockListView();
View HealthView();

}  // namespace yikou::cli

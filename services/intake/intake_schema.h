// What intake stores, and where.
#pragma once

#include "libs/casework/calendar.h"
#include "libs/store/store.h"

namespace yikou::intake {

struct IntakeKinds {
  explicit IntakeKinds(const casework::Calendar* calendar);

  store::AggregateKind record;       // CaseRecord: what intake itself decided
  store::AggregateKind view;         // CaseRecord with the owner's state mirrored; not audited
  store::AggregateKind application;  // Application: personal data
  store::AggregateKind material;     // MaterialHeader, with the digest of its bytes
};

extern const store::Table kBlob;
extern const store::Table kQueryCode;

std::vector<store::Migration> IntakeMigrations();

}  // namespace yikou::intake

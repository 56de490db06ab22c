-- Offers that nobody has taken and nobody offers again (1): operators are told of them.
ALTER TABLE offer ADD COLUMN unanswered BIGINT NOT NULL DEFAULT 0;
CREATE INDEX offer_unanswered ON offer (unanswered, id);

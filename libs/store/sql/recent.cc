#include "libs/store/sql/recent.h"

namespace yikou::store {

std::optional<Stored> RecentAggregates::Find(const AggregateKind& kind, const std::string& id) {
  std::lock_guard<std::mutex> lock(mutex_);
  const auto found = by_key_.find(KeyOf(kind.table, id));
  if (found == by_key_.end()) return std::nullopt;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->stored;
}

void RecentAggregates::Keep(const Write& write) {
  Entry entry{KeyOf(write.kind->table, write.id), {write.id, write.new_version, write.body}};
  std::lock_guard<std::mutex> lock(mutex_);
  if (const auto found = by_key_.find(entry.key); found != by_key_.end()) Drop(found->second);
  bytes_ += BytesOf(entry);
  entries_.push_front(std::move(entry));
  by_key_[entries_.front().key] = entries_.begin();
  while (bytes_ > max_bytes_) Drop(std::prev(entries_.end()));
}

void RecentAggregates::Forget(const std::string& table, const std::string& id) {
  std::lock_guard<std::mutex> lock(mutex_);
  const auto found = by_key_.find(KeyOf(table, id));
  if (found != by_key_.end()) Drop(found->second);
}

void RecentAggregates::Clear() {
  std::lock_guard<std::mutex> lock(mutex_);
  while (!entries_.empty()) Drop(entries_.begin());
}

void RecentAggregates::Drop(std::list<Entry>::iterator entry) {
  bytes_ -= BytesOf(*entry);
  by_key_.erase(entry->key);
  entries_.erase(entry);
}

}  // namespace yikou::store

// Aggregates this process wrote last, so that the next decision on them needs no read. What is here
// was committed; whether it is still the newest version only the commit of that decision tells,
// when others write the same record.
#pragma once

#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "libs/store/store.h"

namespace yikou::store {

// Threads: any.
class RecentAggregates {
 public:
  // Keeps up to `max_bytes` of bodies; the aggregate that was asked for longest ago goes first.
  explicit RecentAggregates(size_t max_bytes) : max_bytes_(max_bytes) {}

  std::optional<Stored> Find(const AggregateKind& kind, const std::string& id);
  void Keep(const Write& write);
  void Forget(const std::string& table, const std::string& id);
  void Clear();

 private:
  struct Entry {
    std::string key;
    Stored stored;
  };
  static std::string KeyOf(const std::string& table, const std::string& id) {
    return table + "/" + id;
  }
  static size_t BytesOf(const Entry& entry) {
    return 2 * entry.key.size() + entry.stored.id.size() + entry.stored.body.size() + 128;
  }
  void Drop(std::list<Entry>::iterator entry);

  const size_t max_bytes_;
  std::mutex mutex_;
  size_t bytes_ = 0;
  std::list<Entry> entries_;  // used last first
  std::unordered_map<std::string, std::list<Entry>::iterator> by_key_;
};

}  // namespace yikou::store

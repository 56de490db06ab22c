#include "tests/sim/ground.h"

#include <sys/stat.h>

#include <fstream>
#include <functional>
#include <set>
#include <sstream>
#include <stdexcept>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/sim/world.h"

namespace yikou::sim {

namespace {

constexpr char kData[] = YIKOU_SOURCE_DIR "/deploy/data/";

void CopyLines(const std::string& from, const std::string& to,
               const std::function<bool(const std::string& line)>& wanted) {
  std::ifstream source(from);
  std::ofstream target(to);
  std::string line;
  while (std::getline(source, line)) {
    if (wanted(line)) target << line << "\n";
  }
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// The street of the simulation: two communities of 兴建街道, and the district's bodies.
bool IsHere(const std::string& line, const std::string& quote) {
  for (const char* unit :
       {"230108", "230108-archives", "230108-hr", "230108-civil", "230108001", "230108001-centre",
        "230108001002", "230108001002-station", "230108001002-g01", "230108001004",
        "230108001004-station", "230108001004-g01", "230108001004-g02"}) {
    if (absl::StrContains(line, absl::StrCat(quote, unit, quote))) return true;
  }
  return false;
}

// Decided by one body, by two in turn, by rule, and by two at once.
bool IsOffered(const std::string& line) {
  for (const char* item : {"YK-S001", "YK-S002", "YK-S004", "YK-B001", "YK-B002"}) {
    if (absl::StrContains(line, absl::StrCat("\"code\":\"", item, "\""))) return true;
  }
  return false;
}

void Require(const absl::Status& status) {
  if (!status.ok()) throw std::runtime_error(status.ToString());
}

}  // namespace

std::string Ground::calendar() const {
  return absl::StrCat(kData, "calendar/cn_holidays_2007_2026.csv");
}

Ground::Ground() {
  CopyData();
  LoadSeals();
  Settle();
}

void Ground::CopyData() {
  for (const char* service : kServices) mkdir(dir_.File(service).c_str(), 0700);
  CopyLines(
      absl::StrCat(kData, "directory/units.jsonl"), dir_.File("units.jsonl"),
      [](const std::string& line) { return IsHere(line.substr(0, line.find("\"tier\"")), "\""); });
  CopyLines(absl::StrCat(kData, "catalogue/items.jsonl"), dir_.File("items.jsonl"), IsOffered);
  CopyLines(absl::StrCat(kData, "directory/workers.csv"), dir_.File("workers.csv"),
            [](const std::string& line) {
              return absl::StartsWith(line, "worker_id") || IsHere(line, ",");
            });
  dir_.Write("categories.json", ReadFile(absl::StrCat(kData, "grid/categories.json")));
}

void Ground::LoadSeals() {
  auto seals = approval::SealRegister::Parse(ReadFile(absl::StrCat(kData, "catalogue/seals.json")));
  Require(seals.status());
  seals_ = *std::move(seals);
  Require(seals_.LoadKeys(dir_.path(), true));
}

// A run of its own, in good weather: everybody reads the reference data of the others.
void Ground::Settle() {
  World world(this, {.seed = 0, .trace = false, .import = true});
  Scheduler& scheduler = world.scheduler();
  for (const auto& node : world.nodes()) node->Start();
  scheduler.Spawn(world.outside(), "photographer", [&] {
    scheduler.Sleep(absl::Seconds(5));
    intake::v1::UploadMaterialRequest request;
    request.set_chunk("a photograph");
    rpc::CallContext context;
    context.principal = {"clerk", "230108001004", {"CLERK"}, ""};
    auto bytes = world.Call("outside", "intake", context, request.GetDescriptor()->full_name(),
                            request.SerializeAsString());
    Require(bytes.status());
    intake::v1::UploadMaterialResponse response;
    response.ParseFromString(*bytes);
    material_ = response.material_id();
  });
  scheduler.RunUntil([&] { return !material_.empty(); }, scheduler.Now() + absl::Minutes(1));
  const absl::Time bound = scheduler.Now() + absl::Minutes(2);
  while (!world.Pending().empty() && scheduler.Now() < bound) {
    scheduler.RunUntil([] { return false; }, scheduler.Now() + absl::Seconds(1));
  }
  if (!world.Pending().empty() || material_.empty()) {
    throw std::runtime_error(absl::StrCat("The ground does not settle: ", world.Pending()));
  }
  for (const auto& node : world.nodes()) node->Stop();
  scheduler.RunUntil(
      [&] {
        for (const auto& node : world.nodes()) {
          if (!node->down()) return false;
        }
        return true;
      },
      scheduler.Now() + absl::Minutes(1));
  for (const char* service : kServices) disks_[service] = world.disk(service).Copy();
  start_ = scheduler.Now() + absl::Seconds(10);
}

}  // namespace yikou::sim

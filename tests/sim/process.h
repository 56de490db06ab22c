// One running process of the suite: app::Service and the business of one service, wired as its
// main() wires them, with handlers that are found by the name of their request.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "google/protobuf/message.h"
#include "libs/app/service.h"
#include "services/approval/seal_register.h"
#include "yikou/intake/v1/intake.pb.h"

namespace yikou::sim {

// What every process of a run has in common.
struct Surroundings {
  std::string data_dir;  // catalogue, directory, categories, workers of the simulation
  const approval::SealRegister* seals = nullptr;
  bool import = false;  // the first start of all: reads catalogue, directory and workers
  std::function<absl::Status(const rpc::CallContext&, const std::string& case_id,
                             int64_t owner_version, const intake::v1::WithdrawCaseRequest&)>
      forward_withdraw;
};

class Process {
 public:
  using Answer = std::function<void(absl::StatusOr<std::string>)>;
  using Handler =
      std::function<void(const rpc::CallContext&, const std::string& request, Answer answer)>;

  explicit Process(std::unique_ptr<app::Service> core) : core_(std::move(core)) {}
  virtual ~Process() = default;

  app::Service& core() { return *core_; }
  // Migrates and imports; from here on calls can be served.
  virtual absl::Status Prepare(const Surroundings& around) = 0;

  const std::vector<app::InputStream>& inputs() const { return inputs_; }
  const std::vector<const store::AggregateKind*>& timed_kinds() const { return timed_kinds_; }

  // The handler of a request by its full name; null when it is not of this service.
  const Handler* Find(const std::string& request) const;

 protected:
  // Gives app::Service what the service brings, and remembers what it reads.
  absl::Status PrepareCore(app::ServiceParts parts);
  void ServeCommon();
  template <class Object, class Req, class Resp>
  void Command(Object* object,
               absl::StatusOr<store::Outcome<Resp>> (Object::*method)(const rpc::CallContext&,
                                                                      const Req&)) {
    AddCommand<Req, Resp>([object, method](const auto& call, const auto& req) {
      return (object->*method)(call, req);
    });
  }
  template <class Object, class Req, class Resp>
  void Command(const Object* object,
               absl::StatusOr<store::Outcome<Resp>> (Object::*method)(const rpc::CallContext&,
                                                                      const Req&) const) {
    AddCommand<Req, Resp>([object, method](const auto& call, const auto& req) {
      return (object->*method)(call, req);
    });
  }
  template <class Object, class Req, class Resp>
  void Query(Object* object,
             absl::StatusOr<Resp> (Object::*method)(const rpc::CallContext&, const Req&)) {
    AddQuery<Req, Resp>([object, method](const auto& call, const auto& req) {
      return (object->*method)(call, req);
    });
  }
  template <class Object, class Req, class Resp>
  void Query(const Object* object,
             absl::StatusOr<Resp> (Object::*method)(const rpc::CallContext&, const Req&) const) {
    AddQuery<Req, Resp>([object, method](const auto& call, const auto& req) {
      return (object->*method)(call, req);
    });
  }
  void Add(const std::string& request, Handler handler) { handlers_[request] = std::move(handler); }
  template <class Req, class Resp>
  void AddQuery(std::function<absl::StatusOr<Resp>(const rpc::CallContext&, const Req&)> handler) {
    handlers_[Req::descriptor()->full_name()] = [handler](const rpc::CallContext& call,
                                                          const std::string& bytes, Answer answer) {
      Req request;
      request.ParseFromString(bytes);
      absl::StatusOr<Resp> response = handler(call, request);
      if (!response.ok()) return answer(response.status());
      answer(response->SerializeAsString());
    };
  }

 private:
  template <class Req, class Resp>
  void AddCommand(app::CommandHandler<Req, Resp> handler) {
    handlers_[Req::descriptor()->full_name()] =
        [this, handler](const rpc::CallContext& call, const std::string& bytes, Answer answer) {
          Req request;
          request.ParseFromString(bytes);
          core_->commands().Run<Req, Resp>(call, request, handler,
                                           [answer](absl::StatusOr<Resp> response) {
                                             if (!response.ok()) return answer(response.status());
                                             answer(response->SerializeAsString());
                                           });
        };
  }

  std::unique_ptr<app::Service> core_;
  std::vector<app::InputStream> inputs_;
  std::vector<const store::AggregateKind*> timed_kinds_;
  std::map<std::string, Handler> handlers_;
};

// A process of the named service around an open app::Service.
std::unique_ptr<Process> MakeProcess(const std::string& service,
                                     std::unique_ptr<app::Service> core);

}  // namespace yikou::sim

// Materials: bytes an applicant handed in, stored once each by digest.
#pragma once

#include <memory>
#include <string>

#include "libs/app/service_env.h"
#include "libs/rpc/call.h"
#include "services/intake/intake_schema.h"
#include "yikou/intake/v1/intake.pb.h"

namespace yikou::intake {

class MaterialService {
 public:
  MaterialService(const app::ServiceEnv* env, const IntakeKinds* kinds)
      : env_(env), kinds_(kinds) {}

  using Sink = rpc::UploadSink<v1::UploadMaterialRequest, v1::UploadMaterialResponse>;
  std::unique_ptr<Sink> Upload(const rpc::CallContext& context) const;

  // Streams the header and then the bytes.
  void Read(const rpc::CallContext& context, const v1::ReadMaterialRequest& request,
            std::shared_ptr<rpc::StreamWriter<v1::ReadMaterialResponse>> writer) const;

 private:
  absl::StatusOr<std::string> BytesOf(const rpc::CallContext& context,
                                      const v1::ReadMaterialRequest& request,
                                      v1::MaterialHeader* header) const;

  const app::ServiceEnv* env_;
  const IntakeKinds* kinds_;
};

}  // namespace yikou::intake

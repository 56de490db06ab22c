#include "services/intake/material_service.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/ids.h"
#include "libs/casework/chain.h"
#include "libs/casework/errors.h"
#include "services/intake/intake_rules.h"

namespace yikou::intake {

namespace cw = casework::v1;
using casework::Error;

namespace {

constexpr size_t kChunk = 512 * 1024;

// Collects one upload. Nothing is stored before size and digest are what the header said.
class Collector final : public MaterialService::Sink {
 public:
  Collector(const app::ServiceEnv* env, const IntakeKinds* kinds, rpc::CallContext context)
      : env_(env), kinds_(kinds), context_(std::move(context)) {}

  absl::Status OnMessage(const v1::UploadMaterialRequest& message) override {
    if (message.has_header()) return TakeHeader(message.header());
    if (!has_header_) {
      casework::Violations violations;
      violations.Add("header", "must be the first message of an upload.");
      return violations.ToStatus();
    }
    bytes_.append(message.chunk());
    if (static_cast<int64_t>(bytes_.size()) > header_.size_bytes()) return Mismatch();
    return absl::OkStatus();
  }

  void OnFinish(rpc::Reply<v1::UploadMaterialResponse> reply) override {
    if (!has_header_ || static_cast<int64_t>(bytes_.size()) != header_.size_bytes() ||
        base::ToHex(casework::Digest(bytes_)) != header_.sha256()) {
      return reply(Mismatch());
    }
    store::Work work = env_->WorkFor(context_, header_.request_id());
    // The same upload again is the same material: the id follows from who sent it and its request.
    const std::string id =
        base::ToHex(casework::Digest(absl::StrCat(context_.principal.unit_id, "\n",
                                                  context_.principal.person_id, "\n",
                                                  header_.request_id(), "\n", header_.sha256())))
            .substr(0, 32);
    v1::UploadMaterialResponse response;
    response.set_material_id(id);
    response.set_sha256(header_.sha256());
    absl::StatusOr<v1::MaterialHeader*> known = work.Load<v1::MaterialHeader>(kinds_->material, id);
    if (known.ok()) return reply(response);
    if (!absl::IsNotFound(known.status())) return reply(known.status());
    *work.Create<v1::MaterialHeader>(kinds_->material, id) = header_;
    work.Emit(kinds_->material, id, "intake.material_stored", "");
    work.Put({.table = &kBlob,
              .mode = store::RowWrite::Mode::kInsertOrIgnore,
              .keys = {header_.sha256()},
              .values = {store::Blob{std::move(bytes_)}}});
    absl::StatusOr<store::Change> change = work.Take();
    if (!change.ok()) return reply(change.status());
    env_->committer->Submit(*std::move(change), [reply, response](absl::Status committed) {
      // Two of the same upload at once: the other one stored it.
      if (committed.ok() || absl::IsAborted(committed)) return reply(response);
      reply(committed);
    });
  }

 private:
  absl::Status TakeHeader(const v1::MaterialHeader& header) {
    casework::Violations violations;
    if (has_header_) violations.Add("header", "must come once.");
    CheckMaterialHeader(header, &violations);
    if (!base::IsUuid(header.request_id())) {
      violations.Add("header.request_id", "must be a UUID.");
    }
    YK_RETURN_IF_ERROR(violations.ToStatus());
    if (header.size_bytes() > kMaterialBytesMax) {
      return Error(absl::StatusCode::kResourceExhausted, cw::ERROR_REASON_LIMIT_EXCEEDED,
                   absl::StrCat("材料有 ", header.size_bytes(), " 字节，超过上限 ",
                                kMaterialBytesMax, " 字节；请压缩或分成几份。"))
          .With("limit", absl::StrCat(kMaterialBytesMax));
    }
    header_ = header;
    has_header_ = true;
    bytes_.reserve(static_cast<size_t>(header.size_bytes()));
    return absl::OkStatus();
  }

  absl::Status Mismatch() const {
    return Error(absl::StatusCode::kDataLoss, cw::ERROR_REASON_MATERIAL_MISMATCH,
                 absl::StrCat("收到的内容与声明的大小或摘要不符（已收 ", bytes_.size(),
                              " 字节，声明 ", header_.size_bytes(), " 字节）；请重新上传。"));
  }

  const app::ServiceEnv* env_;
  const IntakeKinds* kinds_;
  rpc::CallContext context_;
  v1::MaterialHeader header_;
  bool has_header_ = false;
  std::string bytes_;
};

}  // namespace

std::unique_ptr<MaterialService::Sink> MaterialService::Upload(
    const rpc::CallContext& context) const {
  return std::make_unique<Collector>(env_, kinds_, context);
}

absl::StatusOr<std::string> MaterialService::BytesOf(const rpc::CallContext& context,
                                                     const v1::ReadMaterialRequest& request,
                                                     v1::MaterialHeader* header) const {
  absl::StatusOr<store::Stored> stored =
      env_->store->Get(kinds_->application, request.case_id(), env_->ScopeOf(context));
  v1::Application application;
  if (absl::IsNotFound(stored.status())) return casework::NotFound("办件", request.case_id());
  YK_RETURN_IF_ERROR(stored.status());
  application.ParseFromString(stored->body);
  const bool used =
      std::any_of(application.materials().begin(), application.materials().end(),
                  [&](const auto& ref) { return ref.material_id() == request.material_id(); });
  if (!used) return casework::NotFound("材料", request.material_id());
  YK_ASSIGN_OR_RETURN(store::Stored material,
                      env_->store->Get(kinds_->material, request.material_id()));
  header->ParseFromString(material.body);
  YK_ASSIGN_OR_RETURN(
      auto rows,
      env_->store->Select(
          kBlob, {.filters = {{"digest", store::Filter::Op::kEq, header->sha256()}}, .limit = 1}));
  if (rows.empty()) return absl::DataLossError("The bytes of a material are missing.");
  return std::get<store::Blob>(rows[0][1]).bytes;
}

void MaterialService::Read(
    const rpc::CallContext& context, const v1::ReadMaterialRequest& request,
    std::shared_ptr<rpc::StreamWriter<v1::ReadMaterialResponse>> writer) const {
  v1::ReadMaterialResponse head;
  absl::StatusOr<std::string> bytes = BytesOf(context, request, head.mutable_header());
  if (!bytes.ok()) return writer->Close(bytes.status());
  writer->Write(std::move(head));
  for (size_t at = 0; at < bytes->size(); at += kChunk) {
    v1::ReadMaterialResponse chunk;
    chunk.set_chunk(bytes->substr(at, kChunk));
    if (!writer->Write(std::move(chunk))) return;
  }
  writer->Close(absl::OkStatus());
}

}  // namespace yikou::intake

#include "libs/rpc/method.h"

#include "absl/strings/str_cat.h"

namespace yikou::rpc {
namespace {

bool Fits(const google::protobuf::MethodDescriptor& method,
          const google::protobuf::Descriptor* request, const google::protobuf::Descriptor* response,
          MethodKind kind) {
  return method.input_type() == request && method.output_type() == response &&
         method.client_streaming() == (kind == MethodKind::kClientStream) &&
         method.server_streaming() == (kind == MethodKind::kServerStream);
}

}  // namespace

Method MethodOf(const google::protobuf::Descriptor* request,
                const google::protobuf::Descriptor* response, MethodKind kind) {
  Method found;
  const google::protobuf::FileDescriptor* file = request->file();
  for (int s = 0; s < file->service_count(); ++s) {
    const google::protobuf::ServiceDescriptor* service = file->service(s);
    for (int m = 0; m < service->method_count(); ++m) {
      const google::protobuf::MethodDescriptor* method = service->method(m);
      if (!Fits(*method, request, response, kind)) continue;
      if (!found.path.empty()) return {};
      found = {absl::StrCat("/", service->full_name(), "/", method->name()), service->full_name(),
               method->name()};
    }
  }
  return found;
}

}  // namespace yikou::rpc

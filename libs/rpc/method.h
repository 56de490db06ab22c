// Names of a method, found from its messages. Every method has a request message of its own (`buf
// lint` sees to it), so nobody has to type a name that could be wrong. For libs/rpc only.
#pragma once

#include <string>

#include "google/protobuf/descriptor.h"

namespace yikou::rpc {

struct Method {
  std::string path;     // "/pkg.Service/Name"; empty when there is no such method
  std::string service;  // "pkg.Service"
  std::string name;     // "Name"
};

enum class MethodKind { kUnary, kServerStream, kClientStream };

// The one method of the request's own file with these messages; empty when there is none, or more
// than one.
Method MethodOf(const google::protobuf::Descriptor* request,
                const google::protobuf::Descriptor* response, MethodKind kind);

// As above for message types, looked up once.
template <class Req, class Resp>
const Method& MethodFor(MethodKind kind) {
  static const Method method = MethodOf(Req::descriptor(), Resp::descriptor(), kind);
  return method;
}

}  // namespace yikou::rpc

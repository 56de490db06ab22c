// One line a method: how a grpc_server.cc ties an RPC to its handler. For grpc_server.cc only.
//
// The class around it has `adapter_` (rpc::Adapter*) and `service_` (app::Service*), and the area's
// protos are namespace v1.
#pragma once

#include "libs/app/service.h"
#include "libs/auth/roles.h"
#include "libs/rpc/adapter.h"

// A command: decided by the handler, committed, then answered.
#define YK_COMMAND(Name, rule, handler)                                                          \
  grpc::ServerUnaryReactor* Name(grpc::CallbackServerContext* context,                           \
                                 const v1::Name##Request* request, v1::Name##Response* response) \
      override {                                                                                 \
    return adapter_->Unary<v1::Name##Request, v1::Name##Response>(                               \
        context, request, response, rule,                                                        \
        service_->commands().Bind<v1::Name##Request, v1::Name##Response>(                        \
            [this](const auto& call, const auto& req) { return handler->Name(call, req); }));    \
  }

// A read: answered at once.
#define YK_QUERY(Name, rule, handler)                                                            \
  grpc::ServerUnaryReactor* Name(grpc::CallbackServerContext* context,                           \
                                 const v1::Name##Request* request, v1::Name##Response* response) \
      override {                                                                                 \
    return adapter_->Unary<v1::Name##Request, v1::Name##Response>(                               \
        context, request, response, rule,                                                        \
        app::BindQuery<v1::Name##Request, v1::Name##Response>(                                   \
            [this](const auto& call, const auto& req) { return handler->Name(call, req); }));    \
  }

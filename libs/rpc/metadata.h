// Keys of the metadata we read and send. For libs/rpc only.
#pragma once

namespace yikou::rpc {

inline constexpr char kAuthorizationKey[] = "authorization";  // "Bearer <token>"
inline constexpr char kTraceparentKey[] = "traceparent";      // W3C trace context
inline constexpr char kForwardedKey[] = "x-yikou-forwarded";  // "1": forwarded once already

}  // namespace yikou::rpc

#include "libs/store/postgres/wire.h"

#include <cstring>

#include "absl/strings/str_cat.h"

namespace yikou::store::wire {
namespace {

void Append32(std::string* out, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out->push_back(static_cast<char>(value >> shift));
}

void Append64(std::string* out, uint64_t value) {
  Append32(out, static_cast<uint32_t>(value >> 32));
  Append32(out, static_cast<uint32_t>(value));
}

uint64_t ReadBigEndian(const char* bytes, int length) {
  uint64_t value = 0;
  for (int i = 0; i < length; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

struct Encoder {
  std::string* out;
  void operator()(std::monostate) const {}
  void operator()(int64_t value) const { Append64(out, static_cast<uint64_t>(value)); }
  void operator()(double value) const {
    uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof bits);
    Append64(out, bits);
  }
  void operator()(const std::string& value) const { out->append(value); }
  void operator()(const Blob& value) const { out->append(value.bytes); }
};

size_t SizeOf(const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return text->size();
  if (const auto* blob = std::get_if<Blob>(&value)) return blob->bytes.size();
  return 8;
}

}  // namespace

Oid TypeOf(const Value& value) {
  if (std::holds_alternative<int64_t>(value)) return kInt8;
  if (std::holds_alternative<double>(value)) return kFloat8;
  if (std::holds_alternative<std::string>(value)) return kText;
  if (std::holds_alternative<Blob>(value)) return kBytes;
  return 0;
}

Oid ArrayOf(Oid element) {
  switch (element) {
    case kBytes:
      return 1001;
    case kText:
      return 1009;
    case kInt8:
      return 1016;
    case kFloat8:
      return 1022;
    default:
      return 0;
  }
}

const char* NameOf(Oid element) {
  switch (element) {
    case kBytes:
      return "bytea";
    case kText:
      return "text";
    case kInt8:
      return "bigint";
    default:
      return "double precision";
  }
}

std::string Encode(const Value& value) {
  std::string bytes;
  std::visit(Encoder{&bytes}, value);
  return bytes;
}

absl::StatusOr<std::string> EncodeArray(const std::vector<Row>& rows, size_t column, Oid element) {
  std::string bytes;
  size_t size = 20;
  for (const Row& row : rows) size += 4 + SizeOf(row[column]);
  bytes.reserve(size);
  Append32(&bytes, 1);  // dimensions
  Append32(&bytes, 1);  // there may be NULLs
  Append32(&bytes, element);
  Append32(&bytes, static_cast<uint32_t>(rows.size()));
  Append32(&bytes, 1);  // first index
  for (const Row& row : rows) {
    const Value& value = row[column];
    if (std::holds_alternative<std::monostate>(value)) {
      Append32(&bytes, 0xffffffff);
      continue;
    }
    if (TypeOf(value) != element) {
      return absl::InternalError(absl::StrCat("A value of type ", NameOf(TypeOf(value)),
                                              " is meant for a column of type ", NameOf(element),
                                              "."));
    }
    Append32(&bytes, static_cast<uint32_t>(SizeOf(value)));
    std::visit(Encoder{&bytes}, value);
  }
  return bytes;
}

absl::StatusOr<Value> Decode(Oid type, const char* bytes, int length) {
  switch (type) {
    case kInt8:
      return static_cast<int64_t>(ReadBigEndian(bytes, 8));
    case kInt4:
      return int64_t{static_cast<int32_t>(ReadBigEndian(bytes, 4))};
    case kFloat8: {
      const uint64_t bits = ReadBigEndian(bytes, 8);
      double value = 0;
      std::memcpy(&value, &bits, sizeof value);
      return value;
    }
    case kText:
      return std::string(bytes, length);
    case kBytes:
      return Blob{std::string(bytes, length)};
    default:
      return absl::InternalError(absl::StrCat("PostgreSQL sent a value of type number ", type,
                                              ", which the record does not use."));
  }
}

}  // namespace yikou::store::wire

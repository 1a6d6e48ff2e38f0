// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/wire_format.h"

namespace fettle::fuzz {
namespace {

constexpr int kMostDepth = 16;

// What onnx.proto says of the fields that are messages.
Kind kind_of(Kind parent, std::uint32_t id) {
  struct Entry {
    Kind parent;
    std::uint32_t id;
    Kind kind;
  };
  constexpr Entry kMessages[] = {
      {Kind::model, 7, Kind::graph},       {Kind::model, 8, Kind::opset},
      {Kind::graph, 1, Kind::node},        {Kind::graph, 5, Kind::tensor},
      {Kind::graph, 11, Kind::value_info}, {Kind::graph, 12, Kind::value_info},
      {Kind::node, 5, Kind::attribute},    {Kind::attribute, 5, Kind::tensor},
      {Kind::model, 25, Kind::function},   {Kind::function, 7, Kind::node},
      {Kind::function, 9, Kind::opset},    {Kind::function, 11, Kind::attribute},
      {Kind::attribute, 6, Kind::graph},   {Kind::value_info, 2, Kind::type},
      {Kind::type, 1, Kind::tensor_type},  {Kind::tensor_type, 2, Kind::shape},
      {Kind::shape, 1, Kind::dimension},
  };
  for (const Entry& entry : kMessages) {
    if (entry.parent == parent && entry.id == id) return entry.kind;
  }
  return Kind::leaf;
}

bool take_varint(std::string_view& bytes, std::uint64_t& value) {
  value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (bytes.empty()) return false;
    const auto byte = static_cast<std::uint8_t>(bytes.front());
    bytes.remove_prefix(1);
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return true;
  }
  return false;
}

bool take_fixed(std::string_view& bytes, unsigned count, std::uint64_t& value) {
  if (bytes.size() < count) return false;
  value = 0;
  for (unsigned i = 0; i < count; ++i)
    value |= static_cast<std::uint64_t>(static_cast<std::uint8_t>(bytes[i])) << 8 * i;
  bytes.remove_prefix(count);
  return true;
}

bool take_bytes(std::string_view& bytes, Kind kind, int depth, Field& field) {
  std::uint64_t size = 0;
  if (!take_varint(bytes, size) || size > bytes.size()) return false;
  const std::string_view inside = bytes.substr(0, static_cast<std::size_t>(size));
  bytes.remove_prefix(inside.size());
  auto fields =
      kind == Kind::leaf || depth >= kMostDepth ? std::nullopt : read_message(kind, inside, depth + 1);
  if (fields) {
    field.kind = kind;
    field.fields = *std::move(fields);
  } else {
    field.bytes = inside;
  }
  return true;
}

void put_varint(std::string& bytes, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) bytes.push_back(static_cast<char>((value & 0x7f) | 0x80));
  bytes.push_back(static_cast<char>(value));
}

}  // namespace

std::optional<std::vector<Field>> read_message(Kind kind, std::string_view bytes, int depth) {
  std::vector<Field> fields;
  while (!bytes.empty()) {
    std::uint64_t tag = 0;
    if (!take_varint(bytes, tag)) return std::nullopt;
    Field field;
    field.id = static_cast<std::uint32_t>(tag >> 3);
    field.wire = static_cast<Wire>(tag & 7);
    const bool taken = field.wire == Wire::varint    ? take_varint(bytes, field.number)
                       : field.wire == Wire::fixed32 ? take_fixed(bytes, 4, field.number)
                       : field.wire == Wire::fixed64 ? take_fixed(bytes, 8, field.number)
                       : field.wire == Wire::bytes ? take_bytes(bytes, kind_of(kind, field.id), depth, field)
                                                   : false;
    if (!taken || field.id == 0) return std::nullopt;
    fields.push_back(std::move(field));
  }
  return fields;
}

std::string write_message(const std::vector<Field>& fields) {
  std::string bytes;
  for (const Field& field : fields) {
    put_varint(bytes, static_cast<std::uint64_t>(field.id) << 3 | static_cast<std::uint64_t>(field.wire));
    if (field.wire == Wire::varint) {
      put_varint(bytes, field.number);
    } else if (field.wire == Wire::bytes) {
      const std::string inside = field.kind == Kind::leaf ? field.bytes : write_message(field.fields);
      put_varint(bytes, inside.size());
      bytes += inside;
    } else {
      for (unsigned i = 0; i < (field.wire == Wire::fixed32 ? 4u : 8u); ++i)
        bytes.push_back(static_cast<char>(field.number >> 8 * i & 0xff));
    }
  }
  return bytes;
}

}  // namespace fettle::fuzz

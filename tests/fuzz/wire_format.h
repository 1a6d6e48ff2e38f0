// SPDX-License-Identifier: Apache-2.0
//
// ONNX files as trees of fields, read and written without protobuf: any field may be changed or lie anywhere.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fettle::fuzz {

/// The messages of onnx.proto that are taken apart; everything else stays bytes.
enum class Kind {
  leaf,
  model,
  opset,
  graph,
  function,
  node,
  attribute,
  tensor,
  value_info,
  type,
  tensor_type,
  shape,
  dimension
};

/// protobuf's wire types.
enum class Wire : std::uint8_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

struct Field {
  std::uint32_t id = 0;
  Wire wire = Wire::varint;
  Kind kind = Kind::leaf;
  std::uint64_t number = 0;   ///< of varint, fixed32 and fixed64
  std::string bytes;          ///< of leaves of wire type bytes
  std::vector<Field> fields;  ///< of messages
};

/// The fields of a message; nothing when the bytes are none.
std::optional<std::vector<Field>> read_message(Kind kind, std::string_view bytes, int depth = 0);
std::string write_message(const std::vector<Field>& fields);

}  // namespace fettle::fuzz

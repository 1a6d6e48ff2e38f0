// SPDX-License-Identifier: Apache-2.0
#include "lib/onnx/write_tensor.h"

#include "lib/onnx/tensor.h"

#include <cstdint>
#include <utility>
#include <variant>
#include <vector>

namespace fettle::onnx_export {
namespace {

// Several elements a byte, the first in the lowest bits.
std::string packed(DataType type, std::span<const std::byte> elements) {
  const std::size_t count = onnx_import::elements_a_byte(type);
  const std::size_t bits = 8 / count;
  const unsigned mask = (1u << bits) - 1;
  std::string bytes((elements.size() + count - 1) / count, '\0');
  for (std::size_t i = 0; i < elements.size(); ++i) {
    const unsigned element = (std::to_integer<unsigned>(elements[i]) & mask) << (i % count * bits);
    bytes[i / count] = static_cast<char>(static_cast<unsigned char>(bytes[i / count]) | element);
  }
  return bytes;
}

}  // namespace

void write_tensor(const std::string& name, DataType type, const Shape& shape,
                  std::span<const std::byte> bytes, onnx::TensorProto& tensor) {
  tensor.set_name(name);
  tensor.set_data_type(onnx_import::onnx_type(type));
  for (const std::int64_t extent : shape) tensor.add_dims(extent);
  if (onnx_import::elements_a_byte(type) > 1)
    tensor.set_raw_data(packed(type, bytes));
  else
    tensor.set_raw_data(bytes.data(), bytes.size());
}

void add_attribute(onnx::NodeProto& node, std::string_view name, const AttributeValue& value) {
  if (std::holds_alternative<NoAttribute>(value)) return;
  onnx::AttributeProto& attribute = *node.add_attribute();
  attribute.set_name(std::string(name));
  if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    attribute.set_type(onnx::AttributeProto::INT);
    attribute.set_i(*integer);
  } else if (const auto* real = std::get_if<float>(&value)) {
    attribute.set_type(onnx::AttributeProto::FLOAT);
    attribute.set_f(*real);
  } else if (const auto* integers = std::get_if<std::vector<std::int64_t>>(&value)) {
    attribute.set_type(onnx::AttributeProto::INTS);
    for (const std::int64_t item : *integers) attribute.add_ints(item);
  } else if (const auto* reals = std::get_if<std::vector<float>>(&value)) {
    attribute.set_type(onnx::AttributeProto::FLOATS);
    for (const float item : *reals) attribute.add_floats(item);
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    attribute.set_type(onnx::AttributeProto::STRING);
    attribute.set_s(*text);
  }
}

}  // namespace fettle::onnx_export

// SPDX-License-Identifier: Apache-2.0
#include "lib/onnx/file_builder.h"

#include "lib/base/narrow_floats.h"
#include "lib/onnx/write_tensor.h"

#include <cstring>
#include <utility>

namespace fettle::onnx_export {
namespace {

// The name, or with a number behind it where it is taken.
std::string unique(const std::string& wanted, const char* otherwise, std::set<std::string>& taken) {
  const std::string base = wanted.empty() ? otherwise : wanted;
  std::string result = base;
  for (int copy = 2; !taken.insert(result).second; ++copy) result = base + "_" + std::to_string(copy);
  return result;
}

template <typename T>
std::vector<std::byte> narrowed(std::span<const std::int64_t> numbers) {
  std::vector<std::byte> bytes;
  for (const std::int64_t number : numbers) {
    const auto narrow = static_cast<T>(number);
    const auto one = std::as_bytes(std::span(&narrow, 1));
    bytes.insert(bytes.end(), one.begin(), one.end());
  }
  return bytes;
}

void drop_left_out(Names& names) {
  while (!names.empty() && names.back().empty()) names.pop_back();
}

}  // namespace

std::string FileBuilder::new_name(const std::string& wanted) { return unique(wanted, "value", names_); }

std::string FileBuilder::name_of(graph::ValueId id) {
  if (id == graph::kNoValue) return {};
  if (const auto known = values_.find(id); known != values_.end()) return known->second;
  const graph::Value& value = graph_.value(id);
  std::string name = value.constant ? stored(value, value.type, false) : new_name(value.name);
  return values_.emplace(id, std::move(name)).first->second;
}

std::string FileBuilder::real_of(graph::ValueId id) {
  if (const auto known = reals_.find(id); known != reals_.end()) return known->second;
  const graph::Value& value = graph_.value(id);
  const std::string stored = name_of(id);
  const std::int64_t zero = value.zero_point;
  Names inputs = quantisation(stored, value.type, {&value.scale, 1}, {&zero, 1}, false);
  inputs.insert(inputs.begin(), stored);
  std::string real = new_name(stored + ".real");
  add("DequantizeLinear", stored + ".dequantize", inputs, {real});
  return reals_.emplace(id, std::move(real)).first->second;
}

std::string FileBuilder::constant(const std::string& name, DataType type, const Shape& shape,
                                  std::span<const std::byte> bytes) {
  std::string contents(bytes.size(), '\0');
  if (!bytes.empty()) std::memcpy(contents.data(), bytes.data(), bytes.size());
  std::string& known = small_[{type, Extents(shape.begin(), shape.end()), std::move(contents)}];
  if (known.empty()) {
    known = new_name(name);
    write_tensor(known, type, shape, bytes, *proto_.add_initializer());
  }
  return known;
}

std::string FileBuilder::integers(const std::string& name, std::span<const std::int64_t> numbers) {
  return constant(name, DataType::s64, Shape{static_cast<std::int64_t>(numbers.size())},
                  std::as_bytes(numbers));
}

std::string FileBuilder::integer(const std::string& name, std::int64_t number) {
  return constant(name, DataType::s64, Shape{}, std::as_bytes(std::span(&number, 1)));
}

std::string FileBuilder::reals(const std::string& name, std::span<const float> numbers) {
  return constant(name, DataType::f32, Shape{static_cast<std::int64_t>(numbers.size())},
                  std::as_bytes(numbers));
}

std::string FileBuilder::real(const std::string& name, float number, DataType type) {
  const auto scalar = [&](const auto& element) {
    return constant(name, type, Shape{}, std::as_bytes(std::span(&element, 1)));
  };
  switch (type) {
    case DataType::f32:
      return scalar(number);
    case DataType::f64:
      return scalar(static_cast<double>(number));
    case DataType::f16:
      return scalar(to_f16(number));
    case DataType::bf16:
      return scalar(to_bf16(number));
    default:
      return {};
  }
}

std::string FileBuilder::stored(const graph::Value& value, DataType type, bool flipped) {
  const std::span<const std::byte> bytes = value.constant->bytes;
  std::string& known =
      stored_[{type, Extents(value.shape->begin(), value.shape->end()), bytes.data(), flipped}];
  if (!known.empty()) return known;
  known = new_name(value.name);
  onnx::TensorProto& tensor = *proto_.add_initializer();
  write_tensor(known, type, *value.shape, bytes, tensor);
  if (flipped) {
    for (char& byte : *tensor.mutable_raw_data()) byte = static_cast<char>(byte ^ '\x80');
  }
  return known;
}

Names FileBuilder::quantisation(const std::string& name, DataType type, std::span<const float> scales,
                                std::span<const std::int64_t> zero_points, bool per_channel) {
  const Shape shape = per_channel ? Shape{static_cast<std::int64_t>(scales.size())} : Shape{};
  std::vector<std::byte> zeros =
      type == DataType::s32 ? narrowed<std::int32_t>(zero_points) : narrowed<std::uint8_t>(zero_points);
  return {constant(name + ".scale", DataType::f32, shape, std::as_bytes(scales)),
          constant(name + ".zero_point", type, shape, zeros)};
}

onnx::NodeProto& FileBuilder::add(std::string_view op, const std::string& id, const Names& inputs,
                                  const Names& outputs, const Attributes& attributes) {
  onnx::NodeProto& node = *proto_.add_node();
  node.set_op_type(std::string(op));
  node.set_name(unique(id, "node", ids_));
  Names operands = inputs;
  drop_left_out(operands);
  for (const std::string& operand : operands) node.add_input(operand);
  Names results = outputs;
  drop_left_out(results);
  for (const std::string& result : results) node.add_output(result);
  for (const auto& [name, value] : attributes.entries()) add_attribute(node, name, value);
  return node;
}

}  // namespace fettle::onnx_export

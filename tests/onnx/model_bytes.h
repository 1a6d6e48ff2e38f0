// SPDX-License-Identifier: Apache-2.0
//
// Writes ONNX files byte by byte, without protobuf, so that tests can also write what no exporter would.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fettle::onnx_bytes {

/// One message under construction, in protobuf's wire format.
class Message {
 public:
  Message& integer(int field, std::int64_t value) {
    varint(static_cast<std::uint64_t>(field) << 3);
    varint(static_cast<std::uint64_t>(value));
    return *this;
  }
  Message& real(int field, float value) {
    varint(static_cast<std::uint64_t>(field) << 3 | 5);
    const auto bits = std::bit_cast<std::uint32_t>(value);
    for (int shift = 0; shift < 32; shift += 8) bytes_.push_back(static_cast<char>(bits >> shift & 0xff));
    return *this;
  }
  Message& text(int field, std::string_view value) {
    varint(static_cast<std::uint64_t>(field) << 3 | 2);
    varint(value.size());
    bytes_.append(value);
    return *this;
  }
  Message& message(int field, const Message& value) { return text(field, value.bytes_); }
  const std::string& bytes() const { return bytes_; }

 private:
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_.push_back(static_cast<char>((value & 0x7f) | 0x80));
    bytes_.push_back(static_cast<char>(value));
  }
  std::string bytes_;
};

using Dims = std::vector<std::int64_t>;

inline constexpr int kFloat = 1;
inline constexpr int kUint8 = 2;
inline constexpr int kInt8 = 3;
inline constexpr int kInt16 = 5;
inline constexpr int kInt32 = 6;
inline constexpr int kInt64 = 7;
inline constexpr int kBool = 9;
inline constexpr int kDouble = 11;

/// TensorProto with its contents as raw bytes.
template <typename T>
Message tensor(std::string_view name, int type, const Dims& dims, const std::vector<T>& values) {
  Message result;
  for (std::int64_t dim : dims) result.integer(1, dim);
  result.integer(2, type).text(8, name);
  return result.text(9, {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)});
}
inline Message floats(std::string_view name, const Dims& dims, const std::vector<float>& values) {
  return tensor(name, kFloat, dims, values);
}
inline Message integers(std::string_view name, const std::vector<std::int64_t>& values) {
  return tensor(name, kInt64, {static_cast<std::int64_t>(values.size())}, values);
}

inline Message attribute(std::string_view name, std::int64_t value) {
  return Message().text(1, name).integer(3, value).integer(20, 2);
}
inline Message attribute(std::string_view name, float value) {
  return Message().text(1, name).real(2, value).integer(20, 1);
}
inline Message attribute(std::string_view name, std::string_view value) {
  return Message().text(1, name).text(4, value).integer(20, 3);
}
inline Message attribute(std::string_view name, const Message& value) {
  return Message().text(1, name).message(5, value).integer(20, 4);
}
inline Message attribute(std::string_view name, const Dims& values) {
  Message result;
  result.text(1, name);
  for (std::int64_t value : values) result.integer(8, value);
  return result.integer(20, 7);
}

inline Message node(std::string_view op, const std::vector<std::string>& inputs,
                    const std::vector<std::string>& outputs, const std::vector<Message>& attributes = {},
                    std::string_view name = "", std::string_view domain = "") {
  Message result;
  for (const std::string& input : inputs) result.text(1, input);
  for (const std::string& output : outputs) result.text(2, output);
  if (!name.empty()) result.text(3, name);
  result.text(4, op);
  for (const Message& entry : attributes) result.message(5, entry);
  if (!domain.empty()) result.text(7, domain);
  return result;
}

/// A constant truth value.
inline Message truth(std::string_view name, bool value) {
  return tensor<std::uint8_t>(name, kBool, {}, {static_cast<std::uint8_t>(value ? 1 : 0)});
}
/// ValueInfoProto; an extent of -1 is the free dimension "n".
inline Message value_info(std::string_view name, const Dims& dims, int type = kFloat) {
  Message shape;
  for (std::int64_t dim : dims)
    shape.message(1, dim == -1 ? Message().text(2, "n") : Message().integer(1, dim));
  return Message().text(1, name).message(2,
                                         Message().message(1, Message().integer(1, type).message(2, shape)));
}

/// TensorProto whose contents are in a file beside the model, where `entries` say (field 13, external_data).
inline Message outside(std::string_view name, const Dims& dims,
                       const std::vector<std::pair<std::string, std::string>>& entries) {
  Message tensor;
  for (std::int64_t dim : dims) tensor.integer(1, dim);
  tensor.integer(2, kFloat).text(8, name);
  for (const auto& [key, value] : entries) tensor.message(13, Message().text(1, key).text(2, value));
  return tensor.integer(14, 1);
}

inline Message attribute(std::string_view name, const std::vector<float>& values) {
  Message result;
  result.text(1, name);
  for (float value : values) result.real(7, value);
  return result.integer(20, 6);
}

/// GraphProto.
inline Message graph(const std::vector<Message>& nodes, const std::vector<Message>& inputs,
                     const std::vector<std::string>& outputs, const std::vector<Message>& initialisers = {}) {
  Message result;
  for (const Message& entry : nodes) result.message(1, entry);
  result.text(2, "graph");
  for (const Message& entry : initialisers) result.message(5, entry);
  for (const Message& entry : inputs) result.message(11, entry);
  for (const std::string& name : outputs) result.message(12, Message().text(1, name));
  return result;
}
/// An attribute that holds a graph.
inline Message body(std::string_view name, const Message& graph) {
  return Message().text(1, name).message(6, graph).integer(20, 5);
}
/// An attribute of several strings.
inline Message attribute(std::string_view name, const std::vector<std::string>& values) {
  Message result;
  result.text(1, name);
  for (const std::string& value : values) result.text(9, value);
  return result.integer(20, 8);
}

/// A function of the file; `defaults` are of its attributes, `imports` the domains whose functions it calls.
struct FunctionParts {
  std::string name;
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
  std::vector<Message> nodes;
  std::vector<Message> defaults = {};
  std::string overload = {};
  std::int64_t opset = 18;
  std::string domain = "local";
  std::vector<std::string> imports = {};
};
inline Message function_of(const FunctionParts& parts) {
  Message function;
  function.text(1, parts.name);
  for (const std::string& input : parts.inputs) function.text(4, input);
  for (const std::string& output : parts.outputs) function.text(5, output);
  for (const Message& entry : parts.nodes) function.message(7, entry);
  function.message(9, Message().text(1, "").integer(2, parts.opset));
  for (const std::string& domain : parts.imports)
    function.message(9, Message().text(1, domain).integer(2, 1));
  function.text(10, parts.domain);
  for (const Message& entry : parts.defaults) function.message(11, entry);
  if (!parts.overload.empty()) function.text(13, parts.overload);
  return function;
}
/// An attribute, of that type's number, that is one of the function's around it.
inline Message reference(std::string_view name, std::string_view of, int type) {
  return Message().text(1, name).integer(20, type).text(21, of);
}

/// A whole model; every part may be replaced.
struct ModelBytes {
  std::int64_t ir_version = 8;
  std::int64_t opset = 13;
  std::vector<Message> nodes;
  std::vector<Message> initialisers;
  std::vector<Message> inputs;
  std::vector<std::string> outputs;
  std::vector<Message> functions = {};

  std::string bytes() const {
    Message model;
    if (ir_version != 0) model.integer(1, ir_version);
    model.message(7, graph(nodes, inputs, outputs, initialisers))
        .message(8, Message().text(1, "").integer(2, opset));
    for (const Message& function : functions) model.message(25, function);
    return model.bytes();
  }
};

inline std::span<const std::byte> as_bytes(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

}  // namespace fettle::onnx_bytes

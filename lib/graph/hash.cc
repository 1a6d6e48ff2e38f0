// SPDX-License-Identifier: Apache-2.0
#include "lib/base/hash.h"

#include "lib/graph/graph.h"

#include <charconv>
#include <string>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

// Subgraphs are hashed by recursion: the importer bounds how deep they are nested.
namespace fettle::graph {
namespace {

// Integer constants up to this size are parameters (axes, pads, shapes), not weights.
constexpr std::size_t kParameterElements = 64;

bool is_parameter(const Value& value) {
  const bool integral = value.type == DataType::s64 || value.type == DataType::s32;
  return integral && value.constant->bytes.size() <= kParameterElements * size_of(value.type);
}

// The form of attributes that hashes are made from. Plans that have been written stay those of their models,
// whatever layers look like as text.
class AttributeKey {
 public:
  static std::string of(const Attributes& attributes) {
    AttributeKey key;
    for (const auto& [name, value] : attributes.entries()) {
      if (!key.text_.empty()) key.text_.push_back(' ');
      key.text_.append(name).push_back('=');
      std::visit([&](const auto& held) { key.add(held); }, value);
    }
    return std::move(key.text_);
  }

 private:
  void add(std::int64_t value) { text_ += std::to_string(value); }
  void add(float value) {
    char buffer[48];
    const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value);
    text_.append(buffer, error == std::errc() ? end : buffer);
  }
  void add(const std::string& value) { text_ += value; }
  void add(NoAttribute) {}
  template <typename T>
  void add(const std::vector<T>& values) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (i > 0) text_.push_back(',');
      add(values[i]);
    }
  }

  std::string text_;
};

void add_shape(Hasher& hasher, const Shape& shape) {
  hasher.add(static_cast<std::int64_t>(shape.rank()));
  for (std::int64_t extent : shape) hasher.add(extent);
}

// Values are numbered in the order in which they are met, so that names do not matter.
class Numbering {
 public:
  explicit Numbering(std::size_t count) : numbers_(count, -1) {}
  std::int64_t operator()(ValueId id, bool& fresh) {
    fresh = numbers_[static_cast<std::size_t>(id)] < 0;
    if (fresh) numbers_[static_cast<std::size_t>(id)] = next_++;
    return numbers_[static_cast<std::size_t>(id)];
  }

 private:
  std::vector<std::int64_t> numbers_;
  std::int64_t next_ = 0;
};

void add_value(Hasher& hasher, const Graph& graph, ValueId id, Numbering& numbering) {
  if (id == kNoValue) {
    hasher.add(std::int64_t{-1});
    return;
  }
  bool fresh = false;
  hasher.add(numbering(id, fresh));
  const Value& value = graph.value(id);
  if (!fresh || !value.constant) return;
  hasher.add(to_string(value.type));
  add_shape(hasher, value.shape.value_or(Shape{}));
  if (is_parameter(value)) hasher.add(value.constant->bytes);
}

}  // namespace

std::string structure_hash(const Graph& graph) {
  Hasher hasher;
  Numbering numbering(graph.value_count());
  hasher.add(graph.opset);
  hasher.add(static_cast<std::int64_t>(graph.inputs.size()));
  for (ValueId input : graph.inputs) {
    add_value(hasher, graph, input, numbering);
    hasher.add(to_string(graph.value(input).type));
  }
  for (std::size_t i = 0; i < graph.node_count(); ++i) {
    const Node& node = graph.node(static_cast<NodeId>(i));
    if (node.removed) continue;
    hasher.add(to_string(node.op));
    hasher.add(AttributeKey::of(node.attributes));
    for (const auto& body : node.bodies) hasher.add(structure_hash(body->graph));
    hasher.add(static_cast<std::int64_t>(node.inputs.size()));
    for (ValueId input : node.inputs) add_value(hasher, graph, input, numbering);
    hasher.add(static_cast<std::int64_t>(node.outputs.size()));
    for (ValueId output : node.outputs) add_value(hasher, graph, output, numbering);
  }
  for (ValueId output : graph.outputs) add_value(hasher, graph, output, numbering);
  return hasher.text();
}

std::string weights_hash(const Graph& graph) {
  Hasher hasher;
  for (std::size_t i = 0; i < graph.value_count(); ++i) {
    const Value& value = graph.value(static_cast<ValueId>(i));
    if (value.constant) hasher.add(value.constant->bytes);
  }
  for (std::size_t i = 0; i < graph.node_count(); ++i) {
    for (const auto& body : graph.node(static_cast<NodeId>(i)).bodies) hasher.add(weights_hash(body->graph));
  }
  return hasher.text();
}

}  // namespace fettle::graph

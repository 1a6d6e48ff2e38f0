// SPDX-License-Identifier: Apache-2.0
//
// An ONNX graph under construction: names that are unique, constants that are written once, nodes.
#pragma once

#include "lib/graph/graph.h"

#include <onnx.pb.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace fettle::onnx_export {

/// Operands or results of a node; an empty name is one that is left out.
using Names = std::vector<std::string>;

class FileBuilder {
 public:
  /// Writes to `proto` what `graph`, which must outlive the builder, is made of.
  FileBuilder(const graph::Graph& graph, std::int64_t opset, onnx::GraphProto& proto)
      : graph_(graph), opset_(opset), proto_(proto) {}

  const graph::Graph& graph() const noexcept { return graph_; }
  std::int64_t opset() const noexcept { return opset_; }  ///< of the file

  /// Keeps a name from being given to anything else; false where it is taken.
  bool reserve(const std::string& name) { return names_.insert(name).second; }
  /// The value has this name, which was reserved; false where it has another one already.
  bool name(graph::ValueId value, const std::string& name) { return values_.emplace(value, name).second; }
  /// `wanted`, or with a number behind it where that is taken.
  std::string new_name(const std::string& wanted);
  /// The value's name; a constant becomes an initialiser when it is first asked for. Empty for kNoValue.
  std::string name_of(graph::ValueId value);
  /// A quantised value as real numbers: one DequantizeLinear for all who want them.
  std::string real_of(graph::ValueId value);

  /// An initialiser of these elements: an equal one if there is one.
  std::string constant(const std::string& name, DataType type, const Shape& shape,
                       std::span<const std::byte> bytes);
  /// Lists of integers, as ONNX has axes, pads and sizes for operands, and single numbers.
  std::string integers(const std::string& name, std::span<const std::int64_t> numbers);
  std::string integer(const std::string& name, std::int64_t number);
  std::string reals(const std::string& name, std::span<const float> numbers);
  /// One number of a type that need not be f32. Empty where it is not one of real numbers.
  std::string real(const std::string& name, float number, DataType type = DataType::f32);
  /// An initialiser of a constant of the graph, whose bytes are not compared; with the highest bit of each
  /// turned over where `flipped`, as the type.
  std::string stored(const graph::Value& value, DataType type, bool flipped);
  /// The operands of QuantizeLinear and DequantizeLinear behind the first: scalars, or with `per_channel`
  /// lists.
  Names quantisation(const std::string& name, DataType type, std::span<const float> scales,
                     std::span<const std::int64_t> zero_points, bool per_channel);

  /// Adds a node. Results and operands at the end that are left out are not written.
  onnx::NodeProto& add(std::string_view op, const std::string& id, const Names& inputs, const Names& outputs,
                       const Attributes& attributes = {});

 private:
  using Extents = std::vector<std::int64_t>;

  const graph::Graph& graph_;
  const std::int64_t opset_;
  onnx::GraphProto& proto_;
  std::set<std::string> names_;
  std::set<std::string> ids_;
  std::map<graph::ValueId, std::string> values_;
  std::map<graph::ValueId, std::string> reals_;
  // Initialisers by what they hold, or, those of the graph, by where that lies.
  std::map<std::tuple<DataType, Extents, std::string>, std::string> small_;
  std::map<std::tuple<DataType, Extents, const std::byte*, bool>, std::string> stored_;
};

}  // namespace fettle::onnx_export

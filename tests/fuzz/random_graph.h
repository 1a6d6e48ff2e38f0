// SPDX-License-Identifier: Apache-2.0
//
// Valid graphs out of the fuzzer's bytes: operators in any order, and the patterns that passes look for.
#pragma once

#include "lib/graph/graph.h"
#include "tests/fuzz/byte_source.h"

#include <string_view>
#include <utility>
#include <vector>

namespace fettle::fuzz {

class RandomGraph {
 public:
  explicit RandomGraph(ByteSource& bytes) : bytes_(bytes) {}

  /// A graph whose every node has been inferred by itself; without outputs when the bytes make none.
  graph::Graph make();

 private:
  using ValueId = graph::ValueId;

  // What nodes may use. Operators that jump take exact values alone: after rounding they would jump
  // elsewhere.
  const Shape& shape(ValueId id) const { return *graph_.value(id).shape; }
  bool is_float(ValueId id) const { return graph_.value(id).type == DataType::f32; }
  ValueId any_value();
  ValueId any_of_rank(int rank);
  ValueId any_exact();

  ValueId constant(const Shape& shape, float low = -1, float high = 1);
  ValueId scalar(float value);
  ValueId integers(const std::vector<std::int64_t>& values);
  ValueId operand_beside(const Shape& shape);
  /// Adds a node and infers it. No value when it is not valid; then nothing has changed.
  ValueId add(Op op, std::vector<ValueId> inputs, Attributes attributes = {}, std::size_t outputs = 1);
  Attributes with(std::string_view name, AttributeValue value) const;

  void add_input();
  void step();
  ValueId convolution(ValueId x);
  ValueId dense(ValueId x);
  ValueId pool(ValueId x);
  ValueId batch_norm(ValueId x);
  ValueId arithmetic(ValueId x);
  ValueId unary(ValueId x);
  ValueId bounded(ValueId x);
  ValueId moved(ValueId x);
  ValueId cut(ValueId x);
  ValueId padded(ValueId x);
  ValueId joined(ValueId x);
  ValueId divided(ValueId x);
  ValueId turned(ValueId x);
  ValueId reshaped(ValueId x);
  ValueId reduced(ValueId x);
  ValueId resized(ValueId x);
  ValueId gated(ValueId x);
  ValueId gelu(ValueId x);
  ValueId layer_norm(ValueId x);
  ValueId compared(ValueId x);
  ValueId from_shape(ValueId x);
  void rewire();
  void choose_outputs();

  ByteSource& bytes_;
  graph::Graph graph_;
  std::vector<ValueId> values_;
  std::vector<char> exact_;  ///< by value: no rounding has touched it
};

}  // namespace fettle::fuzz

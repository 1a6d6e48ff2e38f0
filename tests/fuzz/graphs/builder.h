// SPDX-License-Identifier: Apache-2.0
//
// A graph under construction: what nodes may use, and how they are added.
#pragma once

#include "lib/graph/graph.h"
#include "tests/common/attributes.h"
#include "tests/fuzz/byte_source.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fettle::fuzz {

using graph::kNoValue;
using graph::ValueId;
using test::with;
using Integers = std::vector<std::int64_t>;

class GraphBuilder {
 public:
  explicit GraphBuilder(ByteSource& bytes);

  ByteSource& bytes() { return bytes_; }
  graph::Graph& graph() { return graph_; }
  const Shape& shape(ValueId id) const { return *graph_.value(id).shape; }
  bool is_float(ValueId id) const { return graph_.value(id).type == DataType::f32; }
  /// Whether no rounding has touched the value. Operators that jump take exact values alone: after rounding
  /// they would jump elsewhere.
  bool is_exact(ValueId id) const { return exact_[static_cast<std::size_t>(id)] != 0; }
  /// Everything that is not constant.
  const std::vector<ValueId>& values() const { return values_; }

  void add_input();
  ValueId any_value();
  /// A value of floats of that rank; kNoValue when there seems to be none.
  ValueId any_of_rank(int rank);
  ValueId any_exact();
  /// A constant that is broadcast to the shape, in one of the ways that passes tell apart; or another value.
  ValueId operand_beside(const Shape& shape);

  ValueId constant(const Shape& shape, float low = -1, float high = 1);
  /// One number, of rank 0 or now and then 1.
  ValueId scalar(float value);
  /// One number of rank 0.
  ValueId constant_of(float value) { return constant({}, value, value); }
  ValueId integers(const Integers& values);
  /// s64 numbers without a pattern, from low to high.
  ValueId whole_numbers(const Shape& shape, std::int64_t low, std::int64_t high);
  /// u8 numbers: one of them, or without a pattern.
  ValueId stored(const Shape& shape, std::uint8_t value);
  ValueId stored(const Shape& shape);
  /// The value as f32; kNoValue where it is not exact.
  ValueId real(ValueId id);
  /// Adds a node and infers it. kNoValue when it is not valid; then it is not there. What it makes lies in
  /// one row, with the first result first.
  ValueId add(Op op, std::vector<ValueId> inputs, Attributes attributes = {}, std::size_t outputs = 1);

 private:
  template <typename T>
  ValueId add_constant(DataType type, const Shape& shape, const std::vector<T>& numbers);

  ByteSource& bytes_;
  graph::Graph graph_;
  std::vector<ValueId> values_;
  std::vector<char> exact_;  // by value
};

}  // namespace fettle::fuzz

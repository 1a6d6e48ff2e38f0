// SPDX-License-Identifier: Apache-2.0
//
// Layers to test kernels with, made as the compiler makes them: by inference from a node.
#pragma once

#include "lib/graph/passes.h"
#include "tests/common/attributes.h"

#include <fettle/kernel.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace fettle::test {

/// A layer with every format nchw, and dense bytes for each of its inputs.
struct TestLayer {
  LayerDesc desc;
  std::vector<std::vector<std::byte>> inputs;
};

/// One operand of a node to describe.
struct Operand {
  Shape shape;
  bool constant = false;
  DataType type = DataType::f32;
  double low = -2;  ///< values are drawn from [low, high]
  double high = 2;
  std::vector<std::int64_t> integers = {};  ///< instead of drawn values, for s64 parameters
  bool left_out = false;                    ///< an optional operand that is not there
};

inline Operand input(const Shape& shape, double low = -2, double high = 2) {
  return {shape, false, DataType::f32, low, high};
}
inline Operand weight(const Shape& shape, double low = -1, double high = 1) {
  return {shape, true, DataType::f32, low, high};
}
inline Operand parameter(std::vector<std::int64_t> values) {
  Operand operand{Shape{static_cast<std::int64_t>(values.size())}, true, DataType::s64};
  operand.integers = std::move(values);
  return operand;
}
inline Operand typed(const Shape& shape, DataType type, double low, double high, bool constant = false) {
  return {shape, constant, type, low, high};
}
inline Operand left_out() {
  Operand operand{Shape{}};
  operand.left_out = true;
  return operand;
}

using Integers = std::vector<std::int64_t>;
using Random = std::mt19937;
/// A whole number from low to high, both included.
inline std::int64_t pick(Random& random, std::int64_t low, std::int64_t high) {
  return low + static_cast<std::int64_t>(random() % static_cast<std::uint32_t>(high - low + 1));
}

/// An order of axes whose last two are a matrix: batch axes and the matrix's first one anyhow, and perhaps
/// the matrix's own two exchanged.
Integers any_order(Random& random, int rank, bool exchanged);
/// The shape that has `shape` when its axes are put into an order.
Shape stored_for(const Shape& shape, const Integers& order);

/// The layer of one node; nothing when the node is not valid (a window larger than its input). Fails the test
/// on other mistakes, so that no case is lost unseen.
std::optional<TestLayer> make_layer(Op op, Attributes attributes, const std::vector<Operand>& operands,
                                    std::optional<Clamp> clamp = {}, std::size_t outputs = 1);

using Visit = std::function<void(const TestLayer&)>;
/// Visits the layer, which must be valid.
void visit_made(Op op, Attributes attributes, const std::vector<Operand>& operands, const Visit& visit,
                std::size_t outputs = 1);
// Each family visits its layers; `count` says about how many, and `random` draws them.
/// Convolutions and pooling.
void visit_windows(Random& random, int count, const Visit& visit);
/// Dense layers and products of matrices.
void visit_products(Random& random, int count, const Visit& visit);
/// More weights than the L2 cache of this CPU holds.
void visit_many_weights(Random& random, int count, const Visit& visit);
/// One, two and three operands with broadcasting.
void visit_elementwise(Random& random, int count, const Visit& visit);
/// Reductions, softmax, normalisations.
void visit_reductions(Random& random, int count, const Visit& visit);
/// What only moves elements.
void visit_movement(Random& random, int count, const Visit& visit);
/// Casts and moves of f16 and bf16.
void visit_narrow(Random& random, int count, const Visit& visit);
/// Indices, selections.
void visit_choosing(Random& random, int count, const Visit& visit);
/// Between pixels; signals.
void visit_sampling(Random& random, int count, const Visit& visit);
/// Attention and what goes with it.
void visit_attention(Random& random, int count, const Visit& visit);
/// LSTM, GRU and RNN.
void visit_recurrent(Random& random, int count, const Visit& visit);
/// Several layers that one kernel may cover.
void visit_regions(Random& random, int count, const Visit& visit);
/// Depthwise and pointwise convolutions as regions.
void visit_pairs(Random& random, int count, const Visit& visit);
/// Regions of pointwise, depthwise, pointwise and a sum, each with everything before it.
void visit_inverted_residuals(Random& random, int count, const Visit& visit);
/// Integers with a scale, and the borders to floats.
void visit_quantised(Random& random, int count, const Visit& visit);

}  // namespace fettle::test

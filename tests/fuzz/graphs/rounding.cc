// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/graphs/rounding.h"

#include <algorithm>
#include <iterator>

namespace fettle::fuzz {
namespace {

using graph::Graph;
using graph::kNoNode;
using graph::kNoValue;
using graph::Node;
using graph::NodeId;
using graph::ValueId;

// Operators that move numbers, compare them, or make few out of many.
bool moves(Op op) {
  constexpr Op kMoving[] = {Op::concat,
                            Op::split,
                            Op::slice,
                            Op::pad,
                            Op::transpose,
                            Op::reshape,
                            Op::flatten,
                            Op::squeeze,
                            Op::unsqueeze,
                            Op::expand,
                            Op::tile,
                            Op::gather,
                            Op::identity,
                            Op::dropout,
                            Op::depth_to_space,
                            Op::space_to_depth,
                            Op::max,
                            Op::min,
                            Op::max_pool,
                            Op::global_max_pool,
                            Op::clamp,
                            Op::relu,
                            Op::where,
                            Op::neg,
                            Op::abs,
                            Op::shape,
                            Op::size,
                            Op::greater,
                            Op::less,
                            Op::equal,
                            Op::floor,
                            Op::round,
                            Op::sign,
                            Op::cast,
                            Op::is_nan,
                            Op::arg_max,
                            Op::arg_min,
                            Op::hardmax,
                            Op::top_k,
                            Op::non_zero,
                            Op::compress,
                            Op::unique,
                            Op::one_hot,
                            Op::trilu,
                            Op::reverse_sequence,
                            Op::gather_nd,
                            Op::gather_elements,
                            Op::max_unpool,
                            Op::non_max_suppression,
                            Op::quantize_linear,
                            Op::dequantize_linear};
  return std::find(std::begin(kMoving), std::end(kMoving), op) != std::end(kMoving);
}

// Operators whose results have few more digits than their operands.
bool computes(Op op) {
  constexpr Op kComputing[] = {Op::conv, Op::gemm, Op::matmul, Op::add, Op::mul, Op::average_pool};
  return std::find(std::begin(kComputing), std::end(kComputing), op) != std::end(kComputing);
}

bool is_dequantised(const Graph& graph, ValueId id) {
  if (id == kNoValue) return true;
  const NodeId producer = graph.value(id).producer;
  return producer != kNoNode && graph.node(producer).op == Op::dequantize_linear;
}

}  // namespace

bool stays_exact(const Graph& graph, const Node& node) {
  if (moves(node.op)) return true;
  return computes(node.op) && std::all_of(node.inputs.begin(), node.inputs.end(),
                                          [&](ValueId input) { return is_dequantised(graph, input); });
}

}  // namespace fettle::fuzz

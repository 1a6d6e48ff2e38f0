// SPDX-License-Identifier: Apache-2.0
//
// Taps of a convolution's window that meet padding alone, wherever the window stands, are cut off: dilated
// convolutions of small images have them (atrous spatial pyramid pooling: Chen et al., 2017,
// arXiv:1706.05587).
#include "lib/graph/passes.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>

namespace fettle::graph {
namespace {

using Integers = std::vector<std::int64_t>;

// The taps [first, last) of each spatial axis that stay.
struct LivingTaps {
  Integers first, last;
};

Integers read_extents(const Node& node, const char* name) {
  const auto values = node.attributes.integers(name);
  return {values.begin(), values.end()};
}

// Nothing where all taps stay, or where nothing but padding is met.
std::optional<LivingTaps> living_taps(const Node& node, const Shape& x, const Shape& y) {
  const Integers kernel = read_extents(node, "kernel_shape"), strides = read_extents(node, "strides");
  const Integers dilations = read_extents(node, "dilations"), pads = read_extents(node, "pads");
  LivingTaps window;
  bool cuts = false;
  for (std::size_t axis = 0; axis < kernel.size(); ++axis) {
    const std::int64_t in = x[static_cast<int>(axis) + 2];
    const std::int64_t out = y[static_cast<int>(axis) + 2];
    const auto lives = [&](std::int64_t tap) {
      const std::int64_t at = tap * dilations[axis] - pads[axis];
      return at < in && at + (out - 1) * strides[axis] >= 0;
    };
    std::int64_t first = 0, last = kernel[axis];
    // Padding never becomes negative.
    std::int64_t before = pads[axis], after = pads[axis + kernel.size()];
    while (first < last && !lives(first) && before >= dilations[axis]) ++first, before -= dilations[axis];
    while (last > first && !lives(last - 1) && after >= dilations[axis]) --last, after -= dilations[axis];
    if (first == last) return std::nullopt;
    cuts = cuts || first > 0 || last < kernel[axis];
    window.first.push_back(first);
    window.last.push_back(last);
  }
  return cuts ? std::optional(std::move(window)) : std::nullopt;
}

// Weights of the taps that stay, of elements of `size` bytes.
std::vector<std::byte> cut_taps(std::span<const std::byte> weights, const Shape& shape,
                                const LivingTaps& window, std::size_t size) {
  std::vector<std::byte> kept;
  std::int64_t taps = 1;
  for (int axis = 2; axis < shape.rank(); ++axis) taps *= shape[axis];
  for (std::int64_t i = 0; i < shape.elements(); ++i) {
    bool stays = true;
    std::int64_t tap = i % taps;
    for (std::size_t axis = window.first.size(); axis-- > 0;) {
      const std::int64_t extent = shape[static_cast<int>(axis) + 2];
      stays = stays && tap % extent >= window.first[axis] && tap % extent < window.last[axis];
      tap /= extent;
    }
    const auto at = weights.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(i) * size);
    if (stays) kept.insert(kept.end(), at, at + static_cast<std::ptrdiff_t>(size));
  }
  return kept;
}

// Padding times a weight that is not finite is NaN.
bool has_finite_weights(const Value& weights) {
  const auto values = weights.constant->values<float>();
  return std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); });
}

bool is_trimmable(const Graph& graph, const Node& node) {
  if (node.removed || node.op != Op::conv || node.quantised || node.inputs.size() < 2) return false;
  const Value& x = graph.value(node.inputs[0]);
  const Value& y = graph.value(node.outputs.front());
  return graph.is_constant(node.inputs[1]) && graph.value(node.inputs[1]).type == DataType::f32 && x.shape &&
         y.shape && x.bounded == 0 && y.bounded == 0 && x.shape->elements() > 0 && y.shape->elements() > 0;
}

Result<bool> trim_window(Graph& graph, PassContext& context, NodeId id) {
  const Node node = graph.node(id);
  const std::optional<LivingTaps> window =
      living_taps(node, *graph.value(node.inputs[0]).shape, *graph.value(node.outputs.front()).shape);
  const Value& weights = graph.value(node.inputs[1]);
  if (!window || !has_finite_weights(weights)) return false;
  Shape shape = *weights.shape;
  const std::vector<std::byte> kept = cut_taps(weights.constant->bytes, shape, *window, sizeof(float));
  if (kept.size() > context.limits.folded_bytes - std::min(context.folded_bytes, context.limits.folded_bytes))
    return false;
  context.folded_bytes += kept.size();
  Integers kernel, pads = read_extents(node, "pads"), dilations = read_extents(node, "dilations");
  const std::size_t axes = window->first.size();
  for (std::size_t axis = 0; axis < axes; ++axis) {
    const std::int64_t before = shape[static_cast<int>(axis) + 2];
    kernel.push_back(window->last[axis] - window->first[axis]);
    shape[static_cast<int>(axis) + 2] = kernel.back();
    pads[axis] -= window->first[axis] * dilations[axis];
    pads[axes + axis] -= (before - window->last[axis]) * dilations[axis];
    if (kernel.back() == 1) dilations[axis] = 1;
  }
  Result<ValueId> constant = graph.add_constant(node.id + ".weight", DataType::f32, shape, kept);
  if (!constant) return std::move(constant).error();
  Node& target = graph.node(id);
  target.inputs[1] = *constant;
  target.attributes.set("kernel_shape", std::move(kernel));
  target.attributes.set("pads", std::move(pads));
  target.attributes.set("dilations", std::move(dilations));
  return true;
}

}  // namespace

Result<bool> trim_windows(Graph& graph, PassContext& context) {
  bool changed = false;
  for (std::size_t i = 0; i < graph.node_count(); ++i) {
    const auto id = static_cast<NodeId>(i);
    if (!is_trimmable(graph, graph.node(id))) continue;
    Result<bool> trimmed = trim_window(graph, context, id);
    if (!trimmed) return trimmed;
    changed = changed || *trimmed;
  }
  return changed;
}

}  // namespace fettle::graph

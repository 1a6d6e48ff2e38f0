// SPDX-License-Identifier: Apache-2.0
//
// Normalisations.
#include "lib/graph/infer/infer.h"

#include <algorithm>
#include <vector>

namespace fettle::graph {
namespace {

// Nodes of a mean over axes that are kept.
ValueId mean_over(NodeView& view, const char* suffix, ValueId x, const std::vector<std::int64_t>& axes,
                  const Shape& reduced, DataType type) {
  Attributes attributes;
  attributes.set("axes", axes);
  attributes.set("keepdims", std::int64_t{1});
  return view.add(Op::reduce_mean, suffix, {x}, reduced, type, std::move(attributes));
}

// Scale (or bias) as one value for each place of the normalised axes; nothing where it varies along others.
std::optional<Shape> row_of(const Shape& given, int rank) {
  const int beyond = std::max(0, given.rank() - rank);
  const auto outer = given.dims().first(static_cast<std::size_t>(beyond));
  if (std::any_of(outer.begin(), outer.end(), [](std::int64_t extent) { return extent != 1; }))
    return std::nullopt;
  return Shape(given.dims().subspan(static_cast<std::size_t>(beyond)));
}

// A normalisation with a scale of ones, then a product with the scale and a sum with the bias.
bool scale_behind(NodeView& view, const Shape& row) {
  Graph& graph = view.graph();
  const Shape x = view.shape(0);
  const DataType type = view.type(0);
  const std::vector<ValueId> operands = view.node().inputs;
  const std::vector<ValueId> results = view.node().outputs;
  const ValueId one = view.scalar(1, type);
  if (one == kNoValue) return false;
  const ValueId ones = view.add(Op::expand, ".ones", {one}, row, type);
  ValueId last =
      view.add(view.node().op, ".norm", {operands[0], ones}, x, type, Attributes(view.attributes()));
  // Mean and deviation are results of the normalisation.
  const NodeId norm = graph.value(last).producer;
  for (std::size_t i = 1; i < results.size(); ++i) {
    graph.node(norm).outputs.push_back(results[i]);
    graph.value(results[i]).producer = norm;
  }
  const bool shifts = operands.size() > 2;
  if (shifts) last = view.add(Op::mul, ".scaled", {last, operands[1]}, x, type);
  view.node().op = shifts ? Op::add : Op::mul;
  view.node().attributes = {};
  view.node().inputs = {last, operands[shifts ? 2 : 1]};
  view.node().outputs.resize(1);
  return true;
}

// Expands scale and bias of a normalisation to the normalised axes. Where one of them varies along
// other axes, both are applied by operators behind the normalisation.
bool fit_to_row(NodeView& view, const Shape& row) {
  bool fits = true;
  for (std::size_t i = 1; i < view.inputs(); ++i) fits = fits && row_of(view.shape(i), row.rank());
  if (!fits) return scale_behind(view, row);
  for (std::size_t i = 1; i < view.inputs(); ++i) {
    if (view.shape(i) == row) continue;
    const Shape inner = *row_of(view.shape(i), row.rank());
    if (!(inner == view.shape(i))) view.reshape_input(i, inner);
    if (inner == row) continue;
    const ValueId operand = view.node().inputs[i];
    const ValueId expanded = view.add(Op::expand, i == 1 ? ".scale" : ".bias", {operand}, row, view.type(i));
    view.node().inputs[i] = expanded;
  }
  return true;
}

}  // namespace

// Layers or root mean squares: over the axes from one on.
bool infer_layer_norm(NodeView& view) {
  const Shape x = view.shape(0);
  const DataType type = view.type(0);
  std::int64_t axis = view.attributes().integer("axis", -1);
  if (!view.normal_axis(axis, x.rank())) return false;
  view.attributes().set("axis", axis);
  view.fill("epsilon", 1e-5f);
  view.attributes().erase("stash_type");
  const Shape row(x.dims().subspan(static_cast<std::size_t>(axis)));
  for (std::size_t i = 1; i < 3; ++i) {
    if (!view.has(i)) continue;
    if (!view.expect(view.type(i) == type, "scale and bias need the input's type")) return false;
    const std::optional<Shape> both = broadcast(x, view.shape(i));
    if (!view.expect(both == x, "scale and bias must be broadcastable to the input's shape")) return false;
  }
  if (!view.has(2)) view.keep_inputs(2);
  // Mean and inverse deviation, where something uses them.
  if (view.node().outputs.size() > 1) view.complete_outputs(3);
  Shape reduced(x.dims().first(static_cast<std::size_t>(axis)));
  while (reduced.rank() < x.rank()) reduced.push_back(1);
  return view.set(0, x, type) && view.set(1, reduced, type) && view.set(2, reduced, type) &&
         fit_to_row(view, row);
}

// Before opset 21 groups had one scale and one bias each: those of all their channels.
bool infer_group_norm(NodeView& view) {
  const Shape x = view.shape(0);
  view.fill("epsilon", 1e-5f);
  view.attributes().erase("stash_type");
  const std::int64_t groups = view.attributes().integer("num_groups");
  if (!view.expect(x.rank() >= 2 && groups >= 1 && x[1] % groups == 0,
                   "the channels must be a multiple of attribute num_groups"))
    return false;
  for (const std::size_t i : {1, 2}) {
    if (!view.expect(view.has(i) && view.type(i) == view.type(0), "scale and bias need the input's type"))
      return false;
    if (view.graph().opset < 21 && view.shape(i) == Shape{groups} && groups != x[1]) {
      view.reshape_input(i, Shape{groups, 1});
      const ValueId expanded = view.add(Op::expand, i == 1 ? ".scale" : ".bias", {view.node().inputs[i]},
                                        Shape{groups, x[1] / groups}, view.type(0));
      view.node().inputs[i] = expanded;
      view.reshape_input(i, Shape{x[1]});
    }
    if (!view.expect(view.shape(i) == Shape{x[1]}, "scale and bias need one value per channel")) return false;
  }
  return view.same_as_input();
}

// A tensor of one dimension counts as one channel.
bool batch_norm_of_one_channel(NodeView& view) {
  const Shape x = view.shape(0);
  const DataType type = view.type(0);
  view.reshape_input(0, Shape{x[0], 1});
  const ValueId normal = view.add(Op::batch_norm, ".norm", std::vector<ValueId>(view.node().inputs),
                                  Shape{x[0], 1}, type, Attributes(view.attributes()));
  view.node().op = Op::reshape;
  view.node().attributes = {};
  view.node().inputs = {normal};
  return view.set(0, x, type);
}

bool infer_normalisation(NodeView& view) {
  const Op op = view.node().op;
  const Shape& x = view.shape(0);
  const auto channels = [&](std::size_t i) {
    return view.has(i) && view.rank(i) == 1 && x.rank() >= 2 && view.shape(i)[0] == x[1];
  };
  if (op == Op::lrn) {
    view.fill("alpha", 1e-4f);
    view.fill("beta", 0.75f);
    view.fill("bias", 1.0f);
    if (!view.expect(view.attributes().integer("size") >= 1, "attribute size must be positive")) return false;
  } else if (op == Op::layer_norm || op == Op::rms_norm) {
    return infer_layer_norm(view);
  } else if (op == Op::batch_norm) {
    view.fill("epsilon", 1e-5f);
    if (!view.expect(
            view.attributes().integer("training_mode") == 0 && view.attributes().integer("spatial", 1) == 1,
            "only inference over channels is supported"))
      return false;
    for (const char* name : {"momentum", "training_mode", "spatial", "is_test"})
      view.attributes().erase(name);
    view.node().outputs.resize(1);
    if (x.rank() == 1 && view.shape(1) == Shape{1}) return batch_norm_of_one_channel(view);
    if (!view.expect(channels(1) && channels(2) && channels(3) && channels(4),
                     "scale, bias, mean and variance need one value per channel"))
      return false;
  } else {
    view.fill("epsilon", 1e-5f);
    if (!view.expect(channels(1) && channels(2), "scale and bias need one value per channel")) return false;
  }
  return view.same_as_input();
}

// (x - mean) / (standard deviation + 1e-9).
bool infer_mean_variance_norm(NodeView& view) {
  const Shape x = view.shape(0);
  const DataType type = view.type(0);
  const auto given = view.attributes().integers("axes");
  std::vector<std::int64_t> axes(given.begin(), given.end());
  if (axes.empty()) axes = {0, 2, 3};
  Shape reduced = x;
  for (std::int64_t& axis : axes) {
    if (!view.normal_axis(axis, x.rank())) return false;
    reduced[static_cast<int>(axis)] = 1;
  }
  std::sort(axes.begin(), axes.end());
  const ValueId input = view.node().inputs[0];
  const ValueId epsilon = view.scalar(1e-9f, type);
  if (epsilon == kNoValue) return false;
  const ValueId mean = mean_over(view, ".mean", input, axes, reduced, type);
  const ValueId centred = view.add(Op::sub, ".centred", {input, mean}, x, type);
  const ValueId square = view.add(Op::mul, ".square", {centred, centred}, x, type);
  const ValueId variance = mean_over(view, ".variance", square, axes, reduced, type);
  const ValueId deviation = view.add(Op::sqrt, ".deviation", {variance}, reduced, type);
  const ValueId divisor = view.add(Op::add, ".divisor", {deviation, epsilon}, reduced, type);
  view.node().op = Op::div;
  view.node().attributes = {};
  view.node().inputs = {centred, divisor};
  return view.set(0, x, type);
}

// x / its norm along an axis; where that is 0, x is too and stays: x / 1.
bool infer_lp_normalization(NodeView& view) {
  const Shape x = view.shape(0);
  const DataType type = view.type(0);
  std::int64_t axis = view.attributes().integer("axis", -1);
  if (!view.normal_axis(axis, x.rank())) return false;
  const std::int64_t p = view.attributes().integer("p", 2);
  if (!view.expect(p == 1 || p == 2, "attribute p must be 1 or 2")) return false;
  Shape reduced = x;
  reduced[static_cast<int>(axis)] = 1;
  Attributes attributes;
  attributes.set("axes", std::vector<std::int64_t>{axis});
  attributes.set("keepdims", std::int64_t{1});
  const ValueId input = view.node().inputs[0];
  const ValueId norm = view.add(p == 1 ? Op::reduce_l1 : Op::reduce_l2, ".norm", {input}, reduced, type,
                                std::move(attributes));
  const ValueId zero = view.scalar(0, type);
  const ValueId one = view.scalar(1, type);
  if (zero == kNoValue || one == kNoValue) return false;
  const ValueId none = view.add(Op::equal, ".zero", {norm, zero}, reduced, DataType::boolean);
  const ValueId divisor = view.add(Op::where, ".divisor", {none, one, norm}, reduced, type);
  view.node().op = Op::div;
  view.node().attributes = {};
  view.node().inputs = {input, divisor};
  return view.set(0, x, type);
}

}  // namespace fettle::graph

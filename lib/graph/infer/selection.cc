// SPDX-License-Identifier: Apache-2.0
//
// Operators that choose elements; how many often depends on the data.
#include "lib/graph/infer/infer.h"
#include "lib/graph/operators.h"

#include <algorithm>

namespace fettle::graph {
namespace {

// The coordinates of NonZero, an axis a column instead of a row: exporters transpose them at once.
bool transpose_coordinates(NodeView& view) {
  const Value& x = view.graph().value(view.node().inputs[0]);
  if (view.node().op != Op::transpose || x.producer == kNoNode) return false;
  const Node& producer = view.graph().node(x.producer);
  const auto perm = view.attributes().integers("perm");
  const bool reversed = perm.empty() || (perm.size() == 2 && perm[0] == 1);
  if (producer.op != Op::non_zero || producer.attributes.integer("transposed") != 0 || !reversed)
    return false;
  view.node().op = Op::non_zero;
  view.node().inputs = producer.inputs;
  view.node().attributes = {};
  view.attributes().set("transposed", std::int64_t{1});
  return true;
}

}  // namespace

bool elementwise_of_one(const Node& node) {
  switch (node.op) {
    case Op::identity:
    case Op::cast:
      return true;
    default:
      return operator_info(node.op).rule == infer_unary || node.op == Op::gelu ||
             (node.op == Op::swish && node.attributes.real("alpha", 1) == 1) ||
             (node.op == Op::clamp && node.inputs.size() == 1);
  }
}

bool follow_data(NodeView& view) {
  for (std::size_t i = 0; i < view.inputs(); ++i) {
    if (!view.has(i) || view.graph().value(view.node().inputs[i]).extents == kNoValue) continue;
    if (elementwise_of_one(view.node()) || transpose_coordinates(view)) return true;
    return view.fail("the size of input " + std::to_string(i) +
                     " depends on the data; only operators that work element by element may follow");
  }
  return true;
}

void hand_on_extents(NodeView& view) {
  if (!view.has(0) || !elementwise_of_one(view.node())) return;
  const ValueId extents = view.graph().value(view.node().inputs.front()).extents;
  view.graph().value(view.node().outputs.front()).extents = extents;
}

bool infer_top_k(NodeView& view) {
  const Shape x = view.shape(0);
  std::int64_t axis = view.attributes().integer("axis", -1);
  if (!view.normal_axis(axis, x.rank())) return false;
  if (!view.attributes().has("k")) {
    const std::optional<std::int64_t> k = view.integer(1);
    if (!view.expect(k.has_value(), "k must be one constant integer")) return false;
    view.attributes().set("k", *k);
  }
  const std::int64_t k = view.attributes().integer("k");
  if (!view.expect(k >= 0 && k <= x[static_cast<int>(axis)], "k is larger than the axis")) return false;
  view.attributes().set("axis", axis);
  view.attributes().erase("sorted");  // they always are
  view.fill("largest", std::int64_t{1});
  view.keep_inputs(1);
  view.complete_outputs(2);
  Shape output = x;
  output[static_cast<int>(axis)] = k;
  return view.set(0, output, view.type(0)) && view.set(1, output, DataType::s64);
}

bool infer_non_zero(NodeView& view) {
  const Shape x = view.shape(0);
  if (!view.expect(x.rank() >= 1, "a scalar has no coordinates")) return false;
  view.complete_outputs(2);
  view.fill("transposed", std::int64_t{0});
  const bool transposed = view.attributes().integer("transposed") != 0;
  const Shape most = transposed ? Shape{x.elements(), x.rank()} : Shape{x.rank(), x.elements()};
  return view.set_bounded(0, most, DataType::s64, 1);
}

bool infer_compress(NodeView& view) {
  const Shape x = view.shape(0);
  if (!view.expect(view.inputs() == 2 && view.type(1) == DataType::boolean && view.rank(1) == 1,
                   "a condition of rank 1 is needed"))
    return false;
  view.complete_outputs(2);
  const std::int64_t most = view.shape(1)[0];
  if (!view.attributes().has("axis"))
    return view.set_bounded(0, Shape{std::min(most, x.elements())}, view.type(0), 1);
  std::int64_t axis = view.attributes().integer("axis");
  if (!view.normal_axis(axis, x.rank())) return false;
  view.attributes().set("axis", axis);
  Shape output = x;
  output[static_cast<int>(axis)] = std::min(most, x[static_cast<int>(axis)]);
  return view.set_bounded(0, output, view.type(0), 1);
}

bool infer_unique(NodeView& view) {
  const Shape x = view.shape(0);
  view.fill("sorted", std::int64_t{1});
  std::int64_t count = x.elements();
  Shape output{count};
  if (view.attributes().has("axis")) {
    std::int64_t axis = view.attributes().integer("axis");
    if (!view.normal_axis(axis, x.rank())) return false;
    view.attributes().set("axis", axis);
    count = x[static_cast<int>(axis)];
    output = x;
  }
  view.complete_outputs(6);
  return view.set_bounded(0, output, view.type(0), 4) &&
         view.set_bounded(1, Shape{count}, DataType::s64, 5) && view.set(2, Shape{count}, DataType::s64) &&
         view.set_bounded(3, Shape{count}, DataType::s64, 5);
}

bool infer_non_max_suppression(NodeView& view) {
  const Shape boxes = view.shape(0);
  if (!view.expect(view.inputs() >= 2 && view.rank(1) == 3 && boxes.rank() == 3 && boxes[2] == 4 &&
                       view.shape(1)[0] == boxes[0] && view.shape(1)[2] == boxes[1],
                   "boxes N x boxes x 4 and scores N x classes x boxes are needed"))
    return false;
  // Canonical nodes have lost the number to an attribute: boxes, scores, overlap, score.
  if (!view.attributes().has("max_output_boxes")) {
    const std::optional<std::int64_t> most = view.has(2) ? view.integer(2) : 0;
    if (!view.expect(most.has_value(), "max_output_boxes_per_class must be one constant integer"))
      return false;
    view.attributes().set("max_output_boxes", std::clamp<std::int64_t>(*most, 0, boxes[1]));
    if (view.inputs() > 2) view.node().inputs.erase(view.node().inputs.begin() + 2);
  }
  view.fill("center_point_box", std::int64_t{0});
  for (std::size_t i = 2; i < view.inputs(); ++i) {
    if (view.has(i) && !view.expect(view.shape(i).elements() == 1, "thresholds must be single numbers"))
      return false;
    if (view.has(i) && view.rank(i) > 0) view.reshape_input(i, Shape{});
  }
  view.complete_outputs(2);
  const std::int64_t rows = boxes[0] * view.shape(1)[1] * view.attributes().integer("max_output_boxes");
  return view.set_bounded(0, Shape{rows, 3}, DataType::s64, 1);
}

}  // namespace fettle::graph

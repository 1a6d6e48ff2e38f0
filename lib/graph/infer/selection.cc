// SPDX-License-Identifier: Apache-2.0
//
// Operators that choose elements; how many often depends on the data.
#include "lib/graph/infer/infer.h"

#include <algorithm>

namespace fettle::graph {
namespace {

constexpr std::uint8_t bit(int axis) { return static_cast<std::uint8_t>(1u << axis); }

// NonMaxSuppression, as it is canonically: boxes, scores, overlap, score, and how many boxes to keep of a
// class where that is computed.
constexpr std::size_t kMostBoxes = 4;
constexpr char kOneInteger[] = "max_output_boxes_per_class must be one integer";

// The number of boxes becomes an attribute, and is its bound where it is computed: that of the boxes, at
// most.
bool take_most_boxes(NodeView& view, std::int64_t boxes) {
  constexpr std::size_t kGiven = 2;
  std::int64_t most = 0;
  ValueId number = kNoValue;
  if (view.computed(kGiven)) {
    const std::vector<Interval> known = view.numbers(kGiven);
    most = boxes;
    if (!known.empty() && !(known.front().high > static_cast<double>(boxes)))
      most = static_cast<std::int64_t>(std::max(0.0, known.front().high));
    number = view.node().inputs[kGiven];
  } else if (view.has(kGiven)) {
    const std::optional<std::int64_t> constant = view.integer(kGiven);
    if (!view.expect(constant.has_value(), kOneInteger)) return false;
    most = std::clamp<std::int64_t>(*constant, 0, boxes);
  }
  view.attributes().set("max_output_boxes", most);
  std::vector<ValueId>& inputs = view.node().inputs;
  if (inputs.size() > kGiven) inputs.erase(inputs.begin() + kGiven);
  if (number == kNoValue) return true;
  inputs.resize(kMostBoxes, kNoValue);
  inputs.push_back(number);
  return true;
}

}  // namespace

bool transpose_coordinates(NodeView& view) {
  const Value& x = view.graph().value(view.node().inputs[0]);
  if (x.producer == kNoNode) return false;
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

bool infer_top_k(NodeView& view) {
  const Shape x = view.shape(0);
  std::int64_t axis = view.attributes().integer("axis", -1);
  if (!view.normal_axis(axis, x.rank())) return false;
  const std::int64_t extent = x[static_cast<int>(axis)];
  const bool computed = view.computed(1);
  if (!computed && !view.attributes().has("k")) {
    const std::optional<std::int64_t> k = view.integer(1);
    if (!view.expect(k.has_value(), "k must be one integer")) return false;
    view.attributes().set("k", *k);
  }
  std::int64_t k = computed ? extent : view.attributes().integer("k");
  if (!view.expect(k >= 0 && k <= extent, "k is larger than the axis")) return false;
  if (computed) {
    if (!view.expect(view.shape(1).elements() == 1 && view.bounded(1) == 0 && view.type(1) == DataType::s64,
                     "k must be one integer"))
      return false;
    const std::vector<Interval> most = view.numbers(1);
    if (!most.empty() && !(most.front().high > static_cast<double>(extent)))
      k = static_cast<std::int64_t>(std::max(0.0, most.front().high));
  }
  view.attributes().set("axis", axis);
  view.attributes().erase("sorted");  // they always are
  view.fill("largest", std::int64_t{1});
  view.keep_inputs(computed ? 2 : 1);
  view.complete_outputs(2);
  Shape output = x;
  output[static_cast<int>(axis)] = k;
  if (computed && view.stands_alone(0)) {
    const Shape& stands = *view.graph().value(view.node().outputs[0]).shape;
    if (!view.expect(stands.rank() == x.rank() && stands[static_cast<int>(axis)] <= extent,
                     "k is larger than the axis"))
      return false;
    output[static_cast<int>(axis)] = stands[static_cast<int>(axis)];
  }
  const std::uint8_t bounded = computed ? bit(static_cast<int>(axis)) : 0;
  return view.set_bounded(0, output, view.type(0), bounded) &&
         view.set_bounded(1, output, DataType::s64, bounded);
}

bool infer_non_zero(NodeView& view) {
  const Shape x = view.shape(0);
  if (!view.expect(x.rank() >= 1, "a scalar has no coordinates")) return false;
  view.complete_outputs(2);
  view.fill("transposed", std::int64_t{0});
  const bool transposed = view.attributes().integer("transposed") != 0;
  const Shape most = transposed ? Shape{x.elements(), x.rank()} : Shape{x.rank(), x.elements()};
  return view.set_found(0, most, DataType::s64, bit(transposed ? 0 : 1), 1);
}

bool infer_compress(NodeView& view) {
  const Shape x = view.shape(0);
  if (!view.expect(view.inputs() == 2 && view.type(1) == DataType::boolean && view.rank(1) == 1,
                   "a condition of rank 1 is needed"))
    return false;
  view.complete_outputs(2);
  const std::int64_t most = view.shape(1)[0];
  if (!view.attributes().has("axis"))
    return view.set_found(0, Shape{std::min(most, x.elements())}, view.type(0), bit(0), 1);
  std::int64_t axis = view.attributes().integer("axis");
  if (!view.normal_axis(axis, x.rank())) return false;
  view.attributes().set("axis", axis);
  Shape output = x;
  output[static_cast<int>(axis)] = std::min(most, x[static_cast<int>(axis)]);
  return view.set_found(0, output, view.type(0), view.bounded(0) | bit(static_cast<int>(axis)), 1);
}

bool infer_unique(NodeView& view) {
  const Shape x = view.shape(0);
  view.fill("sorted", std::int64_t{1});
  std::int64_t count = x.elements();
  Shape output{count};
  std::uint8_t bounded = bit(0);
  if (view.attributes().has("axis")) {
    std::int64_t axis = view.attributes().integer("axis");
    if (!view.normal_axis(axis, x.rank())) return false;
    view.attributes().set("axis", axis);
    count = x[static_cast<int>(axis)];
    output = x;
    bounded = static_cast<std::uint8_t>(view.bounded(0) | bit(static_cast<int>(axis)));
  }
  view.complete_outputs(6);
  return view.set_found(0, output, view.type(0), bounded, 4) &&
         view.set_found(1, Shape{count}, DataType::s64, bit(0), 5) &&
         view.set(2, Shape{count}, DataType::s64) &&
         view.set_found(3, Shape{count}, DataType::s64, bit(0), 5);
}

bool infer_non_max_suppression(NodeView& view) {
  const Shape boxes = view.shape(0);
  if (!view.expect(view.inputs() >= 2 && view.rank(1) == 3 && boxes.rank() == 3 && boxes[2] == 4 &&
                       view.shape(1)[0] == boxes[0] && view.shape(1)[2] == boxes[1],
                   "boxes N x boxes x 4 and scores N x classes x boxes are needed"))
    return false;
  if (!view.attributes().has("max_output_boxes") && !take_most_boxes(view, boxes[1])) return false;
  view.fill("center_point_box", std::int64_t{0});
  for (std::size_t i = 2; i < view.inputs(); ++i) {
    const bool single = !view.has(i) || (view.shape(i).elements() == 1 && view.bounded(i) == 0);
    if (!view.expect(single, i == kMostBoxes ? kOneInteger : "thresholds must be single numbers"))
      return false;
    if (i == kMostBoxes && !view.expect(view.type(i) == DataType::s64, kOneInteger)) return false;
    if (view.has(i) && view.rank(i) > 0) view.reshape_input(i, Shape{});
  }
  view.complete_outputs(2);
  const std::int64_t rows = boxes[0] * view.shape(1)[1] * view.attributes().integer("max_output_boxes");
  return view.set_found(0, Shape{rows, 3}, DataType::s64, bit(0), 1);
}

bool infer_select(NodeView& view) {
  if (!view.expect(view.inputs() == 3 && view.type(0) == DataType::boolean && view.shape(0).elements() == 1 &&
                       view.bounded(0) == 0,
                   "the condition must be one boolean"))
    return false;
  if (const std::optional<bool> holds = view.truth(0)) {
    const ValueId taken = view.node().inputs[*holds ? 1 : 2];
    view.node().op = Op::identity;
    view.node().inputs = {taken};
    return view.same_as_input();
  }
  if (!view.expect(view.type(1) == view.type(2) && view.rank(1) == view.rank(2),
                   "the branches give results of different types or ranks, and a computed condition decides "
                   "between them; bind what decides it to a constant"))
    return false;
  Shape output = view.shape(1);
  for (int axis = 0; axis < output.rank(); ++axis) output[axis] = std::max(output[axis], view.shape(2)[axis]);
  return view.set(0, output, view.type(1));
}

}  // namespace fettle::graph

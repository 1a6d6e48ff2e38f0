// SPDX-License-Identifier: Apache-2.0
//
// Losses, which networks exported for evaluation still hold.
#include "lib/graph/infer/infer.h"

namespace fettle::graph {
namespace {

// Scores N x C x d..., one target for each N x d..., and a weight for each class or none.
bool check_targets(NodeView& view) {
  const Shape& x = view.shape(0);
  bool fits = view.inputs() >= 2 && x.rank() >= 2 && view.rank(1) == x.rank() - 1 &&
              view.shape(1)[0] == x[0] && (view.type(1) == DataType::s64 || view.type(1) == DataType::s32);
  for (int axis = 2; fits && axis < x.rank(); ++axis) fits = view.shape(1)[axis - 1] == x[axis];
  return view.expect(fits, "integer targets N x d... for scores N x C x d... are needed") &&
         view.expect(!view.has(2) || (view.shape(2) == Shape{x[1]} && view.type(2) == view.type(0)),
                     "one weight for each class is needed");
}

}  // namespace

bool infer_nll_loss(NodeView& view) {
  if (!check_targets(view)) return false;
  view.fill("reduction", std::string("mean"));
  const std::string_view reduction = view.attributes().string("reduction");
  return view.set(0, reduction == "none" ? Shape(view.shape(1)) : Shape{}, view.type(0));
}

// The loss of the logarithms of softmax, which may be a second output.
bool infer_cross_entropy_loss(NodeView& view) {
  if (!check_targets(view)) return false;
  const Shape shape = view.shape(0);
  Attributes attributes;
  attributes.set("axis", std::int64_t{1});
  const ValueId logarithms = view.add(Op::log_softmax, ".log_softmax", {view.node().inputs[0]}, shape,
                                      view.type(0), std::move(attributes));
  if (view.node().outputs.size() > 1 && view.node().outputs[1] != kNoValue) {
    const ValueId wanted = view.node().outputs[1];
    view.graph().replace_uses(wanted, logarithms);
    view.graph().value(wanted).producer = kNoNode;
  }
  view.node().outputs.resize(1);
  view.node().inputs[0] = logarithms;
  view.node().op = Op::nll_loss;
  return infer_nll_loss(view);
}

}  // namespace fettle::graph

// SPDX-License-Identifier: Apache-2.0
//
// Pad: what it takes away, and what it puts around the rest.
#include "lib/graph/infer/infer.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace fettle::graph {
namespace {

using Ints = std::vector<std::int64_t>;

// The value of padding stays an operand unless it is a constant float. Canonical nodes have it second.
bool read_pad_value(NodeView& view) {
  const std::size_t at = view.attributes().has("pads") ? 1 : 2;
  if (!view.has(at)) {
    view.keep_inputs(1);
    return true;
  }
  if (!view.expect(view.shape(at).elements() == 1 && view.type(at) == view.type(0),
                   "the padding value must be one number of the input's type"))
    return false;
  const auto value = view.reals(at);
  const ValueId input = view.node().inputs[at];
  view.keep_inputs(1);
  if (value) {
    view.attributes().set("value", value->front());
  } else {
    view.node().inputs.push_back(input);
    if (view.rank(1) > 0) view.reshape_input(1, Shape{});
  }
  return true;
}

bool pads_in_range(NodeView& view, const Ints& pads) {
  const Shape& x = view.shape(0);
  constexpr std::int64_t kMost = 1 << 30;
  for (int axis = 0; axis < x.rank(); ++axis) {
    const std::int64_t before = pads[static_cast<std::size_t>(axis)];
    const std::int64_t after = pads[static_cast<std::size_t>(axis + x.rank())];
    if (!view.expect(before > -kMost && before < kMost && after > -kMost && after < kMost &&
                         x[axis] + before + after >= 0,
                     "the padding is out of range"))
      return false;
  }
  return true;
}

// Negative padding removes elements. What is copied or reflected beyond the border is what is left, so that a
// slice goes before.
bool crop_first(NodeView& view, Ints& pads) {
  if (std::none_of(pads.begin(), pads.end(), [](std::int64_t pad) { return pad < 0; })) return true;
  const Shape x = view.shape(0);
  Shape output = x;
  Ints starts;
  Ints ends;
  Ints axes;
  for (int axis = 0; axis < x.rank(); ++axis) {
    std::int64_t& before = pads[static_cast<std::size_t>(axis)];
    std::int64_t& after = pads[static_cast<std::size_t>(axis + x.rank())];
    starts.push_back(std::max<std::int64_t>(0, -before));
    ends.push_back(x[axis] - std::max<std::int64_t>(0, -after));
    axes.push_back(axis);
    output[axis] = ends.back() - starts.back();
    if (!view.expect(output[axis] >= 0, "the padding removes more elements than there are")) return false;
    before = std::max<std::int64_t>(0, before);
    after = std::max<std::int64_t>(0, after);
  }
  view.node().inputs[0] = add_crop(view, std::move(axes), std::move(starts), std::move(ends), output);
  return true;
}

// Pads of some axes, since opset 18, as pads of all.
bool spread_over_axes(NodeView& view, Ints& pads) {
  std::optional<Ints> axes = view.integers(3);
  const auto rank = static_cast<std::size_t>(view.rank(0));
  if (!view.expect(axes.has_value(), "the axes must be constant integers") ||
      !view.expect(pads.size() == 2 * axes->size(), "pads needs two values per axis"))
    return false;
  Ints all(2 * rank, 0);
  std::vector<bool> named(rank, false);
  for (std::size_t i = 0; i < axes->size(); ++i) {
    if (!view.normal_axis((*axes)[i], view.rank(0))) return false;
    const auto axis = static_cast<std::size_t>((*axes)[i]);
    if (!view.expect(!named[axis], "an axis is named twice")) return false;
    named[axis] = true;
    all[axis] = pads[i];
    all[axis + rank] = pads[i + axes->size()];
  }
  pads = std::move(all);
  return true;
}

}  // namespace

ValueId add_crop(NodeView& view, Ints axes, Ints starts, Ints ends, const Shape& shape) {
  Attributes attributes;
  attributes.set("steps", Ints(axes.size(), 1));
  attributes.set("starts", std::move(starts));
  attributes.set("ends", std::move(ends));
  attributes.set("axes", std::move(axes));
  attributes.set("normalised", std::int64_t{1});
  return view.add(Op::slice, ".crop", {view.node().inputs[0]}, shape, view.type(0), std::move(attributes));
}

bool infer_pad(NodeView& view) {
  std::optional<Ints> pads;
  const bool canonical = view.attributes().has("pads");
  if (!view.parameter(view.attributes().has("paddings") ? "paddings" : "pads", canonical ? 9 : 1, pads))
    return false;
  if (pads && !canonical && view.has(3) && !spread_over_axes(view, *pads)) return false;
  if (!view.expect(pads && pads->size() == 2 * static_cast<std::size_t>(view.rank(0)),
                   "pads needs two values per dimension"))
    return false;
  view.fill("mode", std::string("constant"));
  view.fill("value", 0.0f);
  if (!read_pad_value(view)) return false;
  const std::string mode(view.attributes().string("mode"));
  if (!pads_in_range(view, *pads)) return false;
  if (mode != "constant" && !crop_first(view, *pads)) return false;
  const Shape x = view.shape(0);
  Shape output = x;
  for (int axis = 0; axis < x.rank(); ++axis) {
    const std::int64_t before = (*pads)[static_cast<std::size_t>(axis)];
    const std::int64_t after = (*pads)[static_cast<std::size_t>(axis + x.rank())];
    const bool none = before == 0 && after == 0;
    if (mode == "reflect" && !view.expect(none || (before < x[axis] && after < x[axis]),
                                          "reflected padding must be smaller than the dimension"))
      return false;
    const bool copies = mode == "edge" || mode == "wrap";
    if (copies && !view.expect(none || x[axis] > 0, "edge and wrap padding need elements to copy"))
      return false;
    output[axis] = x[axis] + before + after;
  }
  view.attributes().erase("paddings");
  view.attributes().set("pads", *pads);
  return view.set(0, output, view.type(0));
}

}  // namespace fettle::graph

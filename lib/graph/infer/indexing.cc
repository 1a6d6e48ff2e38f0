// SPDX-License-Identifier: Apache-2.0
//
// Operators that read or write where integers say.
#include "lib/graph/infer/infer.h"

#include <algorithm>
#include <cmath>

namespace fettle::graph {
namespace {

bool is_index(DataType type) { return type == DataType::s64 || type == DataType::s32; }

bool read_axis(NodeView& view, std::int64_t fallback) {
  std::int64_t axis = view.attributes().integer("axis", fallback);
  if (!view.normal_axis(axis, view.rank(0))) return false;
  view.attributes().set("axis", axis);
  return true;
}

// The first `count` extents of a shape and, after them, those of another from axis `from` on.
Shape spliced(const Shape& head, int count, const Shape& tail, int from) {
  Shape shape(head.dims().first(static_cast<std::size_t>(count)));
  for (int axis = from; axis < tail.rank(); ++axis) shape.push_back(tail[axis]);
  return shape;
}

// Whether indices go no further than the data along every axis but one.
bool indices_fit(NodeView& view, const Shape& indices, const Shape& x, std::int64_t except) {
  for (int axis = 0; axis < x.rank(); ++axis) {
    if (axis != except && !view.expect(indices[axis] <= x[axis], "the indices reach beyond the data"))
      return false;
  }
  return true;
}

// The only element of a constant of any numeric type; reals lose what lies behind the point. Nothing where it
// is none of the integers that count.
std::optional<std::int64_t> whole_number(NodeView& view, std::size_t input) {
  if (const auto integer = view.integer(input)) return integer;
  const auto real = view.reals(input);
  constexpr float kMost = 1e9f;
  if (!real || real->size() != 1 || !(std::abs(real->front()) <= kMost)) return std::nullopt;
  return static_cast<std::int64_t>(real->front());
}

}  // namespace

bool has_elements_for(NodeView& view, const Shape& output) {
  return view.expect(view.shape(0).elements() > 0 || output.elements() == 0,
                     "there are indices, but no elements that they could name");
}

bool infer_gather_elements(NodeView& view) {
  if (!view.expect(
          view.inputs() == 2 && is_index(view.type(1)) && view.rank(0) == view.rank(1) && view.rank(0) >= 1,
          "integer indices of the data's rank are needed"))
    return false;
  if (!read_axis(view, 0)) return false;
  const Shape indices = view.shape(1);
  return indices_fit(view, indices, view.shape(0), view.attributes().integer("axis")) &&
         has_elements_for(view, indices) && view.set(0, indices, view.type(0));
}

bool infer_gather_nd(NodeView& view) {
  if (!view.expect(view.inputs() == 2 && is_index(view.type(1)) && view.rank(0) >= 1 && view.rank(1) >= 1,
                   "data and integer indices are needed"))
    return false;
  view.fill("batch_dims", std::int64_t{0});
  const std::int64_t batch = view.attributes().integer("batch_dims");
  const Shape& x = view.shape(0);
  const Shape& indices = view.shape(1);
  const int last = indices.rank() - 1;
  const std::int64_t spelt = indices[last];
  if (!view.expect(
          batch >= 0 && batch < std::min(x.rank(), indices.rank()) && spelt >= 1 && spelt <= x.rank() - batch,
          "batch_dims or the last extent of the indices does not fit the data"))
    return false;
  for (int axis = 0; axis < batch; ++axis) {
    if (!view.expect(x[axis] == indices[axis], "the batch axes of data and indices differ")) return false;
  }
  const int rest = static_cast<int>(batch + spelt);
  if (!view.expect(last + x.rank() - rest <= kMaxRank, kTooManyDimensions)) return false;
  const Shape output = spliced(indices, last, x, rest);
  return has_elements_for(view, output) && view.set(0, output, view.type(0));
}

bool infer_scatter_elements(NodeView& view) {
  if (!view.expect(view.inputs() == 3 && is_index(view.type(1)) && view.type(2) == view.type(0) &&
                       view.rank(0) == view.rank(1) && view.rank(0) >= 1 && view.shape(1) == view.shape(2),
                   "indices and updates of one shape, with the data's rank, are needed"))
    return false;
  if (!read_axis(view, 0)) return false;
  view.fill("reduction", std::string("none"));
  view.node().op = Op::scatter_elements;
  return indices_fit(view, view.shape(1), view.shape(0), view.attributes().integer("axis")) &&
         view.same_as_input();
}

bool infer_scatter_nd(NodeView& view) {
  if (!view.expect(view.inputs() == 3 && is_index(view.type(1)) && view.type(2) == view.type(0) &&
                       view.rank(0) >= 1 && view.rank(1) >= 1,
                   "data, integer indices and updates are needed"))
    return false;
  const Shape& x = view.shape(0);
  const Shape& indices = view.shape(1);
  const int last = indices.rank() - 1;
  if (!view.expect(
          indices[last] >= 1 && indices[last] <= x.rank() && last + x.rank() - indices[last] <= kMaxRank,
          "the last extent of the indices does not fit the data"))
    return false;
  if (!view.expect(view.shape(2) == spliced(indices, last, x, static_cast<int>(indices[last])),
                   "the updates do not have the shape that data and indices give"))
    return false;
  view.fill("reduction", std::string("none"));
  return view.same_as_input();
}

bool infer_one_hot(NodeView& view) {
  // Canonical nodes have lost the depth to an attribute.
  if (!view.attributes().has("depth")) {
    const std::optional<std::int64_t> depth = whole_number(view, 1);
    if (!view.expect(view.inputs() == 3 && depth && *depth >= 0, "the depth must be a constant, 0 or more"))
      return false;
    view.attributes().set("depth", *depth);
    view.node().inputs.erase(view.node().inputs.begin() + 1);
  }
  if (!view.expect(view.rank(1) == 1 && view.shape(1)[0] == 2, "two values are needed")) return false;
  const Shape indices = view.shape(0);
  std::int64_t axis = view.attributes().integer("axis", -1);
  if (!view.expect(indices.rank() < kMaxRank, kTooManyDimensions) ||
      !view.normal_axis(axis, indices.rank(), 1))
    return false;
  view.attributes().set("axis", axis);
  Shape output(indices.dims().first(static_cast<std::size_t>(axis)));
  output.push_back(view.attributes().integer("depth"));
  return view.set(0, spliced(output, output.rank(), indices, static_cast<int>(axis)), view.type(1));
}

bool infer_trilu(NodeView& view) {
  view.fill("upper", std::int64_t{1});
  if (!view.has(1)) view.keep_inputs(1);
  if (!view.expect(view.rank(0) >= 2, "the input needs a rank of 2 or more")) return false;
  if (!view.expect(!view.has(1) || (is_index(view.type(1)) && view.shape(1).elements() == 1),
                   "k must be one integer"))
    return false;
  if (view.has(1) && view.rank(1) > 0) view.reshape_input(1, Shape{});
  return view.same_as_input();
}

bool infer_reverse_sequence(NodeView& view) {
  view.fill("batch_axis", std::int64_t{1});
  view.fill("time_axis", std::int64_t{0});
  const std::int64_t batch = view.attributes().integer("batch_axis");
  const std::int64_t time = view.attributes().integer("time_axis");
  const Shape& x = view.shape(0);
  const bool axes = x.rank() >= 2 && batch != time && batch >= 0 && time >= 0 && batch <= 1 && time <= 1;
  if (!view.expect(axes, "batch_axis and time_axis must be 0 and 1")) return false;
  if (!view.expect(
          view.inputs() == 2 && is_index(view.type(1)) && view.shape(1) == Shape{x[static_cast<int>(batch)]},
          "one length for each batch is needed"))
    return false;
  return view.same_as_input();
}

bool infer_eye_like(NodeView& view) {
  view.fill("k", std::int64_t{0});
  if (!view.expect(view.rank(0) == 2, "the input needs a rank of 2")) return false;
  const DataType type = view.take_type("dtype", view.type(0));
  // Nothing but the shape of the input counts, so that a constant does as well.
  const Shape shape = view.shape(0);
  if (!view.graph().is_constant(view.node().inputs[0])) {
    const std::vector<std::byte> zeros(static_cast<std::size_t>(shape.elements()));
    Result<ValueId> like = view.graph().add_constant(view.node().id, DataType::u8, shape, zeros);
    if (!like) return view.fail("out of memory");
    view.node().inputs[0] = *like;
  }
  return view.set(0, shape, type);
}

}  // namespace fettle::graph

// SPDX-License-Identifier: Apache-2.0
//
// Operators that move or reshape data.
#include "lib/graph/infer/infer.h"

#include "lib/base/checked.h"
#include "lib/base/extents.h"
#include "lib/base/small_types.h"

#include <algorithm>
#include <cmath>

namespace fettle::graph {
namespace {

using Ints = std::vector<std::int64_t>;

// Whether a Dropout drops nothing: outside training, or with a ratio of 0, whatever the mode is.
bool drops_nothing(NodeView& view) {
  if (!view.has(2)) return true;
  const std::optional<bool> training = view.truth(2);
  if (training && !*training) return true;
  if (view.has(1) && view.is_zero(1)) return true;
  if (!training) return view.fail("training_mode must be constant, or the ratio a constant 0");
  return view.fail("it drops at random (training_mode is true and the ratio is not 0): export for inference");
}

// The mask of a Dropout that drops nothing: all ones, boolean since opset 10.
bool make_mask(NodeView& view, ValueId mask) {
  const Shape shape = view.shape(0);
  const DataType type = view.graph().opset >= 10 ? DataType::boolean : view.type(0);
  const ValueId one = view.scalar(1, type);
  if (one == kNoValue) return false;
  view.graph().value(mask).type = type;
  view.graph().value(mask).shape = shape;
  view.graph().add_node({Op::expand, view.node().id + ".mask", {}, {}, {one}, {mask}});
  return true;
}

// Parts without elements are no results of a split whose other parts have some.
void drop_empty_parts(NodeView& view, Ints sizes) {
  std::vector<ValueId>& outputs = view.node().outputs;
  const auto of_no_elements = [](std::int64_t size) { return size == 0; };
  if (view.shape(0).elements() == 0 || std::none_of(sizes.begin(), sizes.end(), of_no_elements)) return;
  std::vector<ValueId> kept;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (sizes[i] > 0)
      kept.push_back(outputs[i]);
    else if (outputs[i] != kNoValue)
      become_empty_constant(view.graph().value(outputs[i]));
  }
  outputs = std::move(kept);
  std::erase(sizes, 0);
  view.attributes().set("split", std::move(sizes));
}

}  // namespace

bool infer_concat(NodeView& view) {
  const int rank = view.rank(0);
  std::int64_t axis = view.attributes().integer("axis", 1);
  if (!view.normal_axis(axis, rank)) return false;
  Shape output = view.shape(0);
  std::int64_t extent = 0;
  for (std::size_t i = 0; i < view.inputs(); ++i) {
    if (!view.expect(view.has(i) && view.rank(i) == rank && view.type(i) == view.type(0),
                     "the inputs differ in rank or type"))
      return false;
    for (int d = 0; d < rank; ++d) {
      const bool open = is_bounded(view.bounded(0), d) || is_bounded(view.bounded(i), d);
      if (d != axis && !open &&
          !view.expect(view.shape(i)[d] == output[d],
                       "the inputs differ along another axis than the concatenated one"))
        return false;
    }
    const auto sum = checked_add(extent, view.shape(i)[static_cast<int>(axis)]);
    if (!view.expect(sum.has_value(), "the result is too large")) return false;
    extent = *sum;
  }
  output[static_cast<int>(axis)] = extent;
  view.attributes().set("axis", axis);
  const DataType type = view.type(0);
  // Pieces without elements add nothing. Where the result has elements, some piece has too.
  if (output.elements() > 0) {
    std::erase_if(view.node().inputs, [&](ValueId input) { return view.graph().value(input).empty(); });
  }
  return view.set(0, output, type);
}

bool infer_split(NodeView& view) {
  const Shape& x = view.shape(0);
  std::int64_t axis = view.attributes().integer("axis", 0);
  if (!view.normal_axis(axis, x.rank())) return false;
  std::optional<Ints> sizes;
  if (!view.parameter("split", 1, sizes)) return false;
  const std::size_t count = view.node().outputs.size();
  const std::int64_t extent = x[static_cast<int>(axis)];
  if (const std::int64_t parts = view.attributes().integer("num_outputs"); parts != 0) {
    if (!view.expect(!sizes && parts == static_cast<std::int64_t>(count),
                     "num_outputs is not the number of outputs, or stands beside sizes"))
      return false;
    // The last ones get what is left.
    sizes.emplace();
    const std::int64_t each = (extent + parts - 1) / parts;
    for (std::int64_t left = extent; sizes->size() < count; left -= sizes->back())
      sizes->push_back(std::min(each, left));
    view.attributes().erase("num_outputs");
  }
  if (!sizes) {
    const auto pieces = static_cast<std::int64_t>(count);
    if (!view.expect(pieces > 0 && extent % pieces == 0, "the axis cannot be split into equal parts"))
      return false;
    sizes.emplace(count, extent / pieces);
  }
  std::int64_t sum = 0;
  for (std::int64_t size : *sizes) {
    if (!view.expect(size >= 0 && size <= extent - sum, "the parts do not add up to the axis")) return false;
    sum += size;
  }
  if (!view.expect(sizes->size() == count && sum == extent, "the parts do not add up to the axis"))
    return false;
  view.attributes().set("axis", axis);
  view.attributes().set("split", *sizes);
  view.keep_inputs(1);
  for (std::size_t i = 0; i < count; ++i) {
    Shape output = x;
    output[static_cast<int>(axis)] = (*sizes)[i];
    if (!view.set(i, output, view.type(0))) return false;
  }
  drop_empty_parts(view, *std::move(sizes));
  return true;
}

bool infer_transpose(NodeView& view) {
  if (transpose_coordinates(view)) return infer_non_zero(view);
  const Shape& x = view.shape(0);
  const auto given = view.attributes().integers("perm");
  Ints perm(given.begin(), given.end());
  if (perm.empty()) {
    for (int axis = x.rank(); axis-- > 0;) perm.push_back(axis);
  }
  Ints sorted = perm;
  std::sort(sorted.begin(), sorted.end());
  bool valid = sorted.size() == static_cast<std::size_t>(x.rank());
  for (std::size_t i = 0; valid && i < sorted.size(); ++i) valid = sorted[i] == static_cast<std::int64_t>(i);
  if (!view.expect(valid, "perm is not a permutation of the axes")) return false;
  Shape output;
  for (std::int64_t axis : perm) output.push_back(x[static_cast<int>(axis)]);
  view.attributes().set("perm", perm);
  return view.set(0, output, view.type(0));
}

bool infer_expand(NodeView& view) {
  if (!view.has(1))
    return view.expect(view.graph().value(view.node().outputs[0]).shape.has_value(), "the shape is missing");
  if (view.stands_alone(0) && view.computed(1)) return true;
  if (!view.expect(view.rank(1) == 1 && view.bounded(1) == 0 && view.type(1) == DataType::s64,
                   "the rank of the result depends on the data") ||
      !view.expect(view.shape(1)[0] <= kMaxRank, kTooManyDimensions))
    return false;
  TensorDesc wanted;
  if (!view.computed_shape(1, wanted)) return false;
  TensorDesc x;
  x.shape = view.shape(0);
  x.bounded = view.bounded(0);
  const std::optional<TensorDesc> output = broadcast_bounded(x, wanted);
  if (!view.expect(output.has_value(), "the input cannot be expanded to the shape")) return false;
  // The output's shape says everything, unless it is only the most there can be.
  if (!view.computed(1) && x.bounded == 0) view.keep_inputs(1);
  return view.set_bounded(0, output->shape, view.type(0), output->bounded);
}

bool infer_tile(NodeView& view) {
  const Shape x = view.shape(0);
  if (view.computed(1)) {
    if (view.stands_alone(0)) {
      const Shape& y = *view.graph().value(view.node().outputs[0]).shape;
      return view.expect(y.rank() == x.rank() && (x.elements() > 0 || y.elements() == 0),
                         "the result does not repeat the operand");
    }
    if (!view.expect(
            view.type(1) == DataType::s64 && view.bounded(1) == 0 && view.shape(1) == Shape{x.rank()},
            "repeats needs one number for each dimension"))
      return false;
    std::vector<Interval> extents = view.numbers(1);
    extents.resize(static_cast<std::size_t>(x.rank()), Interval{0, INFINITY});
    for (int axis = 0; axis < x.rank(); ++axis) {
      Interval& extent = extents[static_cast<std::size_t>(axis)];
      const auto most = static_cast<double>(x[axis]);
      extent = {is_bounded(view.bounded(0), axis) ? 0 : most * std::max(0.0, extent.low),
                most == 0 ? 0 : most * extent.high};
    }
    return view.set_computed(0, extents, view.type(0), 1);
  }
  std::optional<Ints> repeats;
  if (!view.parameter("repeats", 1, repeats)) return false;
  if (!view.expect(repeats && repeats->size() == static_cast<std::size_t>(x.rank()),
                   "repeats needs one number for each dimension"))
    return false;
  Shape output = x;
  for (int axis = 0; axis < x.rank(); ++axis) {
    const std::int64_t times = (*repeats)[static_cast<std::size_t>(axis)];
    const auto extent = times < 0 ? std::nullopt : checked_mul(x[axis], times);
    if (!view.expect(extent.has_value(), "repeats are out of range")) return false;
    output[axis] = *extent;
  }
  view.attributes().set("repeats", *repeats);
  view.keep_inputs(1);
  return view.set(0, output, view.type(0));
}

// First, step and number of indices that follow each other at one distance.
struct Progression {
  std::int64_t first, step, count;
};

std::optional<Progression> progression_of(std::span<const std::int64_t> indices, std::int64_t extent) {
  if (indices.empty()) return std::nullopt;
  const auto inside = [&](std::size_t i) { return indices[i] < 0 ? indices[i] + extent : indices[i]; };
  const std::int64_t step = indices.size() == 1 ? 1 : inside(1) - inside(0);
  for (std::size_t i = 1; i < indices.size(); ++i) {
    if (inside(i) - inside(i - 1) != step) return std::nullopt;
  }
  if (step < 1) return std::nullopt;
  return Progression{inside(0), step, static_cast<std::int64_t>(indices.size())};
}

// The number of groups if the indices shuffle channels (channel_shuffle in op.h), else 0.
std::int64_t shuffled_groups(std::span<const std::int64_t> indices, std::int64_t channels) {
  if (indices.size() < 4 || static_cast<std::int64_t>(indices.size()) != channels || indices[0] != 0)
    return 0;
  // The first index of the second group is the size of a group.
  const std::int64_t size = indices[1];
  if (size <= 1 || channels % size != 0) return 0;
  const std::int64_t groups = channels / size;
  for (std::int64_t i = 0; i < channels; ++i) {
    if (indices[static_cast<std::size_t>(i)] != i % groups * size + i / groups) return 0;
  }
  return groups;
}

// Elements at equal distances are a slice, and channels in a certain order a shuffle: both are views or
// copies of lines, and channels may lie anywhere.
bool infer_gather_of(NodeView& view, std::span<const std::int64_t> indices, std::int64_t axis,
                     const Shape& output) {
  const Shape x = view.shape(0);
  const DataType type = view.type(0);
  const ValueId from = view.node().inputs[0];
  const bool line = view.rank(1) == 1;
  if (line && axis == 1 && x.rank() >= 3 && type == DataType::f32) {
    if (const std::int64_t groups = shuffled_groups(indices, x[1]); groups > 1) {
      view.node().op = Op::channel_shuffle;
      view.node().inputs = {from};
      view.node().attributes = {};
      view.attributes().set("group", groups);
      return view.set(0, output, type);
    }
  }
  const auto found = progression_of(indices, x[static_cast<int>(axis)]);
  if (!found) return view.set(0, output, type);
  Attributes attributes;
  attributes.set("starts", Ints{found->first});
  attributes.set("ends", Ints{found->first + (found->count - 1) * found->step + 1});
  attributes.set("axes", Ints{axis});
  attributes.set("steps", Ints{found->step});
  if (line) {
    view.node().op = Op::slice;
    view.node().inputs = {from};
    view.node().attributes = std::move(attributes);
    return view.set(0, output, type);
  }
  Shape part = x;
  part[static_cast<int>(axis)] = found->count;
  const ValueId slice = view.add(Op::slice, ".slice", {from}, part, type, std::move(attributes));
  view.node().op = Op::reshape;
  view.node().inputs = {slice};
  view.node().attributes = {};
  return view.set(0, output, type);
}

bool infer_gather(NodeView& view) {
  const Shape& x = view.shape(0);
  std::int64_t axis = view.attributes().integer("axis", 0);
  if (!view.expect(view.inputs() == 2 && (view.type(1) == DataType::s64 || view.type(1) == DataType::s32),
                   "the indices must be integers"))
    return false;
  if (!view.normal_axis(axis, x.rank())) return false;
  if (!view.expect(x.rank() - 1 + view.rank(1) <= kMaxRank, kTooManyDimensions)) return false;
  if (const auto indices = view.integers(1)) {
    const std::int64_t extent = x[static_cast<int>(axis)];
    const bool inside = std::all_of(indices->begin(), indices->end(),
                                    [&](std::int64_t i) { return i >= -extent && i < extent; });
    if (!view.expect(inside, "an index lies outside the axis")) return false;
  }
  view.attributes().set("axis", axis);
  Shape output(x.dims().first(static_cast<std::size_t>(axis)));
  for (std::int64_t extent : view.shape(1)) output.push_back(extent);
  for (int i = static_cast<int>(axis) + 1; i < x.rank(); ++i) output.push_back(x[i]);
  if (!has_elements_for(view, output)) return false;
  const auto indices = view.integers(1);
  const bool computed = view.has(0) && view.computed(0);
  if (indices && computed && !view.stands_alone(0) && view.bounded(0) == 0 && output.elements() > 0)
    return infer_gather_of(view, *indices, axis, output);
  return view.set(0, output, view.type(0));
}

bool infer_depth_space(NodeView& view) {
  const Shape& x = view.shape(0);
  const std::int64_t block = view.attributes().integer("blocksize");
  if (!view.expect(x.rank() == 4 && block >= 1 && block <= 1024,
                   "rank 4 and a positive blocksize are needed"))
    return false;
  if (view.node().op == Op::depth_to_space) {
    view.fill("mode", std::string("DCR"));
    if (!view.expect(x[1] % (block * block) == 0, "the channels are not a multiple of the squared blocksize"))
      return false;
    return view.set(0, Shape{x[0], x[1] / (block * block), x[2] * block, x[3] * block}, view.type(0));
  }
  if (!view.expect(x[2] % block == 0 && x[3] % block == 0, "the picture is not a multiple of the blocksize"))
    return false;
  return view.set(0, Shape{x[0], x[1] * block * block, x[2] / block, x[3] / block}, view.type(0));
}

bool infer_cast(NodeView& view) {
  const DataType type = data_type_from_string(view.attributes().string("to"));
  if (!view.expect(type != DataType::undefined, "unsupported target type")) return false;
  // Only some types of 8 bits leave a choice.
  const bool saturates = !is_small_float(type) || view.attributes().integer("saturate", 1) != 0;
  if (saturates) view.attributes().erase("saturate");
  if (type != DataType::f8e8m0 || view.attributes().string("round_mode") == "up")
    view.attributes().erase("round_mode");
  return view.set(0, view.shape(0), type);
}

bool infer_bit_cast(NodeView& view) {
  const DataType type = data_type_from_string(view.attributes().string("to"));
  return view.expect(size_of(type) == size_of(view.type(0)) && size_of(type) > 0,
                     "the target type needs as many bits as the input's") &&
         view.set(0, view.shape(0), type);
}

// To given extents: what is too large loses elements on both sides, what is too small gets zeros there.
bool infer_center_crop_pad(NodeView& view) {
  const Shape x = view.shape(0);
  const DataType type = view.type(0);
  const std::optional<Ints> wanted = view.integers(1);
  if (!view.expect(wanted.has_value(), "the shape must be constant")) return false;
  const auto given = view.attributes().integers("axes");
  Ints axes(given.begin(), given.end());
  if (axes.empty()) {
    for (int axis = 0; axis < x.rank(); ++axis) axes.push_back(axis);
  }
  if (!view.normal_axes(axes, x.rank()) ||
      !view.expect(wanted->size() == axes.size(), "the shape needs one extent for each axis"))
    return false;
  Shape cropped = x;
  Shape output = x;
  Ints starts;
  Ints ends;
  Ints pads(2 * static_cast<std::size_t>(x.rank()), 0);
  constexpr std::int64_t kMost = 1 << 30;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const auto axis = static_cast<int>(axes[i]);
    const std::int64_t extent = (*wanted)[i];
    if (!view.expect(extent >= 0 && extent <= kMost, "an extent of the shape is out of range")) return false;
    const std::int64_t kept = std::min(x[axis], extent);
    starts.push_back((x[axis] - kept) / 2);
    ends.push_back(starts.back() + kept);
    pads[static_cast<std::size_t>(axis)] = (extent - kept) / 2;
    pads[static_cast<std::size_t>(axis + x.rank())] = extent - kept - (extent - kept) / 2;
    cropped[axis] = kept;
    output[axis] = extent;
  }
  const ValueId left = add_crop(view, std::move(axes), std::move(starts), std::move(ends), cropped);
  view.node().op = Op::pad;
  view.node().attributes = {};
  view.attributes().set("mode", std::string("constant"));
  view.attributes().set("value", 0.0f);
  view.attributes().set("pads", std::move(pads));
  view.node().inputs = {left};
  return view.set(0, output, type);
}

bool infer_channel_shuffle(NodeView& view) {
  const std::int64_t groups = view.attributes().integer("group");
  const Shape& x = view.shape(0);
  return view.expect(x.rank() >= 3 && groups > 0 && x[1] % groups == 0, "groups of unequal size") &&
         view.same_as_input();
}

bool infer_identity(NodeView& view) {
  if (view.node().op == Op::dropout) {
    if (!drops_nothing(view)) return false;
    const std::vector<ValueId> results = view.node().outputs;
    if (results.size() > 1 && results[1] != kNoValue && !make_mask(view, results[1])) return false;
    view.node().outputs.resize(1);
  }
  view.node().op = Op::identity;
  view.node().attributes = {};
  view.keep_inputs(1);
  return view.same_as_input();
}

bool infer_shape(NodeView& view) {
  const std::int64_t rank = view.rank(0);
  if (view.node().op == Op::size) return view.set(0, Shape{}, DataType::s64);
  std::int64_t start = view.attributes().integer("start", 0);
  std::int64_t end = view.attributes().integer("end", rank);
  if (start < 0) start += rank;
  if (end < 0) end += rank;
  start = std::clamp<std::int64_t>(start, 0, rank);
  end = std::clamp<std::int64_t>(end, start, rank);
  view.attributes().set("start", start);
  view.attributes().set("end", end);
  return view.set(0, Shape{end - start}, DataType::s64);
}

bool infer_constant_of_shape(NodeView& view) {
  const DataType type = data_type_from_string(view.attributes().string("type", "f32"));
  if (view.stands_alone(0) && view.computed(0)) return true;
  if (!view.expect(view.rank(0) == 1 && view.bounded(0) == 0 && view.type(0) == DataType::s64,
                   "the rank of the result depends on the data") ||
      !view.expect(view.shape(0)[0] <= kMaxRank, kTooManyDimensions))
    return false;
  TensorDesc wanted;
  return view.computed_shape(0, wanted) && view.set_bounded(0, wanted.shape, type, wanted.bounded);
}

}  // namespace fettle::graph

// SPDX-License-Identifier: Apache-2.0
//
// Moving elements of any type whose size is 1, 2, 4 or 8 bytes, dense in ONNX order: what movement.cc does
// for floats and bytes in every layout, and Expand and Tile.
#include "kernels/portable/box.h"
#include "kernels/portable/portable.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace fettle::kernels::portable {
namespace {

// Calls body with an integer of the elements' size.
template <typename Body>
void with_size(const Call& call, Body&& body) {
  switch (size_of(call.layer.outputs.front().format.type)) {
    case 1:
      return body(std::uint8_t{});
    case 2:
      return body(std::uint16_t{});
    case 4:
      return body(std::uint32_t{});
    default:
      return body(std::uint64_t{});
  }
}

using DenseSteps = std::array<std::int64_t, kMaxRank>;
DenseSteps dense_steps(const Shape& shape) {
  DenseSteps steps{};
  std::int64_t step = 1;
  for (int axis = shape.rank(); axis-- > 0; step *= shape[axis]) steps[static_cast<std::size_t>(axis)] = step;
  return steps;
}
std::int64_t step_of(const DenseSteps& steps, int axis) { return steps[static_cast<std::size_t>(axis)]; }

void concat_any(const Call& call) {
  const auto axis = static_cast<int>(call.attributes().integer("axis"));
  const DenseSteps to = dense_steps(call.layer.outputs.front().shape);
  std::int64_t start = 0;
  for (std::size_t i = 0; i < call.inputs.size(); ++i) {
    const Shape& x = call.layer.inputs[i].shape;
    const DenseSteps from = dense_steps(x);
    Box box;
    for (int k = 0; k < x.rank(); ++k) box.add(x[k], step_of(from, k), step_of(to, k));
    with_size(call, [&]<typename T>(T) {
      copy_box(call, box, call.in<T>(i), call.out<T>() + start * step_of(to, axis));
    });
    start += x[axis];
  }
}

void split_any(const Call& call) {
  const auto axis = static_cast<int>(call.attributes().integer("axis"));
  const DenseSteps from = dense_steps(call.layer.inputs.front().shape);
  std::int64_t start = 0;
  for (std::size_t i = 0; i < call.outputs.size(); ++i) {
    const Shape& y = call.layer.outputs[i].shape;
    const DenseSteps to = dense_steps(y);
    Box box;
    for (int k = 0; k < y.rank(); ++k) box.add(y[k], step_of(from, k), step_of(to, k));
    with_size(call, [&]<typename T>(T) {
      copy_box(call, box, call.in<T>(0) + start * step_of(from, axis), call.out<T>(i));
    });
    start += y[axis];
  }
}

void slice_any(const Call& call) {
  const Shape& y = call.layer.outputs.front().shape;
  DenseSteps from = dense_steps(call.layer.inputs.front().shape);
  const DenseSteps to = dense_steps(y);
  const auto starts = call.attributes().integers("starts");
  const auto axes = call.attributes().integers("axes");
  const auto steps = call.attributes().integers("steps");
  std::int64_t offset = 0;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const auto axis = static_cast<std::size_t>(axes[i]);
    offset += starts[i] * from[axis];
    from[axis] *= steps[i];
  }
  Box box;
  for (int k = 0; k < y.rank(); ++k) box.add(y[k], step_of(from, k), step_of(to, k));
  with_size(call, [&]<typename T>(T) { copy_box(call, box, call.in<T>(0) + offset, call.out<T>()); });
}

void transpose_any(const Call& call) {
  const Shape& y = call.layer.outputs.front().shape;
  const DenseSteps from = dense_steps(call.layer.inputs.front().shape);
  const DenseSteps to = dense_steps(y);
  const auto perm = call.attributes().integers("perm");
  Box box;
  for (int k = 0; k < y.rank(); ++k)
    box.add(y[k], step_of(from, static_cast<int>(perm[static_cast<std::size_t>(k)])), step_of(to, k));
  with_size(call, [&]<typename T>(T) { copy_box(call, box, call.in<T>(0), call.out<T>()); });
}

void expand_any(const Call& call) {
  const Shape& x = call.layer.inputs.front().shape;
  const Shape& y = call.layer.outputs.front().shape;
  const DenseSteps from = dense_steps(x);
  const DenseSteps to = dense_steps(y);
  Box box;
  for (int k = 0; k < y.rank(); ++k) {
    const int own = k - (y.rank() - x.rank());
    const bool repeated = own < 0 || x[own] == 1;
    box.add(y[k], repeated ? 0 : step_of(from, own), step_of(to, k));
  }
  with_size(call, [&]<typename T>(T) { copy_box(call, box, call.in<T>(0), call.out<T>()); });
}

void tile_any(const Call& call) {
  const Shape& x = call.layer.inputs.front().shape;
  const Shape& y = call.layer.outputs.front().shape;
  const DenseSteps from = dense_steps(x);
  const DenseSteps to = dense_steps(y);
  Box box;
  for (int k = 0; k < y.rank(); ++k) {
    box.add(y[k] / x[k], 0, x[k] * step_of(to, k));
    box.add(x[k], step_of(from, k), step_of(to, k));
  }
  with_size(call, [&]<typename T>(T) { copy_box(call, box, call.in<T>(0), call.out<T>()); });
}

Refusal supports_moving(const LayerDesc& layer, const Cpu&) {
  if (layer.main().clamp) return Refusal::clamp;
  const DataType type = layer.outputs.front().format.type;
  const std::size_t size = size_of(type);
  if (size != 1 && size != 2 && size != 4 && size != 8) return Refusal::data_type;
  for (const auto* list : {&layer.inputs, &layer.outputs}) {
    for (const TensorDesc& tensor : *list) {
      if (tensor.format.type != type) return Refusal::data_type;
      if (tensor.format.layout != Layout::nchw) return Refusal::layout;
    }
  }
  return Refusal::none;
}

// Operands beyond the first say what is computed while the network runs.
Refusal supports_moving_one(const LayerDesc& layer, const Cpu& cpu) {
  return layer.inputs.size() == 1 ? supports_moving(layer, cpu) : Refusal::op;
}

// A computed shape is an operand; the result's own says as much.
Refusal supports_expand(const LayerDesc& layer, const Cpu& cpu) {
  LayerDesc moved = layer;
  moved.inputs.resize(1);
  return layer.inputs[0].constant ? Refusal::constant : supports_moving(moved, cpu);
}

Refusal supports_tile(const LayerDesc& layer, const Cpu& cpu) {
  if (const Refusal refusal = supports_moving_one(layer, cpu); refusal != Refusal::none) return refusal;
  const Shape& x = layer.inputs.front().shape;
  const Shape& y = layer.outputs.front().shape;
  std::size_t loops = 0;
  for (int axis = 0; axis < x.rank(); ++axis) {
    if (x[axis] == 0) return Refusal::shape;
    loops += (x[axis] > 1 ? 1 : 0) + (y[axis] > x[axis] ? 1 : 0);
  }
  return loops <= kMaxAxes ? Refusal::none : Refusal::rank;
}

constexpr Op kAnyMovementOps[] = {Op::concat, Op::split, Op::slice, Op::transpose, Op::expand, Op::tile};
template <Compute compute>
constexpr Kernel moving_entry(std::size_t op, std::string_view name, Supports supports, bool bounded) {
  Kernel kernel = entry<compute>(name, {&kAnyMovementOps[op], 1}, kNchw<>, supports);
  if (bounded) kernel.bounded_axes = BoundedAxes::any;
  return if_selected(kernel);
}
constexpr Kernel kConcatAny = moving_entry<concat_any>(0, "concat.copy.any.portable", supports_moving, true);
constexpr Kernel kSplitAny = moving_entry<split_any>(1, "split.copy.any.portable", supports_moving_one, true);
constexpr Kernel kSliceAny = moving_entry<slice_any>(2, "slice.copy.any.portable", supports_moving_one, true);
constexpr Kernel kTransposeAny =
    moving_entry<transpose_any>(3, "transpose.copy.any.portable", supports_moving_one, true);
constexpr Kernel kExpandAny = moving_entry<expand_any>(4, "expand.copy.any.portable", supports_expand, false);
constexpr Kernel kTileAny = moving_entry<tile_any>(5, "tile.copy.any.portable", supports_tile, false);
constexpr const Kernel* kAnyMovementEntries[] = {kept(kConcatAny),    kept(kSplitAny),  kept(kSliceAny),
                                                 kept(kTransposeAny), kept(kExpandAny), kept(kTileAny)};

}  // namespace

std::span<const Kernel* const> any_movement_entries() noexcept { return kAnyMovementEntries; }

}  // namespace fettle::kernels::portable

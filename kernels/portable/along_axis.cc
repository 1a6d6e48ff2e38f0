// SPDX-License-Identifier: Apache-2.0
//
// What goes along one axis, of f32: the places of the largest and smallest elements (ArgMax, ArgMin), and
// running sums (CumSum). Lines that lie side by side are gone along together.
#include "kernels/portable/portable.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace fettle::kernels::portable {
namespace {

// Lines that are gone along together.
constexpr std::int64_t kColumnsAlong = 64;

// The lines along an axis, in groups of neighbours.
struct LinesAlong {
  std::int64_t extent;             // of the axis
  std::int64_t inner = 1, groups;  // neighbours, and groups of them
  std::int64_t count;              // of all groups

  LinesAlong(const Shape& shape, int axis) : extent(shape[axis]) {
    std::int64_t outer = 1;
    for (int k = 0; k < axis; ++k) outer *= shape[k];
    for (int k = axis + 1; k < shape.rank(); ++k) inner *= shape[k];
    groups = (inner + kColumnsAlong - 1) / kColumnsAlong;
    count = outer * groups;
  }
  std::int64_t first(std::int64_t group) const { return group % groups * kColumnsAlong; }
  std::int64_t columns(std::int64_t group) const { return std::min(kColumnsAlong, inner - first(group)); }
  /// Where the first line of a group begins.
  std::int64_t begin(std::int64_t group) const { return group / groups * extent * inner + first(group); }
  /// Where its results lie, one for each line.
  std::int64_t result(std::int64_t group) const { return group / groups * inner + first(group); }
};

// Whether x is taken instead of the best so far: the first NaN before all numbers.
template <bool maximum>
bool taken_before(float x, float best) {
  if (x != x || best != best) return best == best;
  return maximum ? x > best : x < best;
}

// Results that lie side by side, as many as are looked at together.
template <bool maximum>
void find_places(const Call& call, const float* x, std::int64_t extent, std::int64_t inner,
                 std::int64_t columns, std::int64_t* places) {
  const bool latest = call.attributes().integer("select_last_index") != 0;
  float best[kColumnsAlong];
  std::copy_n(x, columns, best);
  std::fill_n(places, columns, 0);
  for (std::int64_t k = 1; k < extent; ++k) {
    const float* row = x + k * inner;
    for (std::int64_t c = 0; c < columns; ++c) {
      const float value = row[c];
      const bool taken =
          latest ? !taken_before<maximum>(best[c], value) : taken_before<maximum>(value, best[c]);
      places[c] = taken ? k : places[c];
      best[c] = taken ? value : best[c];
    }
  }
}

void find_extreme(const Call& call) {
  const LinesAlong lines(call.layer.inputs[0].shape, static_cast<int>(call.attributes().integer("axis")));
  const bool maximum = call.layer.main().op == Op::arg_max;
  call.parallel(lines.count, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t i = begin; i < end; ++i) {
      const float* from = call.in(0) + lines.begin(i);
      std::int64_t* places = call.out<std::int64_t>() + lines.result(i);
      if (maximum)
        find_places<true>(call, from, lines.extent, lines.inner, lines.columns(i), places);
      else
        find_places<false>(call, from, lines.extent, lines.inner, lines.columns(i), places);
    }
  });
}

// The axis that an operand names.
int named_axis(const Call& call, int rank) {
  std::int64_t axis = 0;
  if (call.layer.inputs[1].format.type == DataType::s64)
    axis = *call.in<std::int64_t>(1);
  else
    axis = *call.in<std::int32_t>(1);
  return static_cast<int>(std::clamp<std::int64_t>(axis < 0 ? axis + rank : axis, 0, rank - 1));
}

void cumulate_sums(const Call& call) {
  const Shape& x = call.layer.inputs[0].shape;
  const LinesAlong lines(x, named_axis(call, x.rank()));
  const bool exclusive = call.attributes().integer("exclusive") != 0;
  const bool reverse = call.attributes().integer("reverse") != 0;
  call.parallel(lines.count, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t i = begin; i < end; ++i) {
      std::array<double, kColumnsAlong> sums{};
      const std::int64_t columns = lines.columns(i);
      for (std::int64_t k = 0; k < lines.extent; ++k) {
        const std::int64_t at = lines.begin(i) + (reverse ? lines.extent - 1 - k : k) * lines.inner;
        const float* from = call.in(0) + at;
        float* to = call.out() + at;
        for (std::int64_t c = 0; c < columns; ++c) {
          double& sum = sums[static_cast<std::size_t>(c)];
          const double next = sum + static_cast<double>(from[c]);
          to[c] = static_cast<float>(exclusive ? sum : next);
          sum = next;
        }
      }
    }
  });
}

Refusal supports_arg_places(const LayerDesc& layer, const Cpu&) {
  if (layer.main().clamp) return Refusal::clamp;
  if (layer.inputs.size() != 1) return Refusal::op;
  const TensorDesc& x = layer.inputs[0];
  const bool types =
      x.format.type == DataType::f32 && x.format.scale == 0 && layer.outputs[0].format.type == DataType::s64;
  if (!types) return Refusal::data_type;
  if (x.format.layout != Layout::nchw || layer.outputs[0].format.layout != Layout::nchw)
    return Refusal::layout;
  return x.shape.elements() > 0 ? Refusal::none : Refusal::shape;
}

Refusal supports_cum_sum(const LayerDesc& layer, const Cpu&) {
  if (layer.main().clamp) return Refusal::clamp;
  if (layer.inputs.size() != 2 || layer.main().operands.size() != 2) return Refusal::op;
  const DataType axis = layer.inputs[1].format.type;
  if (axis != DataType::s64 && axis != DataType::s32) return Refusal::data_type;
  for (const TensorDesc* tensor : {&layer.inputs[0], &layer.outputs[0]}) {
    if (tensor->format.type != DataType::f32 || tensor->format.scale != 0) return Refusal::data_type;
    if (tensor->format.layout != Layout::nchw) return Refusal::layout;
  }
  return layer.inputs[0].shape.elements() > 0 && layer.inputs[0].shape.rank() > 0 ? Refusal::none
                                                                                  : Refusal::shape;
}

constexpr Op kAlongOps[] = {Op::arg_max, Op::arg_min, Op::cum_sum};
constexpr Kernel arg_entry(std::size_t op, std::string_view name) {
  Kernel kernel = entry<find_extreme>(name, {&kAlongOps[op], 1}, kNchw<>, supports_arg_places);
  kernel.bounded_axes = BoundedAxes::any;
  return if_selected(kernel);
}
constexpr Kernel kArgMax = arg_entry(0, "arg_max.columns.f32.portable");
constexpr Kernel kArgMin = arg_entry(1, "arg_min.columns.f32.portable");
constexpr Kernel kCumSum =
    entry<cumulate_sums>("cum_sum.columns.f32.portable", {&kAlongOps[2], 1}, kNchw<>, supports_cum_sum);
constexpr const Kernel* kAlongEntries[] = {kept(kArgMax), kept(kArgMin), kept(kCumSum)};

}  // namespace

std::span<const Kernel* const> along_axis_entries() noexcept { return kAlongEntries; }

}  // namespace fettle::kernels::portable

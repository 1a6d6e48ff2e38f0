// SPDX-License-Identifier: Apache-2.0
//
// Reductions of f32 over any axes (sums, means, norms, products, largest and smallest elements), and the
// places of the largest and smallest ones (ArgMax, ArgMin). Neighbouring axes that are treated alike are one
// loop; the innermost is either reduced, over lanes side by side, or kept, and then many results grow at
// once.
#include "kernels/larger.h"
#include "kernels/portable/portable.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>

namespace fettle::kernels::portable {
namespace {

// Elements summed in float before they are added in double, and results that grow at once.
constexpr std::int64_t kReductionChunk = 256;
constexpr std::int64_t kReductionLanes = 16;
constexpr std::int64_t kReductionColumns = 64;

struct SumOf {
  static constexpr bool kLosesNan = false;
  static constexpr float kStart = 0;
  static float of(float x) { return x; }
  static float both(float a, float b) { return a + b; }
  static double both(double a, double b) { return a + b; }
};
struct SumOfSquares : SumOf {
  static float of(float x) { return x * x; }
};
struct SumOfMagnitudes : SumOf {
  static float of(float x) { return std::abs(x); }
};
struct ProductOf {
  static constexpr bool kLosesNan = false;
  static constexpr float kStart = 1;
  static float of(float x) { return x; }
  static float both(float a, float b) { return a * b; }
  static double both(double a, double b) { return a * b; }
};
// Of elements that are numbers: NaN is looked for by itself, because comparisons of lanes lose it.
struct Largest {
  static constexpr bool kLosesNan = true;
  static constexpr float kStart = -std::numeric_limits<float>::infinity();
  static float of(float x) { return x; }
  static float both(float a, float b) { return b > a ? b : a; }
  static double both(double a, double b) { return larger(a, b); }
};
struct Smallest {
  static constexpr bool kLosesNan = true;
  static constexpr float kStart = std::numeric_limits<float>::infinity();
  static float of(float x) { return x; }
  static float both(float a, float b) { return b < a ? b : a; }
  static double both(double a, double b) { return smaller(a, b); }
};

// Loops of one kind, outermost first, with the step of each.
struct ReductionLoops {
  int rank = 0;
  std::array<std::int64_t, kMaxRank> extent{};
  std::array<std::int64_t, kMaxRank> step{};

  void add(std::int64_t n, std::int64_t by) {
    extent[static_cast<std::size_t>(rank)] = n;
    step[static_cast<std::size_t>(rank++)] = by;
  }
  std::int64_t count() const {
    std::int64_t all = 1;
    for (int i = 0; i < rank; ++i) all *= extent[static_cast<std::size_t>(i)];
    return all;
  }
  std::int64_t offset(std::int64_t index) const {
    std::int64_t at = 0;
    for (int i = rank; i-- > 0;) {
      const auto k = static_cast<std::size_t>(i);
      at += index % extent[k] * step[k];
      index /= extent[k];
    }
    return at;
  }
};

// The axis that lies at a place of nhwc.
int stored_axis(int place, int rank) {
  if (place == 0) return 0;
  return place + 1 == rank ? 1 : place + 1;
}

// The kept and the reduced axes of an operand, those of the innermost kind without their last loop, which is
// the line.
struct ReducedAxes {
  ReductionLoops kept, reduced;
  std::int64_t line = 1;
  bool line_reduced = true;
  std::int64_t count = 1;  // of elements that make one result

  explicit ReducedAxes(const LayerDesc& layer) {
    const Shape& shape = layer.inputs[0].shape;
    const auto axes = layer.main().attributes.integers("axes");
    const auto is_reduced = [&](int axis) { return std::find(axes.begin(), axes.end(), axis) != axes.end(); };
    const bool channels_last = layout_of(layer) == Layout::nhwc && shape.rank() >= 3;
    std::array<std::int64_t, kMaxRank> extents{};
    std::array<bool, kMaxRank> kinds{};
    std::size_t loops = 0;
    for (int place = 0; place < shape.rank(); ++place) {
      const int axis = channels_last ? stored_axis(place, shape.rank()) : place;
      if (is_reduced(axis)) count *= shape[axis];
      if (shape[axis] == 1) continue;
      if (loops > 0 && kinds[loops - 1] == is_reduced(axis)) {
        extents[loops - 1] *= shape[axis];
      } else {
        extents[loops] = shape[axis];
        kinds[loops++] = is_reduced(axis);
      }
    }
    if (loops == 0) return;
    line = extents[loops - 1], line_reduced = kinds[loops - 1];
    std::array<std::int64_t, kMaxRank> steps{};
    std::int64_t step = 1;
    for (std::size_t i = loops; i-- > 0; step *= extents[i]) steps[i] = step;
    for (std::size_t i = 0; i + 1 < loops; ++i) (kinds[i] ? reduced : kept).add(extents[i], steps[i]);
  }
};

// 1 where one of the elements is NaN.
int any_nan(const float* x, std::int64_t count) {
  int found = 0;
  for (std::int64_t i = 0; i < count; ++i) found |= x[i] != x[i] ? 1 : 0;
  return found;
}

constexpr double kNotANumber = std::numeric_limits<double>::quiet_NaN();

template <typename R>
double reduce_line(const float* x, std::int64_t length, double total) {
  for (std::int64_t begin = 0; begin < length; begin += kReductionChunk) {
    const std::int64_t end = std::min(length, begin + kReductionChunk);
    if (R::kLosesNan && any_nan(x + begin, end - begin) != 0) return kNotANumber;
    float lanes[kReductionLanes];
    std::fill_n(lanes, kReductionLanes, R::kStart);
    std::int64_t i = begin;
    for (; i + kReductionLanes <= end; i += kReductionLanes) {
      for (std::int64_t lane = 0; lane < kReductionLanes; ++lane)
        lanes[lane] = R::both(lanes[lane], R::of(x[i + lane]));
    }
    for (std::int64_t lane = 0; i < end; ++i, ++lane) lanes[lane] = R::both(lanes[lane], R::of(x[i]));
    for (const float lane : lanes) total = R::both(total, static_cast<double>(lane));
  }
  return total;
}

// What becomes of the reduced value in the end.
struct FinishReduction {
  Op op;
  double count;
  float operator()(double value) const {
    if (op == Op::reduce_mean) return static_cast<float>(value / count);
    if (op == Op::reduce_l2) return static_cast<float>(std::sqrt(value));
    if (op == Op::reduce_log_sum) return static_cast<float>(std::log(value));
    return static_cast<float>(value);
  }
};

// Up to kReductionColumns neighbouring results.
template <typename R>
void reduce_columns(const float* x, const ReductionLoops& reduced, std::int64_t columns,
                    const FinishReduction& finish, float* y) {
  double totals[kReductionColumns];
  float sums[kReductionColumns];
  int nans[kReductionColumns] = {};
  std::fill_n(totals, columns, static_cast<double>(R::kStart));
  const std::int64_t count = reduced.count();
  for (std::int64_t begin = 0; begin < count; begin += kReductionChunk) {
    std::fill_n(sums, columns, R::kStart);
    for (std::int64_t i = begin; i < std::min(count, begin + kReductionChunk); ++i) {
      const float* from = x + reduced.offset(i);
      for (std::int64_t c = 0; c < columns; ++c) sums[c] = R::both(sums[c], R::of(from[c]));
      for (std::int64_t c = 0; R::kLosesNan && c < columns; ++c) nans[c] |= from[c] != from[c] ? 1 : 0;
    }
    for (std::int64_t c = 0; c < columns; ++c) totals[c] = R::both(totals[c], static_cast<double>(sums[c]));
  }
  for (std::int64_t c = 0; c < columns; ++c) y[c] = finish(nans[c] != 0 ? kNotANumber : totals[c]);
}

template <typename R>
void reduce_by(const Call& call) {
  const ReducedAxes axes(call.layer);
  const FinishReduction finish{call.layer.main().op, static_cast<double>(axes.count)};
  const float* x = call.in(0);
  float* y = call.out();
  if (axes.line_reduced) {
    const std::int64_t lines = axes.reduced.count();
    call.parallel(axes.kept.count(), [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t i = begin; i < end; ++i) {
        double total = R::kStart;
        const float* from = x + axes.kept.offset(i);
        for (std::int64_t k = 0; k < lines; ++k)
          total = reduce_line<R>(from + axes.reduced.offset(k), axes.line, total);
        y[i] = finish(total);
      }
    });
    return;
  }
  const std::int64_t pieces = (axes.line + kReductionColumns - 1) / kReductionColumns;
  call.parallel(axes.kept.count() * pieces, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t column = i % pieces * kReductionColumns;
      reduce_columns<R>(x + axes.kept.offset(i / pieces) + column, axes.reduced,
                        std::min(kReductionColumns, axes.line - column), finish,
                        y + i / pieces * axes.line + column);
    }
  });
}

void reduce_any(const Call& call) {
  switch (call.layer.main().op) {
    case Op::reduce_prod:
      return reduce_by<ProductOf>(call);
    case Op::reduce_max:
      return reduce_by<Largest>(call);
    case Op::reduce_min:
      return reduce_by<Smallest>(call);
    case Op::reduce_l1:
      return reduce_by<SumOfMagnitudes>(call);
    case Op::reduce_l2:
    case Op::reduce_sum_square:
      return reduce_by<SumOfSquares>(call);
    default:
      return reduce_by<SumOf>(call);
  }
}

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
  float best[kReductionColumns];
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
  const Shape& x = call.layer.inputs[0].shape;
  const auto axis = static_cast<int>(call.attributes().integer("axis"));
  std::int64_t inner = 1;
  for (int k = axis + 1; k < x.rank(); ++k) inner *= x[k];
  const std::int64_t extent = x[axis];
  const std::int64_t pieces = (inner + kReductionColumns - 1) / kReductionColumns;
  const bool maximum = call.layer.main().op == Op::arg_max;
  call.parallel(x.elements() / (extent * inner) * pieces, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t column = i % pieces * kReductionColumns;
      const std::int64_t columns = std::min(kReductionColumns, inner - column);
      const float* from = call.in(0) + i / pieces * extent * inner + column;
      std::int64_t* places = call.out<std::int64_t>() + i / pieces * inner + column;
      if (maximum)
        find_places<true>(call, from, extent, inner, columns, places);
      else
        find_places<false>(call, from, extent, inner, columns, places);
    }
  });
}

// Running sums along an axis, of columns side by side.
void cumulate_sums(const Call& call) {
  const Shape& x = call.layer.inputs[0].shape;
  const auto* given = static_cast<const std::byte*>(call.inputs[1]);
  std::int64_t axis = 0;
  if (call.layer.inputs[1].format.type == DataType::s64)
    std::memcpy(&axis, given, sizeof(axis));
  else
    axis = *reinterpret_cast<const std::int32_t*>(given);
  axis = std::clamp<std::int64_t>(axis < 0 ? axis + x.rank() : axis, 0, x.rank() - 1);
  const bool exclusive = call.attributes().integer("exclusive") != 0;
  const bool reverse = call.attributes().integer("reverse") != 0;
  const std::int64_t extent = x[static_cast<int>(axis)];
  std::int64_t inner = 1;
  for (int k = static_cast<int>(axis) + 1; k < x.rank(); ++k) inner *= x[k];
  const std::int64_t pieces = (inner + kReductionColumns - 1) / kReductionColumns;
  call.parallel(x.elements() / (extent * inner) * pieces, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t column = i % pieces * kReductionColumns;
      const std::int64_t columns = std::min(kReductionColumns, inner - column);
      double sums[kReductionColumns] = {};
      for (std::int64_t k = 0; k < extent; ++k) {
        const std::int64_t at = (i / pieces * extent + (reverse ? extent - 1 - k : k)) * inner + column;
        const float* from = call.in(0) + at;
        float* to = call.out() + at;
        for (std::int64_t c = 0; c < columns; ++c) {
          const double next = sums[c] + static_cast<double>(from[c]);
          to[c] = static_cast<float>(exclusive ? sums[c] : next);
          sums[c] = next;
        }
      }
    }
  });
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

// Whether the axes that stay are two at most, and channels, which lie last, the last of them.
bool keeps_order(const LayerDesc& layer) {
  const auto axes = layer.main().attributes.integers("axes");
  const int rank = layer.inputs[0].shape.rank();
  const auto stays = [&](int axis) { return std::find(axes.begin(), axes.end(), axis) == axes.end(); };
  int kept = 0;
  int behind = 0;  // of the axes behind channels
  for (int axis = 0; axis < rank; ++axis) {
    kept += stays(axis) ? 1 : 0;
    behind += axis > 1 && stays(axis) ? 1 : 0;
  }
  return kept <= 2 && (!stays(1) || behind == 0);
}

Refusal supports_reduction(const LayerDesc& layer, const Cpu&) {
  if (const Refusal refusal = uniform_f32(layer); refusal != Refusal::none) return refusal;
  if (layer.main().clamp) return Refusal::clamp;
  if (layer.inputs.size() != 1) return Refusal::op;
  if (layout_of(layer) == Layout::nhwc) {
    // Results lie as what they are made of: as channels last, or on two axes at most, in ONNX's order.
    if (layer.inputs[0].constant || layer.inputs[0].shape.rank() < 3) return Refusal::layout;
    if (layer.main().attributes.integer("keepdims") == 0 && !keeps_order(layer)) return Refusal::layout;
  } else if (layout_of(layer) != Layout::nchw) {
    return Refusal::layout;
  }
  // What is left of nothing is for others to say.
  return layer.inputs[0].shape.elements() > 0 ? Refusal::none : Refusal::shape;
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

constexpr Op kReductionOps[] = {Op::reduce_sum,     Op::reduce_mean, Op::reduce_max, Op::reduce_min,
                                Op::reduce_prod,    Op::reduce_l1,   Op::reduce_l2,  Op::reduce_sum_square,
                                Op::reduce_log_sum, Op::arg_max,     Op::arg_min};
constexpr Op kCumSumOp[] = {Op::cum_sum};
constexpr Kernel reduction_entry(std::size_t op, std::string_view name) {
  Kernel kernel = entry<reduce_any>(name, {&kReductionOps[op], 1}, kNchwNhwc<kF32>, supports_reduction);
  kernel.bounded_axes = BoundedAxes::any;
  return if_selected(kernel);
}
constexpr Kernel arg_entry(std::size_t op, std::string_view name) {
  Kernel kernel = entry<find_extreme>(name, {&kReductionOps[op], 1}, kNchw<>, supports_arg_places);
  kernel.bounded_axes = BoundedAxes::any;
  return if_selected(kernel);
}

constexpr Kernel kReductionTable[] = {
    reduction_entry(0, "reduce_sum.lanes.f32.portable"),
    reduction_entry(1, "reduce_mean.lanes.f32.portable"),
    reduction_entry(2, "reduce_max.lanes.f32.portable"),
    reduction_entry(3, "reduce_min.lanes.f32.portable"),
    reduction_entry(4, "reduce_prod.lanes.f32.portable"),
    reduction_entry(5, "reduce_l1.lanes.f32.portable"),
    reduction_entry(6, "reduce_l2.lanes.f32.portable"),
    reduction_entry(7, "reduce_sum_square.lanes.f32.portable"),
    reduction_entry(8, "reduce_log_sum.lanes.f32.portable"),
    arg_entry(9, "arg_max.loop.f32.portable"),
    arg_entry(10, "arg_min.loop.f32.portable"),
    entry<cumulate_sums>("cum_sum.columns.f32.portable", kCumSumOp, kNchw<>, supports_cum_sum)};

}  // namespace

std::span<const Kernel* const> reduction_entries() noexcept { return kKeptAddresses<kReductionTable>; }

}  // namespace fettle::kernels::portable

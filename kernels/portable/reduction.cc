// SPDX-License-Identifier: Apache-2.0
//
// Reductions of f32 over any axes: sums, means, norms, products, largest and smallest elements. Neighbouring
// axes that are treated alike are one loop; the innermost is either reduced, over lanes side by side, or
// kept, and then many results grow at once.
#include "kernels/larger.h"
#include "kernels/portable/portable.h"

#include <algorithm>
#include <array>
#include <cmath>
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

constexpr Op kReductionOps[] = {Op::reduce_sum, Op::reduce_mean,       Op::reduce_max,
                                Op::reduce_min, Op::reduce_prod,       Op::reduce_l1,
                                Op::reduce_l2,  Op::reduce_sum_square, Op::reduce_log_sum};
constexpr Kernel reduction_entry(std::size_t op, std::string_view name) {
  Kernel kernel = entry<reduce_any>(name, {&kReductionOps[op], 1}, kNchwNhwc<kF32>, supports_reduction);
  kernel.bounded_axes = BoundedAxes::any;
  return if_selected(kernel);
}

constexpr Kernel kReductionTable[] = {reduction_entry(0, "reduce_sum.lanes.f32.portable"),
                                      reduction_entry(1, "reduce_mean.lanes.f32.portable"),
                                      reduction_entry(2, "reduce_max.lanes.f32.portable"),
                                      reduction_entry(3, "reduce_min.lanes.f32.portable"),
                                      reduction_entry(4, "reduce_prod.lanes.f32.portable"),
                                      reduction_entry(5, "reduce_l1.lanes.f32.portable"),
                                      reduction_entry(6, "reduce_l2.lanes.f32.portable"),
                                      reduction_entry(7, "reduce_sum_square.lanes.f32.portable"),
                                      reduction_entry(8, "reduce_log_sum.lanes.f32.portable")};

}  // namespace

std::span<const Kernel* const> reduction_entries() noexcept { return kKeptAddresses<kReductionTable>; }

}  // namespace fettle::kernels::portable

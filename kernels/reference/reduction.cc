// SPDX-License-Identifier: Apache-2.0
//
// Operators that combine many elements: softmax, reductions, normalisations. Sums are taken in double.
#include "kernels/reference/reference.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fettle::kernels::reference {
namespace {

// Calls `body` once for each line of elements along `axis`, with the index of its first element.
template <typename Body>
void for_each_line(const Shape& shape, int axis, Body&& body) {
  Shape outer = shape;
  outer[axis] = shape[axis] == 0 ? 0 : 1;
  for_each_index(outer, body);
}

void softmax(const Buffers& b) {
  const auto x = b.in<float>(0);
  const auto y = b.out<float>();
  const auto axis = static_cast<std::size_t>(b.attributes().integer("axis"));
  const bool logarithm = b.layer.main().op == Op::log_softmax;
  const std::int64_t extent = x.extent(static_cast<int>(axis));
  for_each_line(x.desc.shape, static_cast<int>(axis), [&](Index i) {
    float largest = -std::numeric_limits<float>::infinity();
    for (i[axis] = 0; i[axis] < extent; ++i[axis]) largest = std::max(largest, x[i]);
    double sum = 0;
    for (i[axis] = 0; i[axis] < extent; ++i[axis]) sum += std::exp(static_cast<double>(x[i] - largest));
    for (i[axis] = 0; i[axis] < extent; ++i[axis]) {
      const double shifted = static_cast<double>(x[i] - largest);
      y[i] = static_cast<float>(logarithm ? shifted - std::log(sum) : std::exp(shifted) / sum);
    }
  });
}

// The running value of a reduction and how it ends.
struct Reduction {
  Op op;
  double value;
  explicit Reduction(Op o) : op(o), value(start(o)) {}

  static double start(Op op) {
    if (op == Op::reduce_prod) return 1;
    if (op == Op::reduce_max || op == Op::reduce_log_sum_exp) return -std::numeric_limits<double>::infinity();
    return op == Op::reduce_min ? std::numeric_limits<double>::infinity() : 0;
  }
  void add(double x) {
    switch (op) {
      case Op::reduce_prod:
        value *= x;
        break;
      case Op::reduce_max:
        value = std::max(value, x);
        break;
      case Op::reduce_min:
        value = std::min(value, x);
        break;
      case Op::reduce_l1:
        value += std::abs(x);
        break;
      case Op::reduce_l2:
      case Op::reduce_sum_square:
        value += x * x;
        break;
      case Op::reduce_log_sum_exp: {
        // log(e^a + e^b) without overflow
        const double high = std::max(value, x);
        value = std::isinf(high) ? high : high + std::log(std::exp(value - high) + std::exp(x - high));
        break;
      }
      default:
        value += x;
    }
  }
  double result(std::int64_t count) const {
    if (op == Op::reduce_mean) return value / static_cast<double>(std::max<std::int64_t>(1, count));
    if (op == Op::reduce_l2) return std::sqrt(value);
    return op == Op::reduce_log_sum ? std::log(value) : value;
  }
};

template <typename T>
void reduce_typed(const Buffers& b) {
  const auto x = b.in<T>(0);
  const auto y = b.out<T>();
  const auto axes = b.attributes().integers("axes");
  Shape reduced;  // extents of the reduced axes, 1 elsewhere
  Shape kept;     // the other way round
  for (int axis = 0; axis < x.desc.shape.rank(); ++axis) {
    const bool in = std::find(axes.begin(), axes.end(), axis) != axes.end();
    reduced.push_back(in ? x.extent(axis) : 1);
    kept.push_back(in ? 1 : x.extent(axis));
  }
  const bool keep = b.attributes().integer("keepdims") != 0;
  for_each_index(kept, [&](const Index& base) {
    Reduction reduction(b.layer.main().op);
    for_each_index(reduced, [&](const Index& step) {
      Index i{};
      for (std::size_t axis = 0; axis < i.size(); ++axis) i[axis] = base[axis] + step[axis];
      reduction.add(static_cast<double>(x[i]));
    });
    Index out{};
    std::size_t next = 0;
    for (int axis = 0; axis < kept.rank(); ++axis) {
      const bool in = std::find(axes.begin(), axes.end(), axis) != axes.end();
      if (!in || keep) out[next++] = base[static_cast<std::size_t>(axis)];
    }
    y[out] = static_cast<T>(reduction.result(reduced.elements()));
  });
}

void reduce(const Buffers& b) {
  switch (b.layer.inputs.front().format.type) {
    case DataType::s64:
      return reduce_typed<std::int64_t>(b);
    case DataType::s32:
      return reduce_typed<std::int32_t>(b);
    default:
      return reduce_typed<float>(b);
  }
}

Refusal supports_reduce(const LayerDesc& layer, const Cpu&) {
  const DataType type = layer.inputs.front().format.type;
  if (type != DataType::f32 && type != DataType::s64 && type != DataType::s32) return Refusal::data_type;
  if (layer.main().clamp && type != DataType::f32) return Refusal::clamp;
  return type == layer.outputs.front().format.type ? plain_layouts(layer) : Refusal::data_type;
}

void arg(const Buffers& b) {
  const auto x = b.in<float>(0);
  const auto y = b.out<std::int64_t>();
  const auto axis = static_cast<std::size_t>(b.attributes().integer("axis"));
  const bool keep = b.attributes().integer("keepdims") != 0;
  const bool last = b.attributes().integer("select_last_index") != 0;
  const bool maximum = b.layer.main().op == Op::arg_max;
  for_each_line(x.desc.shape, static_cast<int>(axis), [&](Index i) {
    std::int64_t best = 0;
    i[axis] = 0;
    float best_value = x[i];
    for (i[axis] = 1; i[axis] < x.extent(static_cast<int>(axis)); ++i[axis]) {
      const bool better = maximum ? x[i] > best_value : x[i] < best_value;
      if (better || (last && x[i] == best_value)) {
        best = i[axis];
        best_value = x[i];
      }
    }
    Index out{};
    std::size_t next = 0;
    for (std::size_t a = 0; a < static_cast<std::size_t>(x.desc.shape.rank()); ++a) {
      if (a != axis)
        out[next++] = i[a];
      else if (keep)
        out[next++] = 0;
    }
    y[out] = best;
  });
}

Refusal supports_arg(const LayerDesc& layer, const Cpu&) {
  return layer.inputs.front().format.type == DataType::f32 ? plain_layouts(layer) : Refusal::data_type;
}

void batch_norm(const Buffers& b) {
  const auto x = b.in<float>(0);
  const auto y = b.out<float>();
  const double epsilon = b.attributes().real("epsilon");
  for_each_index(y.desc.shape, [&](const Index& i) {
    const Index c{i[1]};
    const double scale =
        static_cast<double>(b.in<float>(1)[c]) / std::sqrt(static_cast<double>(b.in<float>(4)[c]) + epsilon);
    y[i] = static_cast<float>((static_cast<double>(x[i]) - static_cast<double>(b.in<float>(3)[c])) * scale +
                              static_cast<double>(b.in<float>(2)[c]));
  });
}

struct Moments {
  double mean = 0;
  double variance = 0;
};

// Mean and variance of the elements x[base + step] for all steps.
Moments moments(const View<const float>& x, const Index& base, const Shape& steps) {
  Moments m;
  const auto count = static_cast<double>(std::max<std::int64_t>(1, steps.elements()));
  const auto at = [&](const Index& step) {
    Index i{};
    for (std::size_t axis = 0; axis < i.size(); ++axis) i[axis] = base[axis] + step[axis];
    return static_cast<double>(x[i]);
  };
  for_each_index(steps, [&](const Index& step) { m.mean += at(step) / count; });
  for_each_index(steps,
                 [&](const Index& step) { m.variance += (at(step) - m.mean) * (at(step) - m.mean) / count; });
  return m;
}

// Normalises over the axes from `first` on; `scale_index` says which element of scale and bias belongs to an
// index.
template <typename ScaleIndex>
void normalise(const Buffers& b, int first, ScaleIndex&& scale_index) {
  const auto x = b.in<float>(0);
  const auto y = b.out<float>();
  const double epsilon = b.attributes().real("epsilon");
  Shape outer;
  Shape inner;
  for (int axis = 0; axis < x.desc.shape.rank(); ++axis) {
    outer.push_back(axis < first ? x.extent(axis) : 1);
    inner.push_back(axis < first ? 1 : x.extent(axis));
  }
  for_each_index(outer, [&](const Index& base) {
    const Moments m = moments(x, base, inner);
    for_each_index(inner, [&](const Index& step) {
      Index i{};
      for (std::size_t axis = 0; axis < i.size(); ++axis) i[axis] = base[axis] + step[axis];
      const double normal = (static_cast<double>(x[i]) - m.mean) / std::sqrt(m.variance + epsilon);
      const double bias = b.has(2) ? static_cast<double>(b.in<float>(2)[scale_index(i)]) : 0.0;
      y[i] = static_cast<float>(normal * static_cast<double>(b.in<float>(1)[scale_index(i)]) + bias);
    });
  });
}

void instance_norm(const Buffers& b) {
  normalise(b, 2, [](const Index& i) { return Index{i[1]}; });
}

void layer_norm(const Buffers& b) {
  const int axis = static_cast<int>(b.attributes().integer("axis"));
  const int rank = b.layer.outputs.front().shape.rank();
  normalise(b, axis, [&](const Index& i) { return broadcast_index(i, rank, b.in<float>(1).desc.shape); });
}

void lrn(const Buffers& b) {
  const auto x = b.in<float>(0);
  const auto y = b.out<float>();
  const std::int64_t size = b.attributes().integer("size");
  for_each_index(y.desc.shape, [&](const Index& i) {
    double sum = 0;
    Index from = i;
    const std::int64_t begin = std::max<std::int64_t>(0, i[1] - (size - 1) / 2);
    const std::int64_t end = std::min(x.extent(1) - 1, i[1] + size / 2);
    for (from[1] = begin; from[1] <= end; ++from[1])
      sum += static_cast<double>(x[from]) * static_cast<double>(x[from]);
    const double base = static_cast<double>(b.attributes().real("bias")) +
                        static_cast<double>(b.attributes().real("alpha")) / static_cast<double>(size) * sum;
    y[i] = static_cast<float>(static_cast<double>(x[i]) /
                              std::pow(base, static_cast<double>(b.attributes().real("beta"))));
  });
}

constexpr Op kSoftmaxOps[] = {Op::softmax, Op::log_softmax};
constexpr Op kReduceOps[] = {Op::reduce_sum,     Op::reduce_mean,       Op::reduce_max, Op::reduce_min,
                             Op::reduce_prod,    Op::reduce_l1,         Op::reduce_l2,  Op::reduce_sum_square,
                             Op::reduce_log_sum, Op::reduce_log_sum_exp};
constexpr std::string_view kReduceNames[] = {
    "reduce_sum.direct.any.reference",     "reduce_mean.direct.any.reference",
    "reduce_max.direct.any.reference",     "reduce_min.direct.any.reference",
    "reduce_prod.direct.any.reference",    "reduce_l1.direct.any.reference",
    "reduce_l2.direct.any.reference",      "reduce_sum_square.direct.any.reference",
    "reduce_log_sum.direct.any.reference", "reduce_log_sum_exp.direct.any.reference"};
constexpr Op kArgOps[] = {Op::arg_max, Op::arg_min};
constexpr Op kBatchNormOp[] = {Op::batch_norm};
constexpr Op kInstanceNormOp[] = {Op::instance_norm};
constexpr Op kLayerNormOp[] = {Op::layer_norm};
constexpr Op kLrnOp[] = {Op::lrn};

constexpr Kernel kSoftmax = row<softmax>("softmax.direct.f32.reference", {&kSoftmaxOps[0], 1}, all_f32);
constexpr Kernel kLogSoftmax =
    row<softmax>("log_softmax.direct.f32.reference", {&kSoftmaxOps[1], 1}, all_f32);
constexpr Kernel kArgMax = row<arg>("arg_max.direct.f32.reference", {&kArgOps[0], 1}, supports_arg);
constexpr Kernel kArgMin = row<arg>("arg_min.direct.f32.reference", {&kArgOps[1], 1}, supports_arg);
constexpr Kernel kBatchNorm = row<batch_norm>("batch_norm.direct.f32.reference", kBatchNormOp, all_f32);
constexpr Kernel kInstanceNorm =
    row<instance_norm>("instance_norm.direct.f32.reference", kInstanceNormOp, all_f32);
constexpr Kernel kLayerNorm = row<layer_norm>("layer_norm.direct.f32.reference", kLayerNormOp, all_f32);
constexpr Kernel kLrn = row<lrn>("lrn.direct.f32.reference", kLrnOp, all_f32);

constexpr auto kReduce = [] {
  std::array<Kernel, std::size(kReduceOps)> rows{};
  for (std::size_t i = 0; i < rows.size(); ++i)
    rows[i] = row<reduce>(kReduceNames[i], {&kReduceOps[i], 1}, supports_reduce);
  return rows;
}();

constexpr auto kRows = [] {
  std::array<const Kernel*, kReduce.size() + 8> rows{&kSoftmax,   &kLogSoftmax,   &kArgMax,    &kArgMin,
                                                     &kBatchNorm, &kInstanceNorm, &kLayerNorm, &kLrn};
  for (std::size_t i = 0; i < kReduce.size(); ++i) rows[8 + i] = &kReduce[i];
  return rows;
}();

}  // namespace

std::span<const Kernel* const> reduction_rows() noexcept { return kRows; }

}  // namespace fettle::kernels::reference

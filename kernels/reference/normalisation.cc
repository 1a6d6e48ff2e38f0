// SPDX-License-Identifier: Apache-2.0
//
// Normalisations. Sums are taken in double.
#include "kernels/reference/numbers.h"

#include <algorithm>
#include <cmath>

namespace fettle::kernels::reference {
namespace {

void batch_norm(const Buffers& b) {
  const auto x = operand(b, 0);
  const auto y = result(b);
  const double epsilon = b.attributes().real("epsilon");
  for_each_index(y.shape(), [&](const Index& i) {
    const Index c{i[1]};
    const double scale = operand(b, 1)[c] / std::sqrt(operand(b, 4)[c] + epsilon);
    y.set(i, (x[i] - operand(b, 3)[c]) * scale + operand(b, 2)[c]);
  });
}

Index sum_of(const Index& base, const Index& step) {
  Index sum{};
  for (std::size_t axis = 0; axis < sum.size(); ++axis) sum[axis] = base[axis] + step[axis];
  return sum;
}

struct Moments {
  double mean = 0;
  double variance = 0;
};

// Mean and variance of the elements x[base + step] for all steps.
Moments moments(const Numbers<double>& x, const Index& base, const Shape& steps) {
  Moments m;
  const auto count = static_cast<double>(std::max<std::int64_t>(1, steps.elements()));
  const auto at = [&](const Index& step) { return x[sum_of(base, step)]; };
  for_each_index(steps, [&](const Index& step) { m.mean += at(step) / count; });
  for_each_index(steps,
                 [&](const Index& step) { m.variance += (at(step) - m.mean) * (at(step) - m.mean) / count; });
  return m;
}

// A shape's axes before `first` and from there on, the others with an extent of 1.
struct Halves {
  Shape outer;
  Shape inner;
};

Halves split_at(const Shape& shape, int first) {
  Halves halves;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    halves.outer.push_back(axis < first ? shape[axis] : 1);
    halves.inner.push_back(axis < first ? 1 : shape[axis]);
  }
  return halves;
}

// Normalises over the axes from `first` on; `scale_index` says which element of scale and bias belongs to an
// index.
template <typename ScaleIndex>
void normalise(const Buffers& b, int first, ScaleIndex&& scale_index) {
  const auto x = operand(b, 0);
  const auto y = result(b);
  const double epsilon = b.attributes().real("epsilon");
  const Halves halves = split_at(x.shape(), first);
  const Shape& outer = halves.outer;
  const Shape& inner = halves.inner;
  for_each_index(outer, [&](const Index& base) {
    const Moments m = moments(x, base, inner);
    if (b.outputs.size() > 1) {
      result(b, 1).set(base, m.mean);
      result(b, 2).set(base, 1 / std::sqrt(m.variance + epsilon));
    }
    for_each_index(inner, [&](const Index& step) {
      const Index i = sum_of(base, step);
      const double normal = (x[i] - m.mean) / std::sqrt(m.variance + epsilon);
      const double bias = b.has(2) ? operand(b, 2)[scale_index(i)] : 0.0;
      y.set(i, normal * operand(b, 1)[scale_index(i)] + bias);
    });
  });
}

void instance_norm(const Buffers& b) {
  normalise(b, 2, [](const Index& i) { return Index{i[1]}; });
}

void layer_norm(const Buffers& b) {
  const int axis = static_cast<int>(b.attributes().integer("axis"));
  const int rank = b.layer.outputs.front().shape.rank();
  normalise(b, axis, [&](const Index& i) { return broadcast_index(i, rank, operand(b, 1).shape()); });
}

// Over the channels of a group and all that lies behind them.
void group_norm(const Buffers& b) {
  const auto x = operand(b, 0);
  const auto y = result(b);
  const double epsilon = b.attributes().real("epsilon");
  const std::int64_t groups = b.attributes().integer("num_groups");
  Shape inner = x.shape();
  inner[0] = 1;
  inner[1] = x.extent(1) / groups;
  for_each_index(Shape{x.extent(0), groups}, [&](const Index& group) {
    const Index base{group[0], group[1] * inner[1]};
    const Moments m = moments(x, base, inner);
    for_each_index(inner, [&](const Index& step) {
      Index i = step;
      i[0] = base[0];
      i[1] += base[1];
      const double normal = (x[i] - m.mean) / std::sqrt(m.variance + epsilon);
      y.set(i, normal * operand(b, 1)[{i[1]}] + operand(b, 2)[{i[1]}]);
    });
  });
}

// By the root of the mean square over the axes from one on, which is not centred.
void rms_norm(const Buffers& b) {
  const auto x = operand(b, 0);
  const auto y = result(b);
  const auto scale = operand(b, 1);
  const int first = static_cast<int>(b.attributes().integer("axis"));
  const double epsilon = b.attributes().real("epsilon");
  const Halves halves = split_at(x.shape(), first);
  const Shape& outer = halves.outer;
  const Shape& inner = halves.inner;
  const auto count = static_cast<double>(std::max<std::int64_t>(1, inner.elements()));
  for_each_index(outer, [&](const Index& base) {
    double square = 0;
    for_each_index(inner, [&](const Index& step) {
      const double value = x[sum_of(base, step)];
      square += value * value / count;
    });
    for_each_index(inner, [&](const Index& step) {
      const Index i = sum_of(base, step);
      y.set(i, x[i] / std::sqrt(square + epsilon) * scale[broadcast_index(i, x.rank(), scale.shape())]);
    });
  });
}

void lrn(const Buffers& b) {
  const auto x = operand(b, 0);
  const auto y = result(b);
  const std::int64_t size = b.attributes().integer("size");
  for_each_index(y.shape(), [&](const Index& i) {
    double sum = 0;
    Index from = i;
    const std::int64_t begin = std::max<std::int64_t>(0, i[1] - (size - 1) / 2);
    const std::int64_t end = std::min(x.extent(1) - 1, i[1] + size / 2);
    for (from[1] = begin; from[1] <= end; ++from[1]) sum += x[from] * x[from];
    const double base = static_cast<double>(b.attributes().real("bias")) +
                        static_cast<double>(b.attributes().real("alpha")) / static_cast<double>(size) * sum;
    y.set(i, x[i] / std::pow(base, static_cast<double>(b.attributes().real("beta"))));
  });
}

constexpr auto kNormalisationEntries = join(
    kFamily<batch_norm, same_real, "direct.any", Op::batch_norm>,
    kFamily<instance_norm, same_real, "direct.any", Op::instance_norm>,
    kFamily<layer_norm, same_real, "direct.any", Op::layer_norm>,
    kFamily<group_norm, same_real, "direct.any", Op::group_norm>,
    kFamily<rms_norm, same_real, "direct.any", Op::rms_norm>, kFamily<lrn, same_real, "direct.any", Op::lrn>);

}  // namespace

std::span<const Kernel* const> normalisation_entries() noexcept { return kNormalisationEntries; }

}  // namespace fettle::kernels::reference

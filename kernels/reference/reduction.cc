// SPDX-License-Identifier: Apache-2.0
//
// Operators that combine many elements: softmax, reductions, running sums. Real sums are taken in double.
#include "kernels/larger.h"
#include "kernels/reference/numbers.h"

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
  const auto x = operand(b, 0);
  const auto y = result(b);
  const auto axis = static_cast<std::size_t>(b.attributes().integer("axis"));
  const bool logarithm = b.layer.main().op == Op::log_softmax;
  const std::int64_t extent = x.extent(static_cast<int>(axis));
  for_each_line(x.shape(), static_cast<int>(axis), [&](Index i) {
    double largest = -std::numeric_limits<double>::infinity();
    for (i[axis] = 0; i[axis] < extent; ++i[axis]) largest = std::max(largest, x[i]);
    double sum = 0;
    for (i[axis] = 0; i[axis] < extent; ++i[axis]) sum += std::exp(x[i] - largest);
    for (i[axis] = 0; i[axis] < extent; ++i[axis]) {
      const double shifted = x[i] - largest;
      y.set(i, logarithm ? shifted - std::log(sum) : std::exp(shifted) / sum);
    }
  });
}

// Whether x is chosen instead of what has been the best so far: NaN before all numbers, as in numpy.
template <Number T>
bool beats(T x, T best, bool maximum) {
  if (x != x || best != best) return best == best;
  return maximum ? x > best : x < best;
}

// One where the first largest element of a line is, zero elsewhere.
void hardmax(const Buffers& b) {
  const auto x = operand(b, 0);
  const auto y = result(b);
  const auto axis = static_cast<std::size_t>(b.attributes().integer("axis"));
  const std::int64_t extent = x.extent(static_cast<int>(axis));
  for_each_line(x.shape(), static_cast<int>(axis), [&](Index i) {
    Index best = i;
    for (i[axis] = 0; i[axis] < extent; ++i[axis]) {
      y.set(i, 0);
      if (beats(x[i], x[best], true)) best = i;
    }
    y.set(best, 1);
  });
}

// The running value of a reduction and how it ends.
template <Number T>
class Reduction {
 public:
  Reduction(Op op, DataType type) : op_(op), value_(start(op, type)) {}

  void add(T x) {
    switch (op_) {
      case Op::reduce_prod:
        value_ = multiply_add(value_, x, T{});
        break;
      case Op::reduce_max:
        value_ = larger(value_, x);
        break;
      case Op::reduce_min:
        value_ = smaller(value_, x);
        break;
      case Op::reduce_l1:
        value_ = multiply_add(T{1}, x < T{} ? negative(x) : x, value_);
        break;
      case Op::reduce_l2:
      case Op::reduce_sum_square:
        value_ = multiply_add(x, x, value_);
        break;
      case Op::reduce_log_sum_exp:
        value_ = from_real<T>(log_of_sum(static_cast<double>(value_), static_cast<double>(x)));
        break;
      default:
        value_ = multiply_add(T{1}, x, value_);
    }
  }

  T result(std::int64_t count) const {
    const auto real = static_cast<double>(value_);
    // Of nothing, a mean of reals is NaN; integers have none.
    if (op_ == Op::reduce_mean)
      return std::same_as<T, double> || count > 0 ? value_ / static_cast<T>(count) : T{};
    if (op_ == Op::reduce_l2) return from_real<T>(std::sqrt(real));
    return op_ == Op::reduce_log_sum ? from_real<T>(std::log(real)) : value_;
  }

 private:
  static T start(Op op, DataType type) {
    if (op == Op::reduce_prod) return T{1};
    if (op == Op::reduce_max || op == Op::reduce_log_sum_exp) return least(type);
    return op == Op::reduce_min ? most(type) : T{};
  }
  // The ends of the stored type, which are what is left of nothing.
  static T most(DataType type) {
    if constexpr (std::same_as<T, double>)
      return std::numeric_limits<double>::infinity();
    else
      return type == DataType::boolean ? T{1} : std::numeric_limits<T>::max() >> (64 - 8 * size_of(type));
  }
  static T least(DataType type) {
    if constexpr (std::same_as<T, double>)
      return -std::numeric_limits<double>::infinity();
    else
      return std::same_as<T, std::int64_t> ? -most(type) - 1 : T{};
  }
  // log(e^a + e^b) without overflow.
  static double log_of_sum(double a, double b) {
    const double high = larger(a, b);
    return std::isfinite(high) ? high + std::log(std::exp(a - high) + std::exp(b - high)) : high;
  }

  Op op_;
  T value_;
};

// Moves the extents of the axes that `axes` names into `reduced` and the others into `kept`, 1 elsewhere.
void divide_axes(const Shape& shape, std::span<const std::int64_t> axes, Shape& reduced, Shape& kept) {
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const bool named = std::find(axes.begin(), axes.end(), axis) != axes.end();
    reduced.push_back(named ? shape[axis] : 1);
    kept.push_back(named ? 1 : shape[axis]);
  }
}

// The index of a result, whose reduced axes are gone unless they are kept.
Index reduced_index(const Index& base, int rank, std::span<const std::int64_t> axes, bool keep) {
  Index index{};
  std::size_t next = 0;
  for (int axis = 0; axis < rank; ++axis) {
    const bool named = std::find(axes.begin(), axes.end(), axis) != axes.end();
    if (!named || keep) index[next++] = named ? 0 : base[static_cast<std::size_t>(axis)];
  }
  return index;
}

template <Number T>
void reduce_typed(const Buffers& b) {
  const auto x = operand<T>(b, 0);
  const auto y = result<T>(b);
  const auto axes = b.attributes().integers("axes");
  const bool keep = b.attributes().integer("keepdims") != 0;
  Shape reduced;
  Shape kept;
  divide_axes(x.shape(), axes, reduced, kept);
  for_each_index(kept, [&](const Index& base) {
    Reduction<T> reduction(b.layer.main().op, b.layer.outputs.front().format.type);
    for_each_index(reduced, [&](const Index& step) {
      Index i{};
      for (std::size_t axis = 0; axis < i.size(); ++axis) i[axis] = base[axis] + step[axis];
      reduction.add(x[i]);
    });
    y.set(reduced_index(base, kept.rank(), axes, keep), reduction.result(reduced.elements()));
  });
}

void reduce(const Buffers& b) {
  with_number(b.layer.outputs.front().format.type, [&](auto number) { reduce_typed<decltype(number)>(b); });
}

template <Number T>
void arg_typed(const Buffers& b) {
  const auto x = operand<T>(b, 0);
  const auto y = result<std::int64_t>(b);
  const std::int64_t axes[] = {b.attributes().integer("axis")};
  const auto axis = static_cast<std::size_t>(axes[0]);
  const bool keep = b.attributes().integer("keepdims") != 0;
  const bool last = b.attributes().integer("select_last_index") != 0;
  const bool maximum = b.layer.main().op == Op::arg_max;
  for_each_line(x.shape(), static_cast<int>(axis), [&](Index i) {
    std::int64_t best = 0;
    T best_value = x[i];
    for (i[axis] = 1; i[axis] < x.extent(static_cast<int>(axis)); ++i[axis]) {
      const bool tie = !beats(x[i], best_value, maximum) && !beats(best_value, x[i], maximum);
      if (tie ? last : beats(x[i], best_value, maximum)) {
        best = i[axis];
        best_value = x[i];
      }
    }
    y.set(reduced_index(i, x.rank(), axes, keep), best);
  });
}

void arg(const Buffers& b) {
  with_number(b.layer.inputs.front().format.type, [&](auto number) { arg_typed<decltype(number)>(b); });
}

Refusal supports_arg(const LayerDesc& layer, const Cpu& cpu) {
  return layer.outputs.front().format.type == DataType::s64 ? any_number(layer, cpu) : Refusal::data_type;
}

// Running sums or products along an axis, which the second operand names.
void cumulate(const Buffers& b) {
  const std::int64_t given = operand<std::int64_t>(b, 1)[{}];
  const int rank = b.layer.outputs.front().shape.rank();
  const auto axis =
      static_cast<std::size_t>(std::clamp<std::int64_t>(given < 0 ? given + rank : given, 0, rank - 1));
  const bool exclusive = b.attributes().integer("exclusive") != 0;
  const bool reverse = b.attributes().integer("reverse") != 0;
  with_number(b.layer.outputs.front().format.type, [&](auto number) {
    using T = decltype(number);
    const auto x = operand<T>(b, 0);
    const auto y = result<T>(b);
    const std::int64_t extent = x.extent(static_cast<int>(axis));
    const bool multiplies = b.layer.main().op == Op::cum_prod;
    for_each_line(x.shape(), static_cast<int>(axis), [&](Index i) {
      T sum = multiplies ? T{1} : T{};
      for (std::int64_t k = 0; k < extent; ++k) {
        i[axis] = reverse ? extent - 1 - k : k;
        const T next = multiplies ? multiply_add(sum, x[i], T{}) : multiply_add(T{1}, x[i], sum);
        y.set(i, exclusive ? sum : next);
        sum = next;
      }
    });
  });
}

Refusal supports_cumulate(const LayerDesc& layer, const Cpu& cpu) {
  const DataType type = layer.inputs.front().format.type;
  const bool fits = layer.outputs.front().format.type == type && layer.inputs.size() == 2 &&
                    kind_of(layer.inputs[1].format.type) == Kind::whole && layer.inputs[0].shape.rank() > 0;
  return fits ? any_number(layer, cpu) : Refusal::data_type;
}

constexpr auto kReductionEntries =
    join(kFamily<softmax, same_real, "direct.any", Op::softmax, Op::log_softmax>,
         kFamily<hardmax, same_real, "direct.any", Op::hardmax>,
         kFamily<reduce, same_number, "direct.any", Op::reduce_sum, Op::reduce_mean, Op::reduce_max,
                 Op::reduce_min, Op::reduce_prod, Op::reduce_l1, Op::reduce_l2, Op::reduce_sum_square>,
         kFamily<reduce, same_real, "direct.any", Op::reduce_log_sum, Op::reduce_log_sum_exp>,
         kFamily<arg, supports_arg, "direct.any", Op::arg_max, Op::arg_min>,
         kFamily<cumulate, supports_cumulate, "direct.any", Op::cum_sum, Op::cum_prod>);

}  // namespace

std::span<const Kernel* const> reduction_entries() noexcept { return kReductionEntries; }

}  // namespace fettle::kernels::reference

// SPDX-License-Identifier: Apache-2.0
//
// Interval arithmetic in double: integers up to 2^53 are exact, and beyond nothing is an extent.
#include "lib/graph/infer/numbers.h"

#include "lib/base/extents.h"
#include "lib/graph/infer/infer.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace fettle::graph {
namespace {

using Intervals = std::vector<Interval>;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr Interval kAnything{-kInfinity, kInfinity};

bool is_whole(DataType type) { return type == DataType::s64 || type == DataType::s32; }

// Operators that may leave the range of their type.
bool may_wrap(Op op) {
  switch (op) {
    case Op::add:
    case Op::sub:
    case Op::mul:
    case Op::div:
    case Op::neg:
    case Op::reduce_sum:
    case Op::reduce_prod:
      return true;
    default:
      return false;
  }
}

// Each element of one of these types lies between bounds of its own.
std::optional<Interval> bounds_of_type(DataType type) {
  switch (type) {
    case DataType::boolean:
      return Interval{0, 1};
    case DataType::u8:
      return Interval{0, 255};
    case DataType::s8:
      return Interval{-128, 127};
    case DataType::u16:
      return Interval{0, 65535};
    case DataType::s16:
      return Interval{-32768, 32767};
    default:
      return std::nullopt;
  }
}

template <typename T>
Intervals exactly(std::span<const T> values) {
  Intervals result;
  for (const T value : values) {
    const auto number = static_cast<double>(value);
    result.push_back(std::isnan(number) ? kAnything : Interval{number, number});
  }
  return result;
}

Interval united(Interval a, Interval b) { return {std::min(a.low, b.low), std::max(a.high, b.high)}; }

Interval united(const Intervals& all) {
  Interval result = all.front();
  for (const Interval& one : all) result = united(result, one);
  return result;
}

// inf - inf, 0 * inf
Interval without_nan(double low, double high) {
  return {std::isnan(low) ? -kInfinity : low, std::isnan(high) ? kInfinity : high};
}

// Over all four corners, of operations that are monotone in each operand.
template <typename Function>
Interval over_corners(Interval a, Interval b, Function&& function) {
  Interval result{kInfinity, -kInfinity};
  for (const double x : {a.low, a.high}) {
    for (const double y : {b.low, b.high}) {
      const double value = function(x, y);
      if (std::isnan(value)) return kAnything;
      result = united(result, {value, value});
    }
  }
  return result;
}

Interval product_of(Interval a, Interval b) {
  return over_corners(a, b, [](double x, double y) { return x == 0 || y == 0 ? 0 : x * y; });
}

Interval quotient(Interval a, Interval b, bool whole) {
  if (b.low <= 0 && b.high >= 0) return kAnything;
  const Interval result = over_corners(a, b, [](double x, double y) { return x / y; });
  return whole ? Interval{std::trunc(result.low), std::trunc(result.high)} : result;
}

// Python's remainder, or C's where fmod is set, by what is positive.
Interval remainder(Interval a, Interval b, bool truncates) {
  if (b.low <= 0 || b.high == kInfinity) return kAnything;
  if (a.low == a.high && b.low == b.high) {
    double value = std::fmod(a.low, b.low);
    if (!truncates && value < 0) value += b.low;
    return {value, value};
  }
  const double most = b.high - 1;
  return {truncates && a.low < 0 ? -most : 0, most};
}

// The numbers of one node's first result.
class Numbers {
 public:
  explicit Numbers(NodeView& view)
      : view_(view), result_(view.graph().value(view.node().outputs.front())), shape_(*result_.shape) {}

  Intervals run() {
    const Op op = view_.node().op;
    switch (op) {
      case Op::shape:
        return of_shape();
      case Op::size:
        return of_size();
      case Op::identity:
      case Op::reshape:
        return in(0);
      case Op::cast:
        return each([&](Interval x) { return casted(x); });
      case Op::floor:
        return each([](Interval x) { return Interval{std::floor(x.low), std::floor(x.high)}; });
      case Op::ceil:
        return each([](Interval x) { return Interval{std::ceil(x.low), std::ceil(x.high)}; });
      case Op::round:
        return each([](Interval x) { return Interval{std::nearbyint(x.low), std::nearbyint(x.high)}; });
      case Op::sqrt:
        return each([](Interval x) {
          return x.low < 0 ? kAnything : Interval{std::sqrt(x.low), std::sqrt(x.high)};
        });
      case Op::neg:
        return each([](Interval x) { return Interval{-x.high, -x.low}; });
      case Op::clamp:
        return each([&](Interval x) { return clamped(x); });
      case Op::add:
        return pairs([](Interval a, Interval b) { return without_nan(a.low + b.low, a.high + b.high); });
      case Op::sub:
        return pairs([](Interval a, Interval b) { return without_nan(a.low - b.high, a.high - b.low); });
      case Op::mul:
        return pairs(product_of);
      case Op::div:
        return pairs([&](Interval a, Interval b) { return quotient(a, b, is_whole(result_.type)); });
      case Op::mod:
        return pairs(
            [&](Interval a, Interval b) { return remainder(a, b, view_.attributes().integer("fmod") != 0); });
      case Op::min:
        return pairs([](Interval a, Interval b) {
          return Interval{std::min(a.low, b.low), std::min(a.high, b.high)};
        });
      case Op::max:
        return pairs([](Interval a, Interval b) {
          return Interval{std::max(a.low, b.low), std::max(a.high, b.high)};
        });
      case Op::where:
      case Op::select:
        return either();
      case Op::gather:
        return gathered();
      case Op::concat:
        return concatenated();
      case Op::slice:
        return sliced();
      case Op::reduce_min:
      case Op::reduce_max:
      case Op::reduce_sum:
      case Op::reduce_prod:
        return reduced(op);
      case Op::expand:
      case Op::transpose:
      case Op::tile:
      case Op::gather_elements:
      case Op::gather_nd:
        return of_all();
      case Op::arg_max:
      case Op::arg_min:
        return chosen();
      default:
        return {};
    }
  }

 private:
  Intervals in(std::size_t i) {
    return view_.has(i) ? numbers_of(view_.graph().value(view_.node().inputs[i])) : Intervals{};
  }
  std::size_t elements() const { return static_cast<std::size_t>(shape_.elements()); }
  // Whether a value of several elements has one interval for all.
  static Interval at(const Intervals& all, std::size_t i) { return all.size() == 1 ? all.front() : all[i]; }

  template <typename Function>
  Intervals each(Function&& function) {
    Intervals all = in(0);
    for (Interval& one : all) one = function(one);
    return all;
  }

  // Element by element where the shapes are the same or one is a single number; else over all.
  template <typename Function>
  Intervals pairs(Function&& function) {
    Intervals a = in(0);
    Intervals b = in(1);
    if (a.empty() && b.empty()) return {};
    // Of one operand alone, Min and Max still tell something.
    if (a.empty()) a = {kAnything};
    if (b.empty()) b = {kAnything};
    const auto direct = [&](const Intervals& list, std::size_t operand) {
      return list.size() == 1 || view_.shape(operand) == shape_;
    };
    if (!direct(a, 0)) a = {united(a)};
    if (!direct(b, 1)) b = {united(b)};
    Intervals result;
    for (std::size_t i = 0; i < std::max(a.size(), b.size()); ++i)
      result.push_back(function(at(a, i), at(b, i)));
    return result;
  }

  Interval casted(Interval x) const {
    const auto bounds = bounds_of_type(result_.type);
    if (bounds) return x.low >= bounds->low && x.high <= bounds->high ? x : *bounds;
    if (!is_whole(result_.type)) return x;
    const Interval whole{std::trunc(x.low), std::trunc(x.high)};
    constexpr double kMost = 0x1p31;
    const bool fits = result_.type == DataType::s64 || (whole.low >= -kMost && whole.high < kMost);
    return fits ? whole : kAnything;
  }

  Interval clamped(Interval x) {
    const double low = view_.attributes().real("min");
    const double high = view_.attributes().real("max");
    return {std::clamp(x.low, low, high), std::clamp(x.high, low, high)};
  }

  static Interval of_extent(const Value& value, int axis) {
    const auto most = static_cast<double>((*value.shape)[axis]);
    return {is_bounded(value.bounded, axis) ? 0 : most, most};
  }
  Intervals of_shape() {
    const Value& value = view_.graph().value(view_.node().inputs[0]);
    Intervals result;
    const auto end = static_cast<int>(view_.attributes().integer("end"));
    for (auto axis = static_cast<int>(view_.attributes().integer("start")); axis < end; ++axis)
      result.push_back(of_extent(value, axis));
    return result;
  }
  Intervals of_size() {
    const Value& value = view_.graph().value(view_.node().inputs[0]);
    const auto most = static_cast<double>(value.shape->elements());
    return {{value.bounded != 0 ? 0 : most, most}};
  }

  Intervals either() {
    const Intervals condition = in(0);
    const Intervals a = in(1);
    const Intervals b = in(2);
    if (a.empty() || b.empty()) return {};
    const bool alike = view_.shape(1) == shape_ && view_.shape(2) == shape_ && a.size() == b.size();
    if (!alike) return {united(united(a), united(b))};
    Intervals result;
    for (std::size_t i = 0; i < a.size(); ++i) {
      const bool known = condition.size() == 1 || view_.shape(0) == shape_;
      const Interval holds = known && !condition.empty() ? at(condition, i) : kAnything;
      result.push_back(holds.low > 0 ? a[i] : holds.high == 0 ? b[i] : united(a[i], b[i]));
    }
    return result;
  }

  Intervals of_all() {
    const Intervals all = in(0);
    return all.empty() ? Intervals{} : Intervals{united(all)};
  }

  Intervals gathered() {
    const Intervals all = in(0);
    const auto indices = view_.integers(1);
    if (all.size() < 2 || view_.rank(0) != 1 || !indices) return of_all();
    Intervals result;
    for (const std::int64_t index : *indices) {
      const std::int64_t place = index < 0 ? index + view_.shape(0)[0] : index;
      if (place < 0 || place >= static_cast<std::int64_t>(all.size())) return {};
      result.push_back(all[static_cast<std::size_t>(place)]);
    }
    return result;
  }

  Intervals concatenated() {
    Intervals result;
    bool one_by_one = shape_.rank() == 1 && result_.bounded == 0 && elements() <= kFollowedNumbers;
    for (std::size_t i = 0; i < view_.inputs(); ++i) {
      const Intervals piece = in(i);
      if (piece.empty()) return {};
      if (one_by_one) {
        for (std::int64_t k = 0; k < view_.shape(i)[0]; ++k)
          result.push_back(at(piece, static_cast<std::size_t>(k)));
      } else {
        result.push_back(united(piece));
      }
    }
    if (result.empty()) return {};
    return one_by_one ? result : Intervals{united(result)};
  }

  Intervals sliced() {
    const Intervals all = in(0);
    const auto starts = view_.attributes().integers("starts");
    const auto steps = view_.attributes().integers("steps");
    if (all.size() < 2 || view_.rank(0) != 1 || starts.size() != 1 || view_.has(1)) return of_all();
    Intervals result;
    for (std::int64_t i = 0; i < shape_[0]; ++i)
      result.push_back(all[static_cast<std::size_t>(starts[0] + i * steps[0])]);
    return result;
  }

  // Over all elements alike: an interval for any of the results.
  Intervals reduced(Op op) {
    const Intervals all = in(0);
    if (all.empty()) return {};
    if (op == Op::reduce_min || op == Op::reduce_max) {
      if (view_.graph().value(view_.node().inputs[0]).bounded != 0) return {};  // of none it is anything
      if (elements() != 1 || all.size() < 2) return {united(all)};
      Interval best = all.front();
      for (const Interval& one : all) {
        best = op == Op::reduce_min ? Interval{std::min(best.low, one.low), std::min(best.high, one.high)}
                                    : Interval{std::max(best.low, one.low), std::max(best.high, one.high)};
      }
      return {best};
    }
    const bool sums = op == Op::reduce_sum;
    if (elements() == 1 && all.size() == static_cast<std::size_t>(view_.shape(0).elements()) &&
        view_.graph().value(view_.node().inputs[0]).bounded == 0) {
      Interval total = sums ? Interval{0, 0} : Interval{1, 1};
      for (const Interval& one : all)
        total = sums ? without_nan(total.low + one.low, total.high + one.high) : product_of(total, one);
      return {total};
    }
    if (!sums || elements() == 0) return {};
    const auto terms = static_cast<double>(view_.shape(0).elements()) / static_cast<double>(elements());
    const Interval one = united(all);
    return {{std::min(0.0, one.low * terms), std::max(0.0, one.high * terms)}};
  }

  Intervals chosen() {
    const std::int64_t extent = view_.shape(0)[static_cast<int>(view_.attributes().integer("axis"))];
    return extent > 1 ? Intervals{{0, static_cast<double>(extent - 1)}} : Intervals{};
  }

  NodeView& view_;
  const Value& result_;
  const Shape& shape_;
};

}  // namespace

std::vector<Interval> numbers_of(const Value& value) {
  if (value.constant && value.shape &&
      static_cast<std::size_t>(value.shape->elements()) <= kFollowedNumbers) {
    switch (value.type) {
      case DataType::s64:
        return exactly(value.constant->values<std::int64_t>());
      case DataType::s32:
        return exactly(value.constant->values<std::int32_t>());
      case DataType::f32:
        return exactly(value.constant->values<float>());
      case DataType::f64:
        return exactly(value.constant->values<double>());
      case DataType::boolean:
        return exactly(value.constant->values<std::uint8_t>());
      default:
        break;
    }
  }
  if (!value.numbers.empty()) return value.numbers;
  const auto bounds = bounds_of_type(value.type);
  return bounds ? Intervals{*bounds} : Intervals{};
}

void infer_numbers(NodeView& view) {
  const ValueId first = view.node().outputs.front();
  if (first == kNoValue || !view.graph().value(first).shape) return;
  Intervals found = Numbers(view).run();
  Value& value = view.graph().value(first);
  value.numbers.clear();
  const bool open = std::all_of(found.begin(), found.end(), [](const Interval& one) {
    return one.low == -kInfinity && one.high == kInfinity;
  });
  if (open) return;
  const bool wraps = may_wrap(view.node().op);
  for (Interval& one : found) {
    switch (value.type) {
      // Where an integer may wrap around, nothing is known.
      case DataType::s64:
        if (wraps && (std::abs(one.low) > 0x1p62 || std::abs(one.high) > 0x1p62)) return;
        break;
      case DataType::s32:
        if (wraps && (one.low < -0x1p31 || one.high >= 0x1p31)) return;
        break;
      // Operations are rounded, and rounding keeps order.
      case DataType::f32:
        one = {static_cast<float>(one.low), static_cast<float>(one.high)};
        break;
      case DataType::f64:
      case DataType::boolean:
        break;
      default:
        return;
    }
  }
  const auto elements = static_cast<std::size_t>(value.shape->elements());
  if (found.size() > 1 && (found.size() != elements || elements > kFollowedNumbers)) found = {united(found)};
  value.numbers = std::move(found);
}

}  // namespace fettle::graph

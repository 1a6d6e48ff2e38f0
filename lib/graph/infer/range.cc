// SPDX-License-Identifier: Apache-2.0
//
// Range: how many elements there are, and which, in the arithmetic of their own type.
#include "lib/graph/infer/infer.h"

#include "lib/base/narrow_floats.h"

#include <cmath>
#include <concepts>
#include <cstring>
#include <limits>

namespace fettle::graph {
namespace {

// start, limit, delta
template <typename T>
struct Bounds {
  T start;
  T limit;
  T delta;

  // Nothing where delta is 0, a bound is no number, or there are more elements than can be counted.
  std::optional<std::int64_t> count() const {
    if (delta == T{}) return std::nullopt;
    if constexpr (std::floating_point<T>) {
      // The difference is taken in the elements' type, the quotient in double, as other runtimes do.
      const double count = std::ceil(static_cast<double>(limit - start) / static_cast<double>(delta));
      if (!(count < 0x1p62)) return std::nullopt;
      return count > 0 ? static_cast<std::int64_t>(count) : 0;
    } else {
      if (delta > 0 ? start >= limit : start <= limit) return 0;
      // Differences of signed integers fit the unsigned ones.
      const auto distance = [](std::int64_t from, std::int64_t to) {
        return static_cast<std::uint64_t>(to) - static_cast<std::uint64_t>(from);
      };
      const std::uint64_t span = delta > 0 ? distance(start, limit) : distance(limit, start);
      const std::uint64_t step = delta > 0 ? distance(0, delta) : distance(delta, 0);
      const std::uint64_t count = span / step + (span % step != 0 ? 1 : 0);
      if (count > std::numeric_limits<std::int64_t>::max()) return std::nullopt;
      return static_cast<std::int64_t>(count);
    }
  }

  T operator[](std::int64_t i) const {
    if constexpr (std::floating_point<T>) {
      return start + static_cast<T>(i) * delta;
    } else {
      // Each element lies between the bounds, but i * delta need not: it may wrap around and back.
      return static_cast<T>(static_cast<std::uint64_t>(start) +
                            static_cast<std::uint64_t>(i) * static_cast<std::uint64_t>(delta));
    }
  }
};

template <typename T>
Bounds<T> bounds_of(NodeView& view) {
  T values[3];
  for (std::size_t i = 0; i < 3; ++i)
    values[i] = view.graph().value(view.node().inputs[i]).constant->values<T>().front();
  return {values[0], values[1], values[2]};
}

// Of 16 bits: computed in float.
Bounds<float> narrow_bounds_of(NodeView& view, DataType type) {
  float values[3];
  for (std::size_t i = 0; i < 3; ++i)
    widen(type, view.graph().value(view.node().inputs[i]).constant->values<std::uint16_t>().first(1),
          {&values[i], 1});
  return {values[0], values[1], values[2]};
}

// Calls `body` with the bounds in their own type; false where Range has no such type.
template <typename Body>
bool with_bounds(NodeView& view, Body&& body) {
  switch (view.type(0)) {
    case DataType::f32:
      body(bounds_of<float>(view));
      return true;
    case DataType::f16:
    case DataType::bf16:
      body(narrow_bounds_of(view, view.type(0)));
      return true;
    case DataType::f64:
      body(bounds_of<double>(view));
      return true;
    case DataType::s16:
      body(bounds_of<std::int16_t>(view));
      return true;
    case DataType::s32:
      body(bounds_of<std::int32_t>(view));
      return true;
    case DataType::s64:
      body(bounds_of<std::int64_t>(view));
      return true;
    default:
      return false;
  }
}

// With operands that are computed while the network runs: integers.
bool range_by_operands(NodeView& view) {
  const DataType type = view.type(0);
  for (std::size_t i = 0; i < 3; ++i) {
    const bool scalar =
        view.has(i) && view.shape(i).elements() == 1 && view.bounded(i) == 0 && view.type(i) == type;
    if (!view.expect(scalar && (type == DataType::s64 || type == DataType::s32),
                     "start, limit and delta must be constants, or integers of one type"))
      return false;
  }
  if (view.stands_alone(0)) return true;
  std::vector<Interval> known[3];
  std::size_t open = 1;  // the operand that has no bounds, for the message
  for (std::size_t i = 0; i < 3; ++i) {
    known[i] = view.numbers(i);
    if (known[i].empty()) {
      known[i] = {{-INFINITY, INFINITY}};
      open = i;
    }
  }
  const Interval start = known[0].front();
  const Interval limit = known[1].front();
  const Interval delta = known[2].front();
  // A step in a known direction, and bounds on both sides of it.
  Interval count{0, INFINITY};
  const double span = delta.low > 0 ? limit.high - start.low : start.high - limit.low;
  const double step = delta.low > 0 ? delta.low : -delta.high;
  if (step > 0 && span < INFINITY) count.high = std::max(0.0, std::ceil(span / step));
  return view.set_computed(0, {&count, 1}, type, open);
}

}  // namespace

bool infer_range(NodeView& view) {
  if (view.computed(0) || view.computed(1) || view.computed(2)) return range_by_operands(view);
  for (std::size_t i = 0; i < 3; ++i) {
    const bool scalar = view.has(i) && view.graph().is_constant(view.node().inputs[i]) &&
                        view.shape(i).elements() == 1 && view.type(i) == view.type(0);
    if (!view.expect(scalar, "start, limit and delta must be constant numbers of one type")) return false;
  }
  std::optional<std::int64_t> count;
  const bool known = with_bounds(view, [&](const auto& bounds) { count = bounds.count(); });
  return view.expect(known, "start, limit and delta must be f32, f64, f16, bf16, s16, s32 or s64") &&
         view.expect(count.has_value(), "delta is 0, a bound is not a number, or the range is too long") &&
         view.set(0, Shape{*count}, view.type(0));
}

void fill_range(NodeView& view, std::span<std::byte> bytes) {
  if (const DataType type = view.type(0); is_narrow_float(type)) {
    const Bounds<float> bounds = narrow_bounds_of(view, type);
    auto* target = reinterpret_cast<std::uint16_t*>(bytes.data());
    const auto count = static_cast<std::int64_t>(bytes.size() / sizeof(std::uint16_t));
    for (std::int64_t i = 0; i < count; ++i)
      target[i] = type == DataType::f16 ? to_f16(bounds[i]) : to_bf16(bounds[i]);
    return;
  }
  with_bounds(view, [&]<typename T>(const Bounds<T>& bounds) {
    auto* target = reinterpret_cast<T*>(bytes.data());
    const auto count = static_cast<std::int64_t>(bytes.size() / sizeof(T));
    for (std::int64_t i = 0; i < count; ++i) target[i] = bounds[i];
  });
}

}  // namespace fettle::graph

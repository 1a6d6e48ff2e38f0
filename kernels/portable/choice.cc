// SPDX-License-Identifier: Apache-2.0
//
// Comparisons (Equal, Less, Greater, ...), logic (And, Or, Xor, Not) and the choice between two tensors
// (Where), with any broadcasting.
#include "kernels/portable/box.h"
#include "kernels/portable/portable.h"
#include "kernels/portable/walk.h"

#include <cstring>

namespace fettle::kernels::portable {
namespace {

using Truth = std::uint8_t;

template <typename T>
void choose_line(const Truth* condition, std::int64_t step, const T* a, std::int64_t step_a, const T* b,
                 std::int64_t step_b, std::int64_t count, T* y) {
  if (step == 1 && step_a == 1 && step_b == 0) {
    const T other = *b;
    for (std::int64_t i = 0; i < count; ++i) y[i] = condition[i] != 0 ? a[i] : other;
  } else if (step == 1 && step_a == 0 && step_b == 1) {
    const T one = *a;
    for (std::int64_t i = 0; i < count; ++i) y[i] = condition[i] != 0 ? one : b[i];
  } else if (step == 0 && (*condition != 0 ? step_a : step_b) == 1) {
    std::memcpy(y, *condition != 0 ? a : b, static_cast<std::size_t>(count) * sizeof(T));
  } else {
    for (std::int64_t i = 0; i < count; ++i) y[i] = condition[i * step] != 0 ? a[i * step_a] : b[i * step_b];
  }
}

template <typename T>
void choose_elements(const Call& call) {
  const Walk<3> walk(call.layer);
  const auto& inner = walk.inner();
  walk.for_each_line(call, [&](const auto& at, std::int64_t y) {
    choose_line(call.in<Truth>(0) + at[0], inner[0], call.in<T>(1) + at[1], inner[1], call.in<T>(2) + at[2],
                inner[2], walk.length(), call.out<T>() + y);
  });
}

void choose_where(const Call& call) {
  with_integer_of_size(call, [&]<typename T>(T) { choose_elements<T>(call); });
}

template <typename T, typename Function>
void compare_pairs(const Call& call, Function&& function) {
  const Walk<2> walk(call.layer);
  const auto& inner = walk.inner();
  const std::int64_t length = walk.length();
  walk.for_each_line(call, [&](const auto& at, std::int64_t to) {
    const T* a = call.in<T>(0) + at[0];
    const T* b = call.in<T>(1) + at[1];
    Truth* y = call.out<Truth>() + to;
    if (inner[0] == 1 && inner[1] == 1) {
      for (std::int64_t i = 0; i < length; ++i) y[i] = function(a[i], b[i]);
    } else if (inner[0] == 1 && inner[1] == 0) {
      const T other = *b;
      for (std::int64_t i = 0; i < length; ++i) y[i] = function(a[i], other);
    } else {
      for (std::int64_t i = 0; i < length; ++i) y[i] = function(a[i * inner[0]], b[i * inner[1]]);
    }
  });
}

template <typename T>
void compare_as(const Call& call) {
  switch (call.layer.main().op) {
    case Op::equal:
      return compare_pairs<T>(call, [](T a, T b) -> Truth { return a == b; });
    case Op::less:
      return compare_pairs<T>(call, [](T a, T b) -> Truth { return a < b; });
    case Op::less_or_equal:
      return compare_pairs<T>(call, [](T a, T b) -> Truth { return a <= b; });
    case Op::greater:
      return compare_pairs<T>(call, [](T a, T b) -> Truth { return a > b; });
    default:
      return compare_pairs<T>(call, [](T a, T b) -> Truth { return a >= b; });
  }
}

void comparison(const Call& call) {
  switch (call.layer.inputs[0].format.type) {
    case DataType::f32:
      return compare_as<float>(call);
    case DataType::s32:
      return compare_as<std::int32_t>(call);
    case DataType::s64:
      return compare_as<std::int64_t>(call);
    default:
      return compare_as<std::uint8_t>(call);
  }
}

void combine_truth(const Call& call) {
  switch (call.layer.main().op) {
    case Op::logical_and:
      return compare_pairs<Truth>(call, [](Truth a, Truth b) -> Truth { return a != 0 && b != 0; });
    case Op::logical_or:
      return compare_pairs<Truth>(call, [](Truth a, Truth b) -> Truth { return a != 0 || b != 0; });
    default:
      return compare_pairs<Truth>(call, [](Truth a, Truth b) -> Truth { return (a != 0) != (b != 0); });
  }
}

void negate_truth(const Call& call) {
  const std::int64_t count = call.layer.outputs[0].shape.elements();
  for (std::int64_t i = 0; i < count; ++i) call.out<Truth>()[i] = call.in<Truth>(0)[i] == 0;
}

Refusal check_choice(const LayerDesc& layer, std::size_t operands) {
  if (layer.main().clamp) return Refusal::clamp;
  if (layer.inputs.size() != operands || layer.main().operands.size() != operands) return Refusal::op;
  for (const auto* list : {&layer.inputs, &layer.outputs}) {
    for (const TensorDesc& tensor : *list) {
      if (tensor.format.layout != Layout::nchw) return Refusal::layout;
      if (tensor.format.scale != 0) return Refusal::data_type;
    }
  }
  return layer.outputs[0].shape.elements() > 0 ? Refusal::none : Refusal::shape;
}

Refusal supports_where(const LayerDesc& layer, const Cpu&) {
  if (const Refusal refusal = check_choice(layer, 3); refusal != Refusal::none) return refusal;
  const DataType type = layer.outputs[0].format.type;
  const bool fits = layer.inputs[0].format.type == DataType::boolean && layer.inputs[1].format.type == type &&
                    layer.inputs[2].format.type == type && has_integer_size(type);
  return fits ? Refusal::none : Refusal::data_type;
}

Refusal supports_comparison(const LayerDesc& layer, const Cpu&) {
  if (const Refusal refusal = check_choice(layer, 2); refusal != Refusal::none) return refusal;
  const DataType type = layer.inputs[0].format.type;
  const bool known = type == DataType::f32 || type == DataType::s32 || type == DataType::s64 ||
                     type == DataType::u8 || (type == DataType::boolean && layer.main().op == Op::equal);
  const bool fits =
      known && layer.inputs[1].format.type == type && layer.outputs[0].format.type == DataType::boolean;
  return fits ? Refusal::none : Refusal::data_type;
}

Refusal supports_logic(const LayerDesc& layer, const Cpu&) {
  const bool negates = layer.main().op == Op::logical_not;
  if (const Refusal refusal = check_choice(layer, negates ? 1 : 2); refusal != Refusal::none) return refusal;
  for (const auto* list : {&layer.inputs, &layer.outputs}) {
    for (const TensorDesc& tensor : *list) {
      if (tensor.format.type != DataType::boolean) return Refusal::data_type;
    }
  }
  return Refusal::none;
}

constexpr Op kChoiceOps[] = {
    Op::where,       Op::equal,      Op::less,        Op::less_or_equal, Op::greater, Op::greater_or_equal,
    Op::logical_and, Op::logical_or, Op::logical_xor, Op::logical_not};
template <Compute compute>
constexpr Kernel choice_entry(std::size_t op, std::string_view name, Supports supports) {
  Kernel kernel = entry<compute>(name, {&kChoiceOps[op], 1}, kNchw<>, supports);
  kernel.bounded_axes = BoundedAxes::any;
  return if_selected(kernel);
}

constexpr Kernel kChoiceTable[] = {
    choice_entry<choose_where>(0, "where.lines.any.portable", supports_where),
    choice_entry<comparison>(1, "equal.lines.any.portable", supports_comparison),
    choice_entry<comparison>(2, "less.lines.any.portable", supports_comparison),
    choice_entry<comparison>(3, "less_or_equal.lines.any.portable", supports_comparison),
    choice_entry<comparison>(4, "greater.lines.any.portable", supports_comparison),
    choice_entry<comparison>(5, "greater_or_equal.lines.any.portable", supports_comparison),
    choice_entry<combine_truth>(6, "logical_and.lines.any.portable", supports_logic),
    choice_entry<combine_truth>(7, "logical_or.lines.any.portable", supports_logic),
    choice_entry<combine_truth>(8, "logical_xor.lines.any.portable", supports_logic),
    choice_entry<negate_truth>(9, "logical_not.loop.any.portable", supports_logic),
};

}  // namespace

std::span<const Kernel* const> choice_entries() noexcept { return kKeptAddresses<kChoiceTable>; }

}  // namespace fettle::kernels::portable

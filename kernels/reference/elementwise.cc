// SPDX-License-Identifier: Apache-2.0
//
// Elementwise operators: one template for those of one operand, one for those of two.
#include "kernels/reference/reference.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

namespace fettle::kernels::reference {
namespace {

float unary_value(Op op, float x, const Attributes& a) {
  switch (op) {
    case Op::clamp:
      return std::min(std::max(x, a.real("min")), a.real("max"));
    case Op::leaky_relu:
      return x < 0 ? a.real("alpha") * x : x;
    case Op::elu:
      return x < 0 ? a.real("alpha") * std::expm1(x) : x;
    case Op::selu:
      return a.real("gamma") * (x < 0 ? a.real("alpha") * std::expm1(x) : x);
    case Op::celu:
      return std::max(0.0f, x) + std::min(0.0f, a.real("alpha") * std::expm1(x / a.real("alpha")));
    case Op::thresholded_relu:
      return x > a.real("alpha") ? x : 0.0f;
    case Op::sigmoid:
      return 1.0f / (1.0f + std::exp(-x));
    case Op::hard_sigmoid:
      return std::min(std::max(a.real("alpha") * x + a.real("beta"), 0.0f), 1.0f);
    case Op::hard_swish:
      return x * std::min(std::max(x / 6.0f + 0.5f, 0.0f), 1.0f);
    case Op::swish:
      return x / (1.0f + std::exp(-x));
    case Op::tanh:
      return std::tanh(x);
    case Op::softplus:
      return std::max(x, 0.0f) + std::log1p(std::exp(-std::abs(x)));
    case Op::softsign:
      return x / (1.0f + std::abs(x));
    case Op::gelu:
      return 0.5f * x * (1.0f + std::erf(x * 0.70710678118654752440f));
    case Op::erf:
      return std::erf(x);
    case Op::exp:
      return std::exp(x);
    case Op::log:
      return std::log(x);
    case Op::sqrt:
      return std::sqrt(x);
    case Op::reciprocal:
      return 1.0f / x;
    case Op::abs:
      return std::abs(x);
    case Op::neg:
      return -x;
    case Op::floor:
      return std::floor(x);
    case Op::ceil:
      return std::ceil(x);
    case Op::round:
      return std::nearbyint(x);
    case Op::sign:
      return static_cast<float>((x > 0) - (x < 0));
    case Op::sin:
      return std::sin(x);
    case Op::cos:
      return std::cos(x);
    default:
      return x;
  }
}

void unary(const Buffers& b) {
  const auto x = b.in<float>(0);
  const auto y = b.out<float>();
  for_each_index(y.desc.shape,
                 [&](const Index& i) { y[i] = unary_value(b.layer.main().op, x[i], b.attributes()); });
}

// Wraps around instead of overflowing.
template <typename T>
T wrapped_negative(T x) {
  return static_cast<T>(std::make_unsigned_t<T>{0} - static_cast<std::make_unsigned_t<T>>(x));
}

template <typename T>
void integer_unary(const Buffers& b) {
  const auto x = b.in<T>(0);
  const auto y = b.out<T>();
  for_each_index(y.desc.shape, [&](const Index& i) {
    const T value = x[i];
    switch (b.layer.main().op) {
      case Op::neg:
        y[i] = wrapped_negative(value);
        break;
      case Op::abs:
        y[i] = value < 0 ? wrapped_negative(value) : value;
        break;
      case Op::sign:
        y[i] = static_cast<T>((value > 0) - (value < 0));
        break;
      default:
        y[i] = value;
    }
  });
}

void unary_any(const Buffers& b) {
  switch (b.layer.outputs.front().format.type) {
    case DataType::s64:
      return integer_unary<std::int64_t>(b);
    case DataType::s32:
      return integer_unary<std::int32_t>(b);
    default:
      return unary(b);
  }
}

Refusal supports_unary_any(const LayerDesc& layer, const Cpu&) {
  const DataType type = layer.inputs.front().format.type;
  if (type != layer.outputs.front().format.type ||
      (type != DataType::f32 && type != DataType::s32 && type != DataType::s64))
    return Refusal::data_type;
  return plain_layouts(layer);
}

void logical_not(const Buffers& b) {
  const auto x = b.in<std::uint8_t>(0);
  const auto y = b.out<std::uint8_t>();
  for_each_index(y.desc.shape, [&](const Index& i) { y[i] = x[i] == 0 ? 1 : 0; });
}

void is_nan(const Buffers& b) {
  const auto x = b.in<float>(0);
  const auto y = b.out<std::uint8_t>();
  for_each_index(y.desc.shape, [&](const Index& i) { y[i] = std::isnan(x[i]) ? 1 : 0; });
}

template <typename T>
T power(T a, T b) {
  if constexpr (std::is_floating_point_v<T>)
    return std::pow(a, b);
  else
    return static_cast<T>(std::pow(static_cast<double>(a), static_cast<double>(b)));
}

// Division that cannot trap: by zero gives zero, the one overflow wraps.
template <typename T>
T quotient(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    return a / b;
  } else {
    if (b == 0) return 0;
    if constexpr (std::is_signed_v<T>) {
      if (b == -1) return wrapped_negative(a);
    }
    return static_cast<T>(a / b);
  }
}

template <typename T>
T remainder_of(T a, T b, bool fmod) {
  if constexpr (std::is_floating_point_v<T>) {
    const T r = std::fmod(a, b);
    return !fmod && r != 0 && ((r < 0) != (b < 0)) ? r + b : r;
  } else {
    if (b == 0 || b == static_cast<T>(-1)) return 0;
    const T r = static_cast<T>(a % b);
    return !fmod && r != 0 && ((r < 0) != (b < 0)) ? static_cast<T>(r + b) : r;
  }
}

template <typename T>
T wrapped(Op op, T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    return op == Op::add ? a + b : op == Op::sub ? a - b : a * b;
  } else {
    using U = std::make_unsigned_t<T>;
    const auto x = static_cast<std::uint64_t>(static_cast<U>(a));
    const auto y = static_cast<std::uint64_t>(static_cast<U>(b));
    return static_cast<T>(op == Op::add ? x + y : op == Op::sub ? x - y : x * y);
  }
}

template <typename T>
T binary_value(Op op, T a, T b, const Attributes& attributes) {
  switch (op) {
    case Op::add:
    case Op::sub:
    case Op::mul:
      return wrapped(op, a, b);
    case Op::div:
      return quotient(a, b);
    case Op::pow:
      return power(a, b);
    case Op::mod:
      return remainder_of(a, b, attributes.integer("fmod") != 0);
    case Op::min:
      return std::min(a, b);
    case Op::max:
      return std::max(a, b);
    case Op::prelu:
      return a < 0 ? wrapped(Op::mul, a, b) : a;
    default:
      return a;
  }
}

template <typename T>
bool compare_value(Op op, T a, T b) {
  switch (op) {
    case Op::equal:
      return a == b;
    case Op::greater:
      return a > b;
    case Op::less:
      return a < b;
    case Op::greater_or_equal:
      return a >= b;
    case Op::less_or_equal:
      return a <= b;
    case Op::logical_and:
      return a != 0 && b != 0;
    case Op::logical_or:
      return a != 0 || b != 0;
    case Op::logical_xor:
      return (a != 0) != (b != 0);
    default:
      return false;
  }
}

template <typename T>
void binary_typed(const Buffers& b) {
  const auto x = b.in<T>(0);
  const auto w = b.in<T>(1);
  const Op op = b.layer.main().op;
  const Shape& shape = b.layer.outputs.front().shape;
  const auto left = [&](const Index& i) { return x[broadcast_index(i, shape.rank(), x.desc.shape)]; };
  const auto right = [&](const Index& i) { return w[broadcast_index(i, shape.rank(), w.desc.shape)]; };
  if (b.layer.outputs.front().format.type == DataType::boolean) {
    const auto y = b.out<std::uint8_t>();
    for_each_index(shape, [&](const Index& i) { y[i] = compare_value(op, left(i), right(i)) ? 1 : 0; });
  } else {
    const auto y = b.out<T>();
    for_each_index(shape,
                   [&](const Index& i) { y[i] = binary_value(op, left(i), right(i), b.attributes()); });
  }
}

void binary(const Buffers& b) {
  switch (b.layer.inputs.front().format.type) {
    case DataType::f32:
      return binary_typed<float>(b);
    case DataType::s64:
      return binary_typed<std::int64_t>(b);
    case DataType::s32:
      return binary_typed<std::int32_t>(b);
    default:
      return binary_typed<std::uint8_t>(b);
  }
}

Refusal supports_binary(const LayerDesc& layer, const Cpu&) {
  if (layer.inputs.empty() || layer.main().operands.size() != 2) return Refusal::shape;
  const DataType type = layer.inputs.front().format.type;
  const bool known = type == DataType::f32 || type == DataType::s64 || type == DataType::s32 ||
                     type == DataType::u8 || type == DataType::boolean;
  const DataType result = layer.outputs.front().format.type;
  if (!known || layer.inputs.back().format.type != type || (result != type && result != DataType::boolean))
    return Refusal::data_type;
  if (layer.main().clamp && result != DataType::f32) return Refusal::clamp;
  return plain_layouts(layer);
}

constexpr Op kUnaryOps[] = {
    Op::clamp,      Op::leaky_relu,   Op::elu,        Op::selu,  Op::celu, Op::thresholded_relu,
    Op::sigmoid,    Op::hard_sigmoid, Op::hard_swish, Op::swish, Op::tanh, Op::softplus,
    Op::softsign,   Op::gelu,         Op::erf,        Op::exp,   Op::log,  Op::sqrt,
    Op::reciprocal, Op::floor,        Op::ceil,       Op::round, Op::sin,  Op::cos};
constexpr Op kTypedUnaryOps[] = {Op::abs, Op::neg, Op::sign};
constexpr Op kBinaryOps[] = {Op::add,
                             Op::sub,
                             Op::mul,
                             Op::div,
                             Op::pow,
                             Op::mod,
                             Op::min,
                             Op::max,
                             Op::prelu,
                             Op::equal,
                             Op::greater,
                             Op::less,
                             Op::greater_or_equal,
                             Op::less_or_equal,
                             Op::logical_and,
                             Op::logical_or,
                             Op::logical_xor};
constexpr Op kNotOp[] = {Op::logical_not};
constexpr Op kIsNanOp[] = {Op::is_nan};

constexpr std::string_view kUnaryNames[] = {
    "clamp.direct.f32.reference",      "leaky_relu.direct.f32.reference",
    "elu.direct.f32.reference",        "selu.direct.f32.reference",
    "celu.direct.f32.reference",       "thresholded_relu.direct.f32.reference",
    "sigmoid.direct.f32.reference",    "hard_sigmoid.direct.f32.reference",
    "hard_swish.direct.f32.reference", "swish.direct.f32.reference",
    "tanh.direct.f32.reference",       "softplus.direct.f32.reference",
    "softsign.direct.f32.reference",   "gelu.direct.f32.reference",
    "erf.direct.f32.reference",        "exp.direct.f32.reference",
    "log.direct.f32.reference",        "sqrt.direct.f32.reference",
    "reciprocal.direct.f32.reference", "floor.direct.f32.reference",
    "ceil.direct.f32.reference",       "round.direct.f32.reference",
    "sin.direct.f32.reference",        "cos.direct.f32.reference"};
constexpr std::string_view kTypedUnaryNames[] = {"abs.direct.any.reference", "neg.direct.any.reference",
                                                 "sign.direct.any.reference"};
constexpr std::string_view kBinaryNames[] = {"add.direct.any.reference",
                                             "sub.direct.any.reference",
                                             "mul.direct.any.reference",
                                             "div.direct.any.reference",
                                             "pow.direct.any.reference",
                                             "mod.direct.any.reference",
                                             "min.direct.any.reference",
                                             "max.direct.any.reference",
                                             "prelu.direct.any.reference",
                                             "equal.direct.any.reference",
                                             "greater.direct.any.reference",
                                             "less.direct.any.reference",
                                             "greater_or_equal.direct.any.reference",
                                             "less_or_equal.direct.any.reference",
                                             "logical_and.direct.any.reference",
                                             "logical_or.direct.any.reference",
                                             "logical_xor.direct.any.reference"};

// One row for each operator of a family that a template computes.
template <Compute compute, std::size_t count>
constexpr std::array<Kernel, count> family(const std::string_view (&names)[count], const Op (&ops)[count],
                                           Supports supports) {
  std::array<Kernel, count> rows{};
  for (std::size_t i = 0; i < count; ++i) rows[i] = row<compute>(names[i], {&ops[i], 1}, supports);
  return rows;
}

constexpr auto kUnary = family<unary>(kUnaryNames, kUnaryOps, all_f32);
constexpr auto kTypedUnary = family<unary_any>(kTypedUnaryNames, kTypedUnaryOps, supports_unary_any);
constexpr auto kBinary = family<binary>(kBinaryNames, kBinaryOps, supports_binary);
constexpr Kernel kNot = row<logical_not>("logical_not.direct.boolean.reference", kNotOp, any_type);
constexpr Kernel kIsNan = row<is_nan>("is_nan.direct.f32.reference", kIsNanOp, any_type);

constexpr auto kRows = [] {
  std::array<const Kernel*, kUnary.size() + kTypedUnary.size() + kBinary.size() + 2> rows{};
  std::size_t count = 0;
  for (const Kernel& kernel : kUnary) rows[count++] = &kernel;
  for (const Kernel& kernel : kTypedUnary) rows[count++] = &kernel;
  for (const Kernel& kernel : kBinary) rows[count++] = &kernel;
  rows[count++] = &kNot;
  rows[count++] = &kIsNan;
  return rows;
}();

}  // namespace

std::span<const Kernel* const> elementwise_rows() noexcept { return kRows; }

}  // namespace fettle::kernels::reference

// SPDX-License-Identifier: Apache-2.0
//
// Elementwise operators: one template for those of one operand, one for those of two.
#include "kernels/larger.h"
#include "kernels/reference/numbers.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

namespace fettle::kernels::reference {
namespace {

double activation_value(Op op, double x, const Attributes& a) {
  const auto attribute = [&](std::string_view name) { return static_cast<double>(a.real(name)); };
  switch (op) {
    case Op::clamp:
      return std::min(std::max(x, attribute("min")), attribute("max"));
    case Op::leaky_relu:
      return x < 0 ? attribute("alpha") * x : x;
    case Op::elu:
      return x < 0 ? attribute("alpha") * std::expm1(x) : x;
    case Op::selu:
      return attribute("gamma") * (x < 0 ? attribute("alpha") * std::expm1(x) : x);
    case Op::celu:
      return larger(0.0, x) + smaller(0.0, attribute("alpha") * std::expm1(x / attribute("alpha")));
    case Op::thresholded_relu:
      return x > attribute("alpha") ? x : 0.0;
    case Op::shrink:
      return x < -attribute("lambd")  ? x + attribute("bias")
             : x > attribute("lambd") ? x - attribute("bias")
                                      : 0.0;
    case Op::sigmoid:
      return 1.0 / (1.0 + std::exp(-x));
    case Op::hard_sigmoid:
      return std::min(std::max(attribute("alpha") * x + attribute("beta"), 0.0), 1.0);
    case Op::hard_swish:
      return x * std::min(std::max(x / 6.0 + 0.5, 0.0), 1.0);
    case Op::swish:
      return x / (1.0 + std::exp(-x));
    case Op::softplus:
      return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x)));
    case Op::softsign:
      return x / (1.0 + std::abs(x));
    case Op::mish: {
      const double soft = std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x)));
      return x * std::tanh(soft);
    }
    case Op::gelu_tanh: {
      const double inner = 0.79788456080286535588 * (x + 0.044715 * x * x * x);
      return 0.5 * x * (1.0 + std::tanh(inner));
    }
    case Op::gelu:
      return 0.5 * x * (1.0 + std::erf(x * 0.70710678118654752440));
    default:
      return x;
  }
}

using Function = double (*)(double);
Function function_of(Op op) {
  switch (op) {
    case Op::tanh:
      return std::tanh;
    case Op::erf:
      return std::erf;
    case Op::exp:
      return std::exp;
    case Op::log:
      return std::log;
    case Op::sqrt:
      return std::sqrt;
    case Op::floor:
      return std::floor;
    case Op::ceil:
      return std::ceil;
    case Op::round:
      return std::nearbyint;
    case Op::sin:
      return std::sin;
    case Op::cos:
      return std::cos;
    case Op::tan:
      return std::tan;
    case Op::asin:
      return std::asin;
    case Op::acos:
      return std::acos;
    case Op::atan:
      return std::atan;
    case Op::sinh:
      return std::sinh;
    case Op::cosh:
      return std::cosh;
    case Op::asinh:
      return std::asinh;
    case Op::acosh:
      return std::acosh;
    case Op::atanh:
      return std::atanh;
    default:
      return [](double x) { return 1.0 / x; };
  }
}

void activation(const Buffers& b) {
  const auto x = operand(b, 0);
  const auto y = result(b);
  for_each_index(y.shape(), [&](const Index& i) {
    y.set(i, activation_value(b.layer.main().op, x[i], b.attributes()));
  });
}

void function(const Buffers& b) {
  const auto x = operand(b, 0);
  const auto y = result(b);
  const Function value = function_of(b.layer.main().op);
  for_each_index(y.shape(), [&](const Index& i) { y.set(i, value(x[i])); });
}

template <Number T>
void sign_typed(const Buffers& b) {
  const auto x = operand<T>(b, 0);
  const auto y = result<T>(b);
  const Op op = b.layer.main().op;
  for_each_index(y.shape(), [&](const Index& i) {
    const T value = x[i];
    const bool below = value < T{};
    if (op == Op::neg) return y.set(i, negative(value));
    if (op == Op::abs) return y.set(i, below ? negative(value) : value == T{} ? T{} : value);
    y.set(i, below ? negative(T{1}) : value > T{} ? T{1} : value == T{} ? T{} : value);
  });
}

// Abs, neg and sign, which integers have too.
void sign(const Buffers& b) {
  with_number(b.layer.outputs.front().format.type, [&](auto number) { sign_typed<decltype(number)>(b); });
}

void logical_not(const Buffers& b) {
  const auto x = operand<std::uint64_t>(b, 0);
  const auto y = result<std::uint64_t>(b);
  for_each_index(y.shape(), [&](const Index& i) { y.set(i, x[i] == 0 ? 1 : 0); });
}

// Bit by bit; real numbers have no such operators.
template <Number T>
T bitwise(Op op, T a, T b) {
  if constexpr (std::is_floating_point_v<T>)
    return a;
  else
    return op == Op::bitwise_and ? a & b : op == Op::bitwise_or ? a | b : a ^ b;
}

void bitwise_not(const Buffers& b) {
  with_number(b.layer.outputs.front().format.type, [&](auto number) {
    using T = decltype(number);
    const auto x = operand<T>(b, 0);
    const auto y = result<T>(b);
    for_each_index(y.shape(), [&](const Index& i) { y.set(i, bitwise(Op::bitwise_xor, x[i], T(-1))); });
  });
}

void classify(const Buffers& b) {
  const auto x = operand(b, 0);
  const auto y = result<std::uint64_t>(b);
  const bool nan = b.layer.main().op == Op::is_nan;
  const bool positive = b.attributes().integer("detect_positive", 1) != 0;
  const bool negative = b.attributes().integer("detect_negative", 1) != 0;
  for_each_index(y.shape(), [&](const Index& i) {
    const double value = x[i];
    const bool infinite = std::isinf(value) && (value > 0 ? positive : negative);
    y.set(i, (nan ? std::isnan(value) : infinite) ? 1 : 0);
  });
}

template <Number T>
T power(T a, double b) {
  if constexpr (std::is_floating_point_v<T>) return std::pow(a, b);
  // Whole exponents exactly, by squaring, and wrapping around as products do; anything else by way of double.
  if (!(b >= 0 && b < 0x1p63) || b != std::floor(b)) return from_real<T>(std::pow(static_cast<double>(a), b));
  std::uint64_t result = 1;
  auto factor = static_cast<std::uint64_t>(a);
  for (auto exponent = static_cast<std::uint64_t>(b); exponent > 0; exponent >>= 1) {
    if ((exponent & 1) != 0) result *= factor;
    factor *= factor;
  }
  return static_cast<T>(result);
}

// Division that cannot trap: by zero gives zero, the one overflow wraps.
template <Number T>
T quotient(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    return a / b;
  } else {
    if (b == T{}) return T{};
    if constexpr (std::is_signed_v<T>) {
      if (b == -1) return negative(a);
    }
    return a / b;
  }
}

template <Number T>
T remainder_of(T a, T b, bool fmod) {
  T r{};
  if constexpr (std::is_floating_point_v<T>) {
    r = std::fmod(a, b);
  } else {
    if (b == T{} || (std::is_signed_v<T> && b == static_cast<T>(-1))) return T{};
    r = a % b;
  }
  return !fmod && r != T{} && ((r < T{}) != (b < T{})) ? r + b : r;
}

template <Number T>
T wrapped(Op op, T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    return op == Op::add ? a + b : op == Op::sub ? a - b : a * b;
  } else {
    const auto x = static_cast<std::uint64_t>(a);
    const auto y = static_cast<std::uint64_t>(b);
    return static_cast<T>(op == Op::add ? x + y : op == Op::sub ? x - y : x * y);
  }
}

template <Number T>
T shifted(T a, T b, bool left) {
  if constexpr (std::is_same_v<T, std::uint64_t>) {
    if (b >= 64) return 0;
    return left ? a << b : a >> b;
  }
  return a;
}

template <Number T>
T binary_value(Op op, T a, T b, const Attributes& attributes) {
  switch (op) {
    case Op::add:
    case Op::sub:
    case Op::mul:
      return wrapped(op, a, b);
    case Op::div:
      return quotient(a, b);
    case Op::mod:
      return remainder_of(a, b, attributes.integer("fmod") != 0);
    case Op::min:
      return smaller(a, b);
    case Op::max:
      return larger(a, b);
    case Op::prelu:
      return a < T{} ? wrapped(Op::mul, a, b) : a;
    case Op::bitwise_and:
    case Op::bitwise_or:
    case Op::bitwise_xor:
      return bitwise(op, a, b);
    case Op::bit_shift:
      return shifted(a, b, attributes.string("direction") == "LEFT");
    default:
      return a;
  }
}

template <Number T>
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
      return a != T{} && b != T{};
    case Op::logical_or:
      return a != T{} || b != T{};
    default:
      return (a != T{}) != (b != T{});
  }
}

// Calls `body` with each output index and the two operands' elements that belong to it.
template <Number T, Number U = T, typename Body>
void for_each_pair(const Buffers& b, Body&& body) {
  const auto x = operand<T>(b, 0);
  const auto w = operand<U>(b, 1);
  const Shape& shape = b.layer.outputs.front().shape;
  for_each_index(shape, [&](const Index& i) {
    body(i, x[broadcast_index(i, shape.rank(), x.shape())], w[broadcast_index(i, shape.rank(), w.shape())]);
  });
}

void binary(const Buffers& b) {
  with_number(b.layer.outputs.front().format.type, [&](auto number) {
    using T = decltype(number);
    const auto y = result<T>(b);
    for_each_pair<T>(b, [&](const Index& i, T left, T right) {
      y.set(i, binary_value(b.layer.main().op, left, right, b.attributes()));
    });
  });
}

void compare(const Buffers& b) {
  const auto y = result<std::uint64_t>(b);
  with_number(b.layer.inputs.front().format.type, [&](auto number) {
    using T = decltype(number);
    for_each_pair<T>(b, [&](const Index& i, T left, T right) {
      y.set(i, compare_value(b.layer.main().op, left, right) ? 1 : 0);
    });
  });
}

// The exponent may be of another type.
void pow(const Buffers& b) {
  with_number(b.layer.outputs.front().format.type, [&](auto number) {
    using T = decltype(number);
    const auto y = result<T>(b);
    for_each_pair<T, double>(b, [&](const Index& i, T left, double right) { y.set(i, power(left, right)); });
  });
}

Refusal supports_classify(const LayerDesc& layer, const Cpu& cpu) {
  if (kind_of(layer.inputs.front().format.type) != Kind::real) return Refusal::data_type;
  return layer.outputs.front().format.type == DataType::boolean ? any_number(layer, cpu) : Refusal::data_type;
}

Refusal supports_compare(const LayerDesc& layer, const Cpu& cpu) {
  const bool alike = layer.inputs.front().format.type == layer.inputs.back().format.type;
  return alike && layer.outputs.front().format.type == DataType::boolean ? any_number(layer, cpu)
                                                                         : Refusal::data_type;
}

Refusal supports_pow(const LayerDesc& layer, const Cpu& cpu) {
  const bool kept = layer.inputs.front().format.type == layer.outputs.front().format.type;
  return kept ? any_number(layer, cpu) : Refusal::data_type;
}

Refusal supports_bit_shift(const LayerDesc& layer, const Cpu& cpu) {
  return kind_of(layer.inputs.front().format.type) == Kind::natural ? same_number(layer, cpu)
                                                                    : Refusal::data_type;
}

Refusal supports_bitwise(const LayerDesc& layer, const Cpu& cpu) {
  return kind_of(layer.inputs.front().format.type) == Kind::real ? Refusal::data_type
                                                                 : same_number(layer, cpu);
}

constexpr auto kElementwiseEntries =
    join(kFamily<activation, same_real, "direct.any", Op::clamp, Op::leaky_relu, Op::elu, Op::selu, Op::celu,
                 Op::thresholded_relu, Op::sigmoid, Op::hard_sigmoid, Op::hard_swish, Op::swish, Op::softplus,
                 Op::softsign, Op::mish, Op::gelu, Op::gelu_tanh>,
         kFamily<function, same_real, "direct.any", Op::tanh, Op::erf, Op::exp, Op::log, Op::sqrt,
                 Op::reciprocal, Op::floor, Op::ceil, Op::round, Op::sin, Op::cos, Op::tan, Op::asin,
                 Op::acos, Op::atan, Op::sinh, Op::cosh, Op::asinh, Op::acosh, Op::atanh>,
         kFamily<activation, same_number, "direct.any", Op::shrink>,
         kFamily<sign, same_number, "direct.any", Op::abs, Op::neg, Op::sign>,
         kFamily<binary, same_number, "direct.any", Op::add, Op::sub, Op::mul, Op::div, Op::mod, Op::min,
                 Op::max, Op::prelu>,
         kFamily<binary, supports_bit_shift, "direct.any", Op::bit_shift>,
         kFamily<binary, supports_bitwise, "direct.any", Op::bitwise_and, Op::bitwise_or, Op::bitwise_xor>,
         kFamily<bitwise_not, supports_bitwise, "direct.any", Op::bitwise_not>,
         kFamily<pow, supports_pow, "direct.any", Op::pow>,
         kFamily<compare, supports_compare, "direct.any", Op::equal, Op::greater, Op::less,
                 Op::greater_or_equal, Op::less_or_equal, Op::logical_and, Op::logical_or, Op::logical_xor>,
         kFamily<logical_not, any_number, "direct.any", Op::logical_not>,
         kFamily<classify, supports_classify, "direct.any", Op::is_nan, Op::is_inf>);

}  // namespace

std::span<const Kernel* const> elementwise_entries() noexcept { return kElementwiseEntries; }

}  // namespace fettle::kernels::reference

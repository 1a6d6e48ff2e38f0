// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/layers/makers.h"

namespace fettle::fuzz {
namespace {

Made unary(ByteSource& bytes, Op op) {
  const bool positive = op == Op::log || op == Op::sqrt || op == Op::reciprocal;
  const bool bounded = op == Op::asin || op == Op::acos || op == Op::atanh;
  Attributes a;
  if (op == Op::clamp) {
    const std::optional<Clamp> clamp = any_clamp(bytes);
    a.set("min", clamp ? clamp->low : -kInfinity);
    a.set("max", clamp ? clamp->high : 0.75f);
  }
  if (bytes.once_in(4) && (op == Op::elu || op == Op::leaky_relu || op == Op::celu)) a.set("alpha", 0.75f);
  return make_layer(op, std::move(a),
                    {input(any_shape(bytes),
                           positive  ? 0.125
                           : bounded ? -0.9
                                     : -8,
                           bounded ? 0.9 : 8)});
}

Made binary(ByteSource& bytes, Op op) {
  const Shape whole = any_shape(bytes);
  const bool right = bytes.once_in(2) || op == Op::prelu;
  const double low = op == Op::pow ? 0.125 : op == Op::div ? 0.5 : -2;
  Operand a = input(right ? whole : narrowed(bytes, whole), low);
  Operand b = input(right ? narrowed(bytes, whole) : whole, low);
  b.constant = bytes.once_in(3) || op == Op::prelu;
  if (op == Op::logical_and || op == Op::logical_or || op == Op::logical_xor) {
    a = typed(a.shape, DataType::boolean, 0, 1);
    b = typed(b.shape, DataType::boolean, 0, 1, b.constant);
  } else if (bytes.once_in(6) && op != Op::prelu && op != Op::pow) {
    const DataType type = bytes.once_in(2) ? DataType::s32 : DataType::s64;
    a = typed(a.shape, type, 1, 9);
    b = typed(b.shape, type, 1, 9, b.constant);
  }
  Attributes attributes;
  if (op == Op::mod && a.type == DataType::f32) attributes.set("fmod", std::int64_t{1});
  const bool clamps =
      (op == Op::add || op == Op::sub || op == Op::mul || op == Op::div) && a.type == DataType::f32;
  return make_layer(op, std::move(attributes), {a, b}, clamps ? any_clamp(bytes) : std::nullopt);
}

Made chosen(ByteSource& bytes, Op op) {
  const Shape whole = any_shape(bytes);
  Operand condition = typed(narrowed(bytes, whole), DataType::boolean, 0, 1);
  condition.constant = bytes.once_in(4);
  return make_layer(op, {}, {condition, input(narrowed(bytes, whole)), input(whole)});
}

// Operators whose types say what they do.
Made typed_unary(ByteSource& bytes, Op op) {
  const Shape shape = any_shape(bytes);
  if (op == Op::logical_not) return make_layer(op, {}, {typed(shape, DataType::boolean, 0, 1)});
  constexpr DataType kTypes[] = {DataType::f32, DataType::s32, DataType::s64, DataType::u8,
                                 DataType::boolean};
  constexpr DataType kTargets[] = {DataType::f32,      DataType::s32,    DataType::s64,    DataType::u8,
                                   DataType::boolean,  DataType::f8e5m2, DataType::f8e8m0, DataType::f4e2m1,
                                   DataType::f8e4m3fn, DataType::s4,     DataType::u2};
  const DataType from = bytes.one_of(kTypes);
  Attributes a;
  a.set("to", std::string(to_string(bytes.one_of(kTargets))));
  if (bytes.once_in(4)) a.set("saturate", std::int64_t{0});
  constexpr const char* kModes[] = {"up", "down", "nearest"};
  if (bytes.once_in(4)) a.set("round_mode", word(bytes, kModes));
  return make_layer(op, std::move(a), {typed(shape, from, 0, from == DataType::boolean ? 1 : 100)});
}

Made shifted(ByteSource& bytes, Op op) {
  const Shape whole = any_shape(bytes);
  constexpr DataType kTypes[] = {DataType::u8, DataType::u32, DataType::u64};
  const DataType type = bytes.one_of(kTypes);
  return make_layer(
      op, with("direction", std::string(bytes.once_in(2) ? "LEFT" : "RIGHT")),
      {typed(whole, type, 0, 100), typed(narrowed(bytes, whole), type, 0, 9, bytes.once_in(3))});
}

// Integers of any width.
Made bitwise(ByteSource& bytes, Op op) {
  const Shape whole = any_shape(bytes);
  if (op == Op::bit_cast) {
    constexpr const char* kTargets[] = {"s32", "u32", "f32"};
    return make_layer(op, with("to", word(bytes, kTargets)), {input(whole)});
  }
  constexpr DataType kTypes[] = {DataType::u8, DataType::s32, DataType::u64, DataType::s4, DataType::u2};
  const DataType type = bytes.one_of(kTypes);
  std::vector<Operand> operands{typed(whole, type, 0, 3)};
  if (op != Op::bitwise_not) operands.push_back(typed(narrowed(bytes, whole), type, 0, 3, bytes.once_in(3)));
  return make_layer(op, {}, operands);
}

Made tested(ByteSource& bytes, Op op) {
  Attributes a;
  if (op == Op::is_inf) a.set("detect_negative", bytes.number(0, 1));
  return make_layer(op, std::move(a), {input(any_shape(bytes))});
}

}  // namespace

std::span<const LayerMaker> elementwise_layers() {
  static constexpr LayerMaker kMakers[] = {{Op::leaky_relu, unary},
                                           {Op::elu, unary},
                                           {Op::selu, unary},
                                           {Op::celu, unary},
                                           {Op::thresholded_relu, unary},
                                           {Op::sigmoid, unary},
                                           {Op::hard_sigmoid, unary},
                                           {Op::hard_swish, unary},
                                           {Op::swish, unary},
                                           {Op::tanh, unary},
                                           {Op::softplus, unary},
                                           {Op::softsign, unary},
                                           {Op::gelu, unary},
                                           {Op::gelu_tanh, unary},
                                           {Op::mish, unary},
                                           {Op::bitwise_and, bitwise},
                                           {Op::bitwise_or, bitwise},
                                           {Op::bitwise_xor, bitwise},
                                           {Op::bitwise_not, bitwise},
                                           {Op::bit_cast, bitwise},
                                           {Op::erf, unary},
                                           {Op::exp, unary},
                                           {Op::log, unary},
                                           {Op::sqrt, unary},
                                           {Op::reciprocal, unary},
                                           {Op::abs, unary},
                                           {Op::neg, unary},
                                           {Op::floor, unary},
                                           {Op::ceil, unary},
                                           {Op::round, unary},
                                           {Op::sign, unary},
                                           {Op::sin, unary},
                                           {Op::cos, unary},
                                           {Op::clamp, unary},
                                           {Op::tan, unary},
                                           {Op::asin, unary},
                                           {Op::acos, unary},
                                           {Op::atan, unary},
                                           {Op::sinh, unary},
                                           {Op::cosh, unary},
                                           {Op::asinh, unary},
                                           {Op::acosh, unary},
                                           {Op::atanh, unary},
                                           {Op::shrink, unary},
                                           {Op::prelu, binary},
                                           {Op::add, binary},
                                           {Op::sub, binary},
                                           {Op::mul, binary},
                                           {Op::div, binary},
                                           {Op::pow, binary},
                                           {Op::mod, binary},
                                           {Op::min, binary},
                                           {Op::max, binary},
                                           {Op::equal, binary},
                                           {Op::greater, binary},
                                           {Op::less, binary},
                                           {Op::greater_or_equal, binary},
                                           {Op::less_or_equal, binary},
                                           {Op::logical_and, binary},
                                           {Op::logical_or, binary},
                                           {Op::logical_xor, binary},
                                           {Op::where, chosen},
                                           {Op::cast, typed_unary},
                                           {Op::logical_not, typed_unary},
                                           {Op::bit_shift, shifted},
                                           {Op::is_nan, tested},
                                           {Op::is_inf, tested}};
  return kMakers;
}

}  // namespace fettle::fuzz

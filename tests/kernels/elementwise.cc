// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/layers.h"

#include <catch2/catch_test_macros.hpp>

namespace fettle::test {
namespace {

Shape any_shape(Random& random) {
  switch (random() % 6) {
    case 0:
      return {pick(random, 1, 200)};
    case 1:
      return {pick(random, 1, 9), pick(random, 1, 70)};
    case 2:
      return {pick(random, 1, 3), pick(random, 1, 20), pick(random, 1, 20)};
    case 3:  // rows of several vectors
      return {1, pick(random, 34, 150), pick(random, 1, 3), pick(random, 1, 70)};
    default:
      return {random() % 4 == 0 ? 2 : 1, pick(random, 1, 33), pick(random, 1, 9), pick(random, 1, 9)};
  }
}

// A shape that broadcasts to `shape`: some axes become 1, or leading ones fall away.
Shape narrowed(Random& random, const Shape& shape) {
  if (random() % 3 == 0) return shape;
  const int from = random() % 2 == 0 ? 0 : static_cast<int>(pick(random, 0, shape.rank()));
  Shape result;
  for (int axis = from; axis < shape.rank(); ++axis) result.push_back(random() % 2 == 0 ? 1 : shape[axis]);
  return result;
}

void visit_unary(Random& random, Op op, const Visit& visit) {
  const bool positive = op == Op::log || op == Op::sqrt || op == Op::reciprocal;
  Attributes a;
  if (op == Op::clamp) {
    a.set("min", -0.5f);
    a.set("max", 0.75f);
  }
  if (op == Op::shrink) {
    a.set("lambd", 1.5f);
    a.set("bias", 0.5f);
  }
  const bool clamped = op != Op::is_nan && op != Op::is_inf && random() % 4 == 0;
  const std::optional<Clamp> clamp = clamped ? std::optional<Clamp>({-0.25f, 0.5f}) : std::nullopt;
  const auto layer = make_layer(op, std::move(a), {input(any_shape(random), positive ? 0.1 : -8, 8)}, clamp);
  REQUIRE(layer);
  visit(*layer);
}

void visit_binary(Random& random, Op op, const Visit& visit) {
  const Shape whole = any_shape(random);
  const bool right = random() % 2 == 0 || op == Op::prelu;
  const double low = op == Op::pow ? 0.1 : op == Op::div ? 0.5 : -2;
  Operand a = input(right ? whole : narrowed(random, whole), low);
  Operand b = input(right ? narrowed(random, whole) : whole, low);
  if (random() % 3 == 0 || op == Op::prelu) b.constant = true;
  if (op == Op::logical_and || op == Op::logical_or || op == Op::logical_xor) {
    a = typed(a.shape, DataType::boolean, 0, 1);
    b = typed(b.shape, DataType::boolean, 0, 1, b.constant);
  } else if (random() % 8 == 0 && op != Op::prelu && op != Op::pow) {
    a = typed(a.shape, DataType::s64, 1, 9);
    b = typed(b.shape, DataType::s64, 1, 9, b.constant);
  }
  Attributes attributes;
  if (op == Op::mod && a.type == DataType::f32) attributes.set("fmod", std::int64_t{1});
  const bool arithmetic = op == Op::add || op == Op::sub || op == Op::mul;
  const std::optional<Clamp> clamp = arithmetic && a.type == DataType::f32 && random() % 4 == 0
                                         ? std::optional<Clamp>({0, 1})
                                         : std::nullopt;
  const auto layer = make_layer(op, std::move(attributes), {a, b}, clamp);
  REQUIRE(layer);
  visit(*layer);
}

// Pictures whose channels fill blocks, and operands with a number for each channel or one for all.
void visit_blocks(Random& random, const Visit& visit) {
  const Shape whole{random() % 4 == 0 ? 2 : 1, 16 * pick(random, 1, 3), pick(random, 1, 9),
                    pick(random, 1, 9)};
  for (Op op : {Op::sigmoid, Op::hard_sigmoid, Op::softplus, Op::exp, Op::reciprocal})
    visit(make_layer(op, {}, {input(whole, op == Op::reciprocal ? 0.1 : -8, 8)}).value());
  const Shape pixels{whole[0], whole[1], 1, 1};
  for (Op op : {Op::add, Op::sub, Op::mul, Op::div, Op::min, Op::max, Op::prelu}) {
    const Shape others[] = {whole, pixels, {1, whole[1], 1, 1}, {whole[1], 1, 1}, {1}};
    for (int i = 0; i < 2; ++i) {
      const Shape& shape = others[random() % std::size(others)];
      Operand other = input(shape, op == Op::div ? 0.5 : -2);
      other.constant = shape != whole && shape != pixels;
      visit(make_layer(op, {}, {input(whole), other}).value());
      if (op != Op::prelu) visit(make_layer(op, {}, {other, input(whole, op == Op::div ? 0.5 : -2)}).value());
    }
  }
}

}  // namespace

void visit_elementwise(Random& random, int count, const Visit& visit) {
  for (int i = 0; i < count; ++i) {
    for (Op op :
         {Op::clamp,      Op::leaky_relu,   Op::elu,        Op::selu,   Op::celu,     Op::thresholded_relu,
          Op::sigmoid,    Op::hard_sigmoid, Op::hard_swish, Op::swish,  Op::tanh,     Op::softplus,
          Op::softsign,   Op::gelu,         Op::erf,        Op::exp,    Op::log,      Op::sqrt,
          Op::reciprocal, Op::abs,          Op::neg,        Op::floor,  Op::ceil,     Op::round,
          Op::sign,       Op::sin,          Op::cos,        Op::is_nan, Op::is_inf,   Op::tan,
          Op::asin,       Op::acos,         Op::atan,       Op::sinh,   Op::cosh,     Op::asinh,
          Op::acosh,      Op::atanh,        Op::shrink,     Op::mish,   Op::gelu_tanh})
      visit_unary(random, op, visit);
    for (Op op : {Op::add, Op::sub, Op::mul, Op::div, Op::pow, Op::mod, Op::min, Op::max, Op::prelu,
                  Op::equal, Op::greater, Op::less, Op::greater_or_equal, Op::less_or_equal, Op::logical_and,
                  Op::logical_or, Op::logical_xor})
      visit_binary(random, op, visit);
    visit_blocks(random, visit);
    const Shape shape = any_shape(random);
    Attributes shift;
    shift.set("direction", std::string(random() % 2 == 0 ? "LEFT" : "RIGHT"));
    visit(make_layer(Op::bit_shift, std::move(shift),
                     {typed(shape, DataType::u8, 0, 255), typed(narrowed(random, shape), DataType::u8, 0, 9)})
              .value());
    for (const DataType type : {DataType::u8, DataType::s64, DataType::s4}) {
      const double low = type == DataType::s64 ? -300 : 0;
      for (Op op : {Op::bitwise_and, Op::bitwise_or, Op::bitwise_xor})
        visit_made(op, {}, {typed(shape, type, low, 7), typed(narrowed(random, shape), type, low, 7)}, visit);
      visit_made(Op::bitwise_not, {}, {typed(shape, type, low, 7)}, visit);
    }
    visit_made(Op::bit_cast, with("to", std::string("s32")), {input(shape)}, visit);
    visit(make_layer(Op::logical_not, {}, {typed(shape, DataType::boolean, 0, 1)}).value());
    visit(make_layer(Op::where, {},
                     {typed(shape, DataType::boolean, 0, 1), input(narrowed(random, shape)), input(shape)})
              .value());
    visit(make_layer(Op::relu, {}, {input(shape)}).value());
    for (DataType to : {DataType::s32, DataType::s64, DataType::boolean}) {
      Attributes a;
      a.set("to", std::string(to_string(to)));
      visit(make_layer(Op::cast, std::move(a), {input(shape, -9, 9)}).value());
    }
  }
}

}  // namespace fettle::test

// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/graphs/makers.h"

#include <utility>

namespace fettle::fuzz {
namespace {

ValueId arithmetic(GraphBuilder& g, ValueId x) {
  constexpr Op kOps[] = {Op::mul, Op::add, Op::sub, Op::div, Op::min, Op::max};
  const Op op = g.bytes().one_of(kOps);
  ValueId other = g.operand_beside(g.shape(x));
  if (other == kNoValue || !g.is_float(other)) return kNoValue;
  // Quotients by what may be 0 are not what rounding errors can be judged by.
  if (op == Op::div) return g.add(op, {x, g.constant(g.bytes().once_in(2) ? Shape{} : g.shape(x), 0.5f, 2)});
  return g.bytes().once_in(2) ? g.add(op, {other, x}) : g.add(op, {x, other});
}

ValueId unary(GraphBuilder& g, ValueId x) {
  constexpr Op kOps[] = {
      Op::sigmoid,      Op::tanh,  Op::leaky_relu, Op::elu,      Op::selu,    Op::celu, Op::hard_swish,
      Op::hard_sigmoid, Op::swish, Op::softplus,   Op::softsign, Op::gelu,    Op::erf,  Op::sin,
      Op::cos,          Op::abs,   Op::neg,        Op::identity, Op::dropout, Op::mish, Op::gelu_tanh};
  return g.add(g.bytes().one_of(kOps), {x});
}

ValueId bounded(GraphBuilder& g, ValueId x) {
  if (g.bytes().once_in(2)) return g.add(Op::relu, {x});
  const float low = static_cast<float>(g.bytes().number(-4, 4)) / 2;
  return g.add(Op::clamp,
               {x, g.scalar(low), g.scalar(low + static_cast<float>(g.bytes().number(0, 12)) / 2)});
}

ValueId reduced(GraphBuilder& g, ValueId x) {
  constexpr Op kOps[] = {Op::reduce_mean, Op::reduce_sum, Op::reduce_max, Op::reduce_l1};
  const int rank = g.shape(x).rank();
  if (rank == 0) return kNoValue;
  if (g.bytes().once_in(3)) return g.add(Op::softmax, {x}, with("axis", g.bytes().number(-1, rank - 1)));
  Attributes a = with("keepdims", g.bytes().number(0, 1));
  a.set("axes", Integers{g.bytes().number(-1, rank - 1)});
  return g.add(g.bytes().one_of(kOps), {x}, std::move(a));
}

ValueId compared(GraphBuilder& g, ValueId x) {
  const ValueId exact = g.any_exact();
  constexpr Op kJumping[] = {Op::floor, Op::round, Op::sign};
  if (g.bytes().once_in(3)) return g.add(g.bytes().one_of(kJumping), {exact});
  constexpr Op kOps[] = {Op::greater, Op::less, Op::equal};
  const ValueId condition = g.add(g.bytes().one_of(kOps), {exact, g.scalar(0.5f)});
  return g.add(Op::where, {condition, x, g.scalar(-1)});
}

// Where the largest are, and other numbers that jump, made real again.
ValueId counted(GraphBuilder& g, ValueId) {
  const ValueId x = g.any_exact();
  const int rank = g.shape(x).rank();
  if (rank == 0) return kNoValue;
  switch (g.bytes().number(0, 3)) {
    case 0: {
      Attributes a = with("axis", g.bytes().number(-1, rank - 1));
      a.set("keepdims", g.bytes().number(0, 1));
      return g.real(g.add(g.bytes().once_in(2) ? Op::arg_max : Op::arg_min, {x}, std::move(a)));
    }
    case 1:
      return g.add(Op::hardmax, {x}, with("axis", g.bytes().number(-1, rank - 1)));
    case 2:
      return g.real(g.add(Op::cast, {x}, with("to", std::string("s32"))));
    default:
      return g.real(g.add(Op::is_nan, {x}));
  }
}

}  // namespace

std::span<const GraphMaker> elementwise_makers() {
  static constexpr GraphMaker kMakers[] = {arithmetic, arithmetic, bounded, unary,
                                           compared,   reduced,    counted};
  return kMakers;
}

}  // namespace fettle::fuzz

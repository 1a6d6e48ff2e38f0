// SPDX-License-Identifier: Apache-2.0
//
// The entries of algorithms that do many operators alike.
#pragma once

#include "kernels/common/elementwise_binary.h"
#include "kernels/common/elementwise_unary.h"
#include "kernels/common/entry.h"
#include "kernels/common/in_blocks.h"

#include <array>
#include <cstddef>
#include <iterator>
#include <utility>

namespace fettle::kernels {

/// An entry for each of these operators: "<operator>.direct.f32.<instruction set>", or another algorithm's
/// name.
template <InstructionSet I, Algorithm A, const auto& set, const auto& ops, Text algorithm = ".direct.f32">
inline constexpr auto kElementwise = []<std::size_t... i>(std::index_sequence<i...>) {
  return std::array{kEntry<I, concatenated(kOpText<ops[i]>, algorithm), kPatternOf<ops[i]>, A, set>...};
}
(std::make_index_sequence<std::size(ops)>());

/// The entries in blocks of channels: "<operator>.blocks.f32.<instruction set>".
template <InstructionSet I, const auto& unary, const auto& binary>
inline constexpr auto kElementwiseBlocks =
    join(kElementwise<I, InBlocks<Unary>, unary, kUnaryOps, ".blocks.f32">,
         kElementwise<I, InBlocks<Binary>, binary, kBinaryOps, ".blocks.f32">);

/// Functions that are at least as fast as other back ends' by themselves; and those that stand behind them in
/// the table, where the tuner finds them.
inline constexpr Op kFastUnaryOps[] = {Op::clamp, Op::leaky_relu, Op::hard_sigmoid, Op::hard_swish,
                                       Op::swish, Op::erf,        Op::gelu,         Op::softplus,
                                       Op::exp,   Op::reciprocal, Op::abs,          Op::neg};
inline constexpr Op kOtherUnaryOps[] = {Op::elu, Op::sigmoid, Op::tanh, Op::sqrt};
static_assert(std::size(kFastUnaryOps) + std::size(kOtherUnaryOps) == kUnaryCount);

}  // namespace fettle::kernels

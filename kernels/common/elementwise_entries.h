// SPDX-License-Identifier: Apache-2.0
//
// The entries of algorithms that do many operators alike.
#pragma once

#include "kernels/common/elementwise_binary.h"
#include "kernels/common/elementwise_unary.h"
#include "kernels/common/entry.h"
#include "kernels/common/entry_name.h"
#include "kernels/common/in_blocks.h"

#include <array>
#include <cstddef>
#include <iterator>
#include <utility>

namespace fettle::kernels {

/// "<operator>.direct.f32.<instruction set>", or another algorithm's name.
template <typename Algorithm, const auto& set, Isa isa, Text isa_name, Op op, Text algorithm>
inline constexpr Kernel kElementwiseEntry = [] {
  constexpr std::string_view kName = EntryName<"", op, algorithm, isa_name>::kText;
  Kernel kernel = entry<Algorithm, set>(kName, isa, kPatternOf<op>);
  kernel.in_place = Algorithm::kInPlace;
  return kernel;
}();

/// An entry for each of these operators.
template <typename Algorithm, const auto& set, Isa isa, Text isa_name, const auto& ops,
          Text algorithm = ".direct.f32.">
inline constexpr auto kElementwiseEntries = []<std::size_t... i>(std::index_sequence<i...>) {
  return std::array{&kElementwiseEntry<Algorithm, set, isa, isa_name, ops[i], algorithm>...};
}
(std::make_index_sequence<std::size(ops)>());

/// The entries in blocks of channels: "<operator>.blocks.f32.<instruction set>".
template <const auto& unary, const auto& binary, Isa isa, Text isa_name>
inline constexpr auto kEntriesInBlocks =
    join(kElementwiseEntries<InBlocks<Unary>, unary, isa, isa_name, kUnaryOps, ".blocks.f32.">,
         kElementwiseEntries<InBlocks<Binary>, binary, isa, isa_name, kBinaryOps, ".blocks.f32.">);

/// Functions that are at least as fast as other back ends' by themselves; and those that stand behind them in
/// the table, where the tuner finds them.
inline constexpr Op kFastUnaryOps[] = {Op::clamp, Op::leaky_relu, Op::hard_sigmoid, Op::hard_swish,
                                       Op::swish, Op::erf,        Op::gelu,         Op::softplus,
                                       Op::exp,   Op::reciprocal, Op::abs,          Op::neg};
inline constexpr Op kOtherUnaryOps[] = {Op::elu, Op::sigmoid, Op::tanh, Op::sqrt};
static_assert(std::size(kFastUnaryOps) + std::size(kOtherUnaryOps) == kUnaryCount);

}  // namespace fettle::kernels

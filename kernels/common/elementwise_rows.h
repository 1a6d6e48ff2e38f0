// SPDX-License-Identifier: Apache-2.0
//
// The rows of algorithms that do many operators alike.
#pragma once

#include "kernels/common/elementwise_binary.h"
#include "kernels/common/elementwise_unary.h"
#include "kernels/common/in_blocks.h"
#include "kernels/common/row.h"
#include "kernels/common/row_name.h"

#include <array>
#include <cstddef>
#include <iterator>
#include <utility>

namespace fettle::kernels {

/// "<operator>.direct.f32.<instruction set>", or another algorithm's name.
template <typename Algorithm, const auto& set, Isa isa, Text isa_name, Op op, Text algorithm>
inline constexpr Kernel kElementwiseRow = [] {
  constexpr std::string_view kName = RowName<"", op, algorithm, isa_name>::kText;
  Kernel kernel = row<Algorithm, set>(kName, isa, kPatternOf<op>);
  kernel.in_place = Algorithm::kInPlace;
  return kernel;
}();

/// A row for each of these operators.
template <typename Algorithm, const auto& set, Isa isa, Text isa_name, const auto& ops,
          Text algorithm = ".direct.f32.">
inline constexpr auto kElementwiseRows = []<std::size_t... i>(std::index_sequence<i...>) {
  return std::array{&kElementwiseRow<Algorithm, set, isa, isa_name, ops[i], algorithm>...};
}
(std::make_index_sequence<std::size(ops)>());

/// The rows in blocks of channels: "<operator>.blocks.f32.<instruction set>".
template <const auto& unary, const auto& binary, Isa isa, Text isa_name>
inline constexpr auto kRowsInBlocks =
    join(kElementwiseRows<InBlocks<Unary>, unary, isa, isa_name, kUnaryOps, ".blocks.f32.">,
         kElementwiseRows<InBlocks<Binary>, binary, isa, isa_name, kBinaryOps, ".blocks.f32.">);

/// Functions that are at least as fast as other back ends' by themselves; and those that stand behind them in
/// the table, where the tuner finds them.
inline constexpr Op kFastUnaryOps[] = {Op::clamp, Op::leaky_relu, Op::hard_sigmoid, Op::hard_swish,
                                       Op::swish, Op::erf,        Op::gelu,         Op::softplus,
                                       Op::exp,   Op::reciprocal, Op::abs,          Op::neg};
inline constexpr Op kOtherUnaryOps[] = {Op::elu, Op::sigmoid, Op::tanh, Op::sqrt};
static_assert(std::size(kFastUnaryOps) + std::size(kOtherUnaryOps) == kUnaryCount);

}  // namespace fettle::kernels

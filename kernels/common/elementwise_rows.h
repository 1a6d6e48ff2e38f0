// SPDX-License-Identifier: Apache-2.0
//
// The rows of algorithms that do many operators alike.
#pragma once

#include "kernels/common/row.h"
#include "kernels/common/row_name.h"

#include <array>
#include <cstddef>
#include <iterator>
#include <utility>

namespace fettle::kernels {

/// "<operator>.direct.f32.<instruction set>".
template <typename Algorithm, const auto& set, Isa isa, Text isa_name, Op op>
inline constexpr Kernel kElementwiseRow = [] {
  constexpr std::string_view kName = RowName<"", op, ".direct.f32.", isa_name>::kText;
  Kernel kernel = plain_row<Algorithm, set>(kName, isa, kPatternOf<op>);
  kernel.in_place = Algorithm::kInPlace;
  return kernel;
}();

/// A row for each of the algorithm's operators.
template <typename Algorithm, const auto& set, Isa isa, Text isa_name>
inline constexpr auto kElementwiseRows = []<std::size_t... i>(std::index_sequence<i...>) {
  return std::array{&kElementwiseRow<Algorithm, set, isa, isa_name, Algorithm::kOps[i]>...};
}
(std::make_index_sequence<std::size(Algorithm::kOps)>());

}  // namespace fettle::kernels

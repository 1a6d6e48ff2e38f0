// SPDX-License-Identifier: Apache-2.0
//
// The epilogues of the algorithms here, as entries list them (Kernel::epilogues).
#pragma once

#include "kernels/common/entry_name.h"
#include "kernels/selection.h"

#include <fettle/op.h>

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

namespace fettle::kernels {

inline constexpr std::array<std::span<const Op>, 0> kNoEpilogue{};
/// A residual is added.
inline constexpr std::array<std::span<const Op>, 1> kResidual{kPatternOf<Op::add>};
/// The activations that networks have behind convolutions and dense layers, beside clamps, which are part of
/// the layer.
inline constexpr std::array<std::span<const Op>, 8> kActivation{
    kPatternOf<Op::hard_swish>, kPatternOf<Op::swish>, kPatternOf<Op::hard_sigmoid>, kPatternOf<Op::sigmoid>,
    kPatternOf<Op::leaky_relu>, kPatternOf<Op::elu>,   kPatternOf<Op::tanh>,         kPatternOf<Op::gelu>};
/// Either of them.
inline constexpr auto kResidualOrActivation = join(kResidual, kActivation);

/// Those that the build holds the kernel with.
template <const std::string_view& name, const auto& all>
inline constexpr auto kSelectedEpilogues = [] {
  constexpr auto is_there = [](std::span<const Op> epilogue) { return is_selected(name, epilogue); };
  std::array<std::span<const Op>, std::count_if(all.begin(), all.end(), is_there)> kept{};
  std::copy_if(all.begin(), all.end(), kept.begin(), is_there);
  return kept;
}();

}  // namespace fettle::kernels

// SPDX-License-Identifier: Apache-2.0
//
// The entries of regions: a convolution or dense layer, and an activation of its result.
#pragma once

#include "kernels/common/blocked.h"
#include "kernels/common/elementwise_unary.h"
#include "kernels/common/entry.h"
#include "kernels/common/entry_name.h"

#include <array>
#include <cstddef>
#include <iterator>
#include <string_view>
#include <utility>

namespace fettle::kernels {

/// The activations that networks have behind such layers, beside clamps, which are part of the layer.
inline constexpr Op kActivations[] = {Op::hard_swish, Op::swish, Op::hard_sigmoid, Op::sigmoid,
                                      Op::leaky_relu, Op::elu,   Op::tanh,         Op::gelu};

template <Op first, Op op>
inline constexpr Op kRegionOf[] = {first, op};

/// "<name><activation>.f32.<instruction set>". `Algorithm` has a `bind` that takes a UnaryFunction.
template <typename Algorithm, const auto& set, const UnarySet& functions, Isa isa, Text name, Text isa_name,
          int rounding, Op first, Op op>
inline constexpr Kernel kActivatedEntry = [] {
  constexpr std::string_view kName = EntryName<name, op, ".f32.", isa_name>::kText;
  Kernel kernel = entry<Algorithm, set>(kName, isa, kRegionOf<first, op>);
  kernel.rounding = rounding;
  kernel.supports = [](const LayerDesc& layer, const Cpu&) {
    const Refusal refusal = supports<Algorithm, set>(layer);
    if (refusal != Refusal::none || layer.outputs[0].format.layout != Layout::nchwc) return refusal;
    return keeps_padding(layer) ? Refusal::none : Refusal::shape;
  };
  kernel.bind = [](const BindArgs& args) {
    return Algorithm::bind(set, args, UnaryFunction(functions, args.layer.parts[1]));
  };
  return if_selected(kernel);
}();

/// An entry for each activation; `rounding` is that of the layer before it.
template <typename Algorithm, const auto& set, const UnarySet& functions, Isa isa, Text name, Text isa_name,
          int rounding = 1, Op first = Op::conv>
inline constexpr auto kActivatedEntries = []<std::size_t... i>(std::index_sequence<i...>) {
  return std::array{
      &kActivatedEntry<Algorithm, set, functions, isa, name, isa_name, rounding, first, kActivations[i]>...};
}
(std::make_index_sequence<std::size(kActivations)>());

}  // namespace fettle::kernels

// SPDX-License-Identifier: Apache-2.0
#include "lib/model/folding.h"

#include "kernels/reference/evaluate.h"
#include "lib/runtime/subnormals.h"

namespace fettle::runtime {

namespace {

template <bool keep_subnormals>
Result<std::string_view> evaluate(const LayerDesc& layer, std::span<const ConstantBytes> inputs,
                                  std::span<const std::span<std::byte>> outputs) {
  const FloatScope scope(mode_of(layer, keep_subnormals));
  return kernels::evaluate_reference(layer, inputs, outputs);
}

}  // namespace

graph::Evaluator evaluator(bool keep_subnormals) noexcept {
  return keep_subnormals ? evaluate<true> : evaluate<false>;
}

}  // namespace fettle::runtime

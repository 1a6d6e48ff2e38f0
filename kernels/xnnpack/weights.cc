// SPDX-License-Identifier: Apache-2.0
#include "kernels/xnnpack/weights.h"

#include "lib/base/quantise.h"

namespace fettle::kernels::xnnpack {

Status gather_weights(const LayerDesc& layer, std::size_t outputs, std::span<const ConstantBytes> constants,
                      Weights& weights) noexcept {
  if (!constants.empty()) {
    weights.values = constants[input_index(layer, 1)].data();
    if (layer.operand(2) != nullptr) weights.bias = constants[input_index(layer, 2)].data();
  }
  if (layer.operand(1)->format.type != DataType::s8) return {};
  weights.scales = weight_scales(layer, outputs, constants);
  return weights.scales != nullptr ? Status{} : out_of_memory();
}

std::byte* reorder_into(Weights& weights, std::size_t bytes) noexcept {
  weights.reordered.reset(new (std::nothrow) std::byte[bytes]);
  weights.values = weights.reordered.get();
  return weights.reordered.get();
}

}  // namespace fettle::kernels::xnnpack

// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/conv_pair.h"

#include <algorithm>

namespace fettle::kernels {

std::size_t second_operands(const LayerDesc& region) { return region.main().operands.size() - 1; }

bool is_conv_chain(const LayerDesc& region) {
  if (region.parts.size() < 2 || region.inner.size() + 1 != region.parts.size()) return false;
  if (region.main().operands.empty() || region.outputs.size() != 1) return false;
  for (std::size_t part = 1; part < region.parts.size(); ++part) {
    const std::vector<int>& operands = region.parts[part].operands;
    const int before = result_of_part(static_cast<int>(part) - 1);
    if (std::count(operands.begin(), operands.end(), before) != 1) return false;
    for (const int operand : operands) {
      const bool own = operand > static_cast<int>(second_operands(region)) &&
                       operand < static_cast<int>(region.inputs.size());
      if (!own && operand != before) return false;
    }
  }
  return region.parts[1].operands.front() == result_of_part(0);
}

ConvPair::ConvPair(const LayerDesc& region) {
  TensorDesc between = region.inner.front();
  between.format.layout = Layout::nhwc;
  between.strides = dense_strides(between.shape, between.format);
  const auto behind = static_cast<std::ptrdiff_t>(second_operands(region)) + 1;
  first.parts = {region.parts.front()};
  first.inputs.assign(region.inputs.begin(), region.inputs.begin() + behind);
  first.outputs = {between};
  second.parts.assign(region.parts.begin() + 1, region.parts.end());
  second.inputs = {between};
  second.inputs.insert(second.inputs.end(), region.inputs.begin() + behind, region.inputs.end());
  second.inner.assign(region.inner.begin() + 1, region.inner.end());
  second.outputs = region.outputs;
  for (LayerPart& part : second.parts) {
    for (int& operand : part.operands) {
      if (operand == result_of_part(0))
        operand = 0;
      else if (part_of_operand(operand) > 0)
        operand = result_of_part(part_of_operand(operand) - 1);
      else
        operand -= static_cast<int>(behind) - 1;
    }
  }
}

}  // namespace fettle::kernels

// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/integer_product.h"

#include "kernels/common/uniform.h"
#include "lib/base/quantise.h"

#include <algorithm>

namespace fettle::kernels {

Refusal check_product_operands(const LayerDesc& layer, std::int64_t outputs) {
  const std::vector<int>& operands = layer.main().operands;
  const std::size_t count = layer.inputs.size();
  if (layer.parts.size() != 1 || layer.outputs.size() != 1 || operands.size() != count || count < 3 ||
      count > 4)
    return Refusal::op;
  for (std::size_t i = 0; i < count; ++i) {
    if (operands[i] != static_cast<int>(i)) return Refusal::op;
    if (layer.inputs[i].constant != (i > 0)) return i > 0 ? Refusal::not_constant : Refusal::constant;
    if (i > 1 && layer.inputs[i].shape.elements() != outputs) return Refusal::shape;
  }
  return layer.inputs[1].shape.elements() / outputs <= kMaxQuantisedDepth ? Refusal::none
                                                                          : Refusal::too_large;
}

bool fits_layout(const TensorDesc& tensor, Layout layout) noexcept {
  return tensor.constant || tensor.shape.rank() < 3 || tensor.format.layout == layout;
}

bool is_quantised(const TensorDesc& tensor) noexcept {
  return is_quantised_type(tensor.format.type) && is_valid_scale(tensor.format.scale);
}

Refusal check_q8_product(const LayerDesc& layer, std::int64_t outputs) {
  if (const Refusal no = check_product_operands(layer, outputs); no != Refusal::none) return no;
  const TensorDesc& x = layer.inputs[0];
  const TensorDesc& y = layer.outputs.front();
  if (!is_quantised(x) || !is_quantised(layer.inputs[1]) || !is_quantised(y)) return Refusal::data_type;
  if (x.format.type != layer.inputs[1].format.type || layer.inputs[2].format.type != DataType::s32 ||
      (layer.inputs.size() > 3 && layer.inputs[3].format.type != DataType::f32))
    return Refusal::data_type;
  const Layout layout = layout_of(layer);
  const bool fits = layout != Layout::nchwc && fits_layout(x, layout) && fits_layout(y, layout);
  return fits ? Refusal::none : Refusal::layout;
}

float multiplier_of(const LayerDesc& layer, std::span<const ConstantBytes> constants,
                    std::int64_t output) noexcept {
  const float weight = layer.inputs.size() > 3 ? reinterpret_cast<const float*>(constants[3].data())[output]
                                               : layer.inputs[1].format.scale;
  return product_multiplier(layer.inputs[0].format.scale, weight, layer.outputs.front().format.scale);
}

Refusal check_dynamic_product(const LayerDesc& layer, std::int64_t outputs) {
  if (const Refusal no = check_product_operands(layer, outputs); no != Refusal::none) return no;
  if (data_type_from_string(layer.main().attributes.string("dynamic_type")) != DataType::u8)
    return Refusal::attribute;
  const auto real = [](const TensorDesc& tensor) {
    return tensor.format.type == DataType::f32 && tensor.format.scale == 0;
  };
  const Format& weight = layer.inputs[1].format;
  if (!real(layer.inputs[0]) || !real(layer.outputs.front()) || !is_quantised_type(weight.type) ||
      !is_valid_scale(weight.scale))
    return Refusal::data_type;
  const bool reals = std::all_of(layer.inputs.begin() + 2, layer.inputs.end(), real);
  return reals ? Refusal::none : Refusal::data_type;
}

}  // namespace fettle::kernels

// SPDX-License-Identifier: Apache-2.0
#include "kernels/portable/quantised.h"

#include "kernels/common/integer_product.h"
#include "kernels/portable/portable.h"

namespace fettle::kernels::portable {

bool fits_layout(const TensorDesc& tensor, Layout layout) noexcept {
  return tensor.constant || tensor.shape.rank() < 3 || tensor.format.layout == layout;
}

bool is_quantised(const TensorDesc& tensor) noexcept {
  return is_quantised_type(tensor.format.type) && is_valid_scale(tensor.format.scale);
}

Target target_of(const LayerDesc& layer) noexcept {
  return {layer.parts.back().clamp, layer.outputs.front().format};
}

Refusal uniform_q8(const LayerDesc& layer) {
  const Layout layout = layout_of(layer);
  if (layout == Layout::nchwc) return Refusal::layout;
  for (const auto* list : {&layer.inputs, &layer.outputs}) {
    for (const TensorDesc& tensor : *list) {
      if (!is_quantised(tensor)) return Refusal::data_type;
      if (!fits_layout(tensor, layout)) return Refusal::layout;
    }
  }
  return Refusal::none;
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

}  // namespace fettle::kernels::portable

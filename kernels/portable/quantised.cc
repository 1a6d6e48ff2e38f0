// SPDX-License-Identifier: Apache-2.0
#include "kernels/portable/quantised.h"

#include "kernels/portable/portable.h"

namespace fettle::kernels::portable {

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

}  // namespace fettle::kernels::portable

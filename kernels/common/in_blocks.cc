// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/in_blocks.h"

#include "kernels/common/blocked.h"

namespace fettle::kernels {

namespace {

// A number for each channel of the result, in whole blocks: they lie as a pixel does.
bool is_pixel(const TensorDesc& constant, const TensorDesc& y) noexcept {
  const Shape& shape = constant.shape;
  const int axis = shape.rank() - (y.shape.rank() - 1);
  return y.shape[0] == 1 && y.shape[1] % y.format.block == 0 && axis >= 0 && shape.elements() == y.shape[1] &&
         shape[axis] == y.shape[1];
}

}  // namespace

Refusal check_in_blocks(const LayerDesc& layer) noexcept {
  const TensorDesc& y = layer.outputs.front();
  if (const Refusal refusal = check_blocked_f32(layer, y.format.block); refusal != Refusal::none)
    return refusal;
  for (const TensorDesc& x : layer.inputs) {
    const bool fits = x.constant ? x.shape.elements() == 1 || is_pixel(x, y)
                                 : x.shape.rank() == y.shape.rank() && x.shape[1] == y.shape[1];
    if (!fits) return Refusal::shape;
  }
  return keeps_padding(layer) ? Refusal::none : Refusal::shape;
}

LayerDesc pictures_of_blocks(const LayerDesc& layer) {
  LayerDesc pictures = layer;
  const TensorDesc& y = layer.outputs.front();
  for (TensorDesc& tensor : pictures.inputs) {
    if (!tensor.constant || tensor.shape.elements() == 1) continue;
    Shape pixel{blocks_of(y), y.format.block};
    while (pixel.rank() < y.shape.rank()) pixel.push_back(1);
    tensor.shape = pixel;
    tensor.strides = dense_strides(tensor.shape, tensor.format);
  }
  for (auto* list : {&pictures.inputs, &pictures.outputs}) {
    for (TensorDesc& tensor : *list) {
      if (tensor.format.layout != Layout::nchwc) continue;
      const int block = tensor.format.block;
      tensor.shape[0] *= blocks_of(tensor);
      tensor.shape[1] = block;
      tensor.format.layout = Layout::nhwc;
      tensor.format.block = 0;
      tensor.strides = dense_strides(tensor.shape, tensor.format);
    }
  }
  return pictures;
}

}  // namespace fettle::kernels

// SPDX-License-Identifier: Apache-2.0
#include "kernels/portable/conv_shape.h"

#include "kernels/portable/portable.h"

#include <array>

namespace fettle::kernels::portable {

ConvShape::ConvShape(const LayerDesc& layer) {
  const Attributes& a = layer.main().attributes;
  const Shape& x = layer.inputs[0].shape;
  const Shape& w = layer.inputs[1].shape;
  const Shape& y = layer.parts.size() > 1 ? layer.inner.front().shape : layer.outputs.front().shape;
  const auto strides = a.integers("strides");
  const auto dilations = a.integers("dilations");
  const auto pads = a.integers("pads");
  batch = x[0], in_channels = x[1], in_h = x[2], in_w = x[3];
  out_channels = y[1], out_h = y[2], out_w = y[3];
  kernel_h = w[2], kernel_w = w[3];
  stride_h = strides[0], stride_w = strides[1];
  dilation_h = dilations[0], dilation_w = dilations[1];
  pad_top = pads[0], pad_left = pads[1];
  groups = a.integer("group", 1);
  in_per_group = in_channels / groups;
  out_per_group = out_channels / groups;
  biased = layer.main().operands.size() > 2;
}

Refusal check_conv(const LayerDesc& layer) {
  if (layer.inputs[0].shape.rank() != 4) return Refusal::rank;
  if (layer.inputs[0].constant) return Refusal::constant;
  if (!layer.inputs[1].constant || (layer.main().operands.size() > 2 && !layer.inputs[2].constant))
    return Refusal::not_constant;
  for (const TensorDesc& tensor : layer.inputs) {
    if (tensor.shape.elements() == 0) return Refusal::shape;
  }
  return layer.outputs.front().shape.elements() > 0 ? Refusal::none : Refusal::shape;
}

std::span<const Kernel* const> convolution_rows() noexcept {
  static const std::array<const Kernel*, 3> rows{&depthwise_row(), &conv_row(), &conv_add_row()};
  return rows;
}

}  // namespace fettle::kernels::portable

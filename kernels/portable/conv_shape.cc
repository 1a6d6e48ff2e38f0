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

namespace {

// What ConvShape reads is there, and its numbers belong together.
bool consistent(const LayerDesc& layer) {
  const Attributes& a = layer.main().attributes;
  if (a.integers("strides").size() != 2 || a.integers("dilations").size() != 2 ||
      a.integers("pads").size() != 4)
    return false;
  for (const std::int64_t step : a.integers("strides")) {
    if (step < 1) return false;
  }
  for (const std::int64_t step : a.integers("dilations")) {
    if (step < 1) return false;
  }
  const Shape& x = layer.inputs[0].shape;
  const Shape& w = layer.inputs[1].shape;
  const Shape& y = layer.parts.size() > 1 ? layer.inner.front().shape : layer.outputs.front().shape;
  const std::int64_t groups = a.integer("group", 1);
  return groups >= 1 && w.rank() == 4 && y.rank() == 4 && y[0] == x[0] && y[1] == w[0] &&
         w[0] % groups == 0 && x[1] % groups == 0 && w[1] == x[1] / groups;
}

}  // namespace

void valid_range(const ConvShape& s, std::int64_t kx, std::int64_t& first, std::int64_t& last) {
  const std::int64_t shift = kx * s.dilation_w - s.pad_left;
  first = shift >= 0 ? 0 : (-shift + s.stride_w - 1) / s.stride_w;
  last = s.in_w - 1 < shift ? 0 : std::min(s.out_w, (s.in_w - 1 - shift) / s.stride_w + 1);
  first = std::min(first, last);
}

Refusal check_conv(const LayerDesc& layer, std::size_t most_operands) {
  const std::vector<int>& operands = layer.main().operands;
  const std::size_t own = layer.inputs.size() - (layer.parts.size() > 1 ? 1 : 0);
  if (operands.size() < 2 || operands.size() > most_operands || layer.inputs.size() < operands.size() ||
      operands.size() != own || layer.outputs.empty() || layer.inner.size() + 1 != layer.parts.size())
    return Refusal::op;
  if (layer.inputs[0].shape.rank() != 4) return Refusal::rank;
  if (layer.inputs[0].constant) return Refusal::constant;
  const bool biased = operands.size() > 2;
  if (!layer.inputs[1].constant || (biased && !layer.inputs[2].constant)) return Refusal::not_constant;
  for (const TensorDesc& tensor : layer.inputs) {
    if (tensor.shape.elements() <= 0) return Refusal::shape;
  }
  if (layer.outputs.front().shape.elements() <= 0 || !consistent(layer)) return Refusal::shape;
  return !biased || layer.inputs[2].shape.elements() == layer.inputs[1].shape[0] ? Refusal::none
                                                                                 : Refusal::shape;
}

std::span<const Kernel* const> convolution_rows() noexcept {
  static const std::array<const Kernel*, 3> rows{&depthwise_row(), &conv_row(), &conv_add_row()};
  return rows;
}

}  // namespace fettle::kernels::portable

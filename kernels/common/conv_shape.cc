// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/conv_shape.h"

#include <algorithm>

namespace fettle::kernels {

namespace {

// The part of a region that the rest adds to, or the layer's only result.
const TensorDesc& result_of_conv(const LayerDesc& layer) {
  return layer.parts.size() > 1 ? layer.inner.front() : layer.outputs.front();
}

// Sounds (rank 3) are pictures of height 1.
std::int64_t height(const Shape& shape) { return shape.rank() == 4 ? shape[2] : 1; }
std::int64_t width(const Shape& shape) { return shape[shape.rank() - 1]; }

}  // namespace

ConvShape::ConvShape(const LayerDesc& layer) {
  const Attributes& a = layer.main().attributes;
  const Shape& x = layer.inputs[0].shape;
  const Shape& w = layer.inputs[1].shape;
  const Shape& y = result_of_conv(layer).shape;
  const auto strides = a.integers("strides");
  const auto dilations = a.integers("dilations");
  const auto pads = a.integers("pads");
  const bool flat = x.rank() == 3;
  batch = x[0], in_channels = x[1], in_h = height(x), in_w = width(x);
  out_channels = y[1], out_h = height(y), out_w = width(y);
  kernel_h = height(w), kernel_w = width(w);
  stride_h = flat ? 1 : strides[0], stride_w = strides.back();
  dilation_h = flat ? 1 : dilations[0], dilation_w = dilations.back();
  pad_top = flat ? 0 : pads[0], pad_left = pads[flat ? 0 : 1];
  groups = a.integer("group", 1);
  in_per_group = in_channels / groups;
  out_per_group = out_channels / groups;
  biased = layer.main().operands.size() > 2;
}

bool ConvShape::pointwise() const {
  return kernel_h == 1 && kernel_w == 1 && stride_h == 1 && stride_w == 1 && pad_top == 0 && pad_left == 0 &&
         out_h == in_h && out_w == in_w;
}

bool consistent_conv(const LayerDesc& layer) noexcept {
  const Attributes& a = layer.main().attributes;
  const Shape& x = layer.inputs[0].shape;
  const auto spatial = static_cast<std::size_t>(x.rank() - 2);
  if (a.integers("strides").size() != spatial || a.integers("dilations").size() != spatial ||
      a.integers("pads").size() != 2 * spatial)
    return false;
  for (const std::int64_t step : a.integers("strides")) {
    if (step < 1) return false;
  }
  for (const std::int64_t step : a.integers("dilations")) {
    if (step < 1) return false;
  }
  const Shape& w = layer.inputs[1].shape;
  const Shape& y = result_of_conv(layer).shape;
  const std::int64_t groups = a.integer("group", 1);
  if (groups < 1 || w.rank() != x.rank() || y.rank() != x.rank() || y[0] != x[0]) return false;
  // A convolution's weights have all output channels outside; a transposed one's all input channels.
  const bool transposed = layer.main().op == Op::conv_transpose;
  const std::int64_t outside = transposed ? x[1] : y[1];
  const std::int64_t inside = transposed ? y[1] : x[1];
  return w[0] == outside && outside % groups == 0 && inside % groups == 0 && w[1] == inside / groups;
}

void valid_range(const ConvShape& s, std::int64_t kx, std::int64_t& first, std::int64_t& last) {
  const std::int64_t shift = kx * s.dilation_w - s.pad_left;
  first = shift >= 0 ? 0 : (-shift + s.stride_w - 1) / s.stride_w;
  last = s.in_w - 1 < shift ? 0 : std::min(s.out_w, (s.in_w - 1 - shift) / s.stride_w + 1);
  first = std::min(first, last);
}

Refusal check_conv(const LayerDesc& layer, std::size_t most_operands) {
  const std::vector<int>& operands = layer.main().operands;
  // In a region an addition brings an input of its own.
  const bool adds = layer.parts.size() > 1 && layer.parts[1].op == Op::add;
  const std::size_t own = layer.inputs.size() - (adds ? 1 : 0);
  if (operands.size() < 2 || operands.size() > most_operands || layer.inputs.size() < operands.size() ||
      operands.size() != own || layer.outputs.empty() || layer.inner.size() + 1 != layer.parts.size())
    return Refusal::op;
  if (layer.inputs[0].shape.rank() != 4 && layer.inputs[0].shape.rank() != 3) return Refusal::rank;
  if (layer.inputs[0].constant) return Refusal::constant;
  const bool biased = operands.size() > 2;
  if (!layer.inputs[1].constant || (biased && !layer.inputs[2].constant)) return Refusal::not_constant;
  for (const TensorDesc& tensor : layer.inputs) {
    if (tensor.shape.elements() <= 0) return Refusal::shape;
  }
  if (layer.outputs.front().shape.elements() <= 0 || !consistent_conv(layer)) return Refusal::shape;
  return !biased || layer.inputs[2].shape.elements() == result_of_conv(layer).shape[1] ? Refusal::none
                                                                                       : Refusal::shape;
}

}  // namespace fettle::kernels

// SPDX-License-Identifier: Apache-2.0
//
// Reading convolutions of any type.
#include "kernels/xnnpack/convolution.h"

#include "kernels/xnnpack/operator.h"

namespace fettle::kernels::xnnpack {

Refusal read_operands(const LayerDesc& layer, Convolution& c, DataType type, DataType bias_type) noexcept {
  const TensorDesc& x = *layer.operand(0);
  const TensorDesc& weights = *layer.operand(1);
  const TensorDesc* bias = layer.operand(2);
  if (x.constant) return Refusal::constant;
  if (!weights.constant || (bias != nullptr && !bias->constant)) return Refusal::not_constant;
  if (weights.format.type != type || (bias != nullptr && bias->format.type != bias_type)) {
    return Refusal::data_type;
  }
  if (Refusal no = read_pixels(x, c.input, type); no != Refusal::none) return no;
  if (Refusal no = read_pixels(layer.outputs[0], c.output, type); no != Refusal::none) return no;
  const int rank = x.shape.rank();
  if (weights.shape.rank() != rank || layer.outputs[0].shape.rank() != rank) return Refusal::rank;
  if (Refusal no = read_window(layer.main().attributes, rank - 2, c.window); no != Refusal::none) return no;
  const Window& w = c.window;
  if (weights.shape[rank - 1] != w.kernel_width || (rank == 4 && weights.shape[2] != w.kernel_height)) {
    return Refusal::kernel_size;
  }
  if (weights.shape[0] > kMaxExtent || weights.shape[1] > kMaxExtent) return Refusal::too_large;
  return c.input.batch == c.output.batch ? Refusal::none : Refusal::shape;
}

Refusal read_convolution(const LayerDesc& layer, Convolution& c, DataType type, DataType bias_type) noexcept {
  if (Refusal no = read_operands(layer, c, type, bias_type); no != Refusal::none) return no;
  const TensorDesc& weights = *layer.operand(1);
  const TensorDesc* bias = layer.operand(2);
  const Window& w = c.window;
  const std::int64_t groups = layer.main().attributes.integer("group", 1);
  if (groups < 1 || groups > kMaxExtent || weights.shape[0] < 1 || weights.shape[0] % groups != 0 ||
      weights.shape[1] < 1 || weights.shape[1] * groups != static_cast<std::int64_t>(c.input.channels) ||
      weights.shape[0] != static_cast<std::int64_t>(c.output.channels)) {
    return Refusal::groups;
  }
  c.groups = static_cast<std::size_t>(groups);
  c.group_inputs = static_cast<std::size_t>(weights.shape[1]);
  c.group_outputs = static_cast<std::size_t>(weights.shape[0] / groups);
  if (bias != nullptr && bias->shape.elements() != weights.shape[0]) return Refusal::shape;

  const std::int64_t room_y = static_cast<std::int64_t>(c.input.height) + w.top + w.bottom - w.span_height();
  const std::int64_t room_x = static_cast<std::int64_t>(c.input.width) + w.left + w.right - w.span_width();
  if (room_y < 0 || room_x < 0) return Refusal::shape;
  if (room_y / w.stride_height + 1 != static_cast<std::int64_t>(c.output.height) ||
      room_x / w.stride_width + 1 != static_cast<std::int64_t>(c.output.width)) {
    return Refusal::shape;
  }
  // Packed weights, with both channels rounded up to a tile; and the table of a pointer for each tap of each
  // pixel.
  const auto taps = static_cast<std::int64_t>(c.taps());
  if (!fits_memory({groups, static_cast<std::int64_t>(c.group_outputs) + 64,
                    static_cast<std::int64_t>(c.group_inputs) + 16, taps}) ||
      !fits_memory({static_cast<std::int64_t>(c.output.height) + 16,
                    static_cast<std::int64_t>(c.output.width) + 16, taps})) {
    return Refusal::too_large;
  }
  return clamp_is_valid(layer) ? Refusal::none : Refusal::clamp;
}

std::size_t Convolution::workspace_bytes(int threads) const noexcept {
  return is_one_by_one() ? passes_workspace(taps(), groups, output, threads, 1) : 0;
}

}  // namespace fettle::kernels::xnnpack

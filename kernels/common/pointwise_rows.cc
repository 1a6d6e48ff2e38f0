// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/pointwise_rows.h"

#include "kernels/common/blocking.h"
#include "kernels/common/nhwc.h"

#include <algorithm>

namespace fettle::kernels {
namespace {

Panels panels_of_pointwise(const TileSet& tiles, const ConvShape& s) {
  return {tiles, s.out_channels, s.in_channels};
}

}  // namespace

PointwiseRows::PointwiseRows(const TileSet& tiles, const LayerDesc& layer, std::span<const std::byte> packed)
    : tiles_(tiles),
      shape_(layer),
      panels_(panels_of_pointwise(tiles, shape_)),
      epilogue_(layer),
      output_pitch_(pixel_pitch(layer.outputs[0])),
      common_(conv_tile(1, shape_.in_channels, epilogue_, output_pitch_)),
      weights_(PackedProducts(panels_).weights(reinterpret_cast<const float*>(packed.data()))) {}

void PointwiseRows::compute(const float* input, std::int64_t input_pitch, std::int64_t first,
                            std::int64_t last, float* output, const float* residual) const noexcept {
  const std::int64_t pixels = last - first;
  if (pixels == 0) return;
  const Blocking blocks(tiles_, panels_, pixels, pixels * shape_.in_channels, 1);
  blocks.for_each(0, blocks.count(), [&](std::int64_t, const Block& block) {
    const std::int64_t pixel = first + block.first_row;
    Tile tile = common_;
    tile.output = output + pixel * output_pitch_;
    if (residual != nullptr) tile.residual = residual + pixel * epilogue_.residual_pitch;
    multiply_rows(tiles_, panels_, weights_, block, input, input_pitch, tile, {});
  });
}

Refusal PointwiseRows::supports(const LayerDesc& layer) noexcept {
  if (const Refusal refusal = check_nhwc_conv(layer); refusal != Refusal::none) return refusal;
  const ConvShape s(layer);
  if (s.groups != 1) return Refusal::groups;
  return s.pointwise() ? Refusal::none : Refusal::kernel_size;
}

std::size_t PointwiseRows::packed_bytes(const TileSet& tiles, const LayerDesc& layer) {
  constexpr std::size_t kLine = 64;
  const std::int64_t floats = PackedProducts(panels_of_pointwise(tiles, ConvShape(layer))).floats();
  return (static_cast<std::size_t>(floats) * sizeof(float) + kLine - 1) / kLine * kLine;
}

void PointwiseRows::pack(const TileSet& tiles, const LayerDesc& layer,
                         std::span<const ConstantBytes> constants, std::span<std::byte> packed) noexcept {
  const ConvShape s(layer);
  const Panels panels = panels_of_pointwise(tiles, s);
  const PackedProducts products(panels);
  const std::span<std::byte> own = packed.first(packed_bytes(tiles, layer));
  const auto* weights = reinterpret_cast<const float*>(constants[1].data());
  const auto* bias = s.biased ? reinterpret_cast<const float*>(constants[2].data()) : nullptr;
  auto* target = reinterpret_cast<float*>(own.data());
  pack_panels(panels, weights, s.in_channels, 1, products.panels(target));
  pack_columns(panels, bias, products.bias(target));
  std::ranges::fill(own.subspan(static_cast<std::size_t>(products.floats()) * sizeof(float)), std::byte{});
}

}  // namespace fettle::kernels

// SPDX-License-Identifier: Apache-2.0
//
// Convolution of tensors with few channels, above all a network's first layer, from nchw or nhwc to nhwc.
// The input rows that an output row needs are copied with their padding, and are so short that they stay in
// the L1 cache. In such a row everything under a window lies together: the window's columns in nchw, its
// columns times channels in nhwc. So the product sums over a few long runs, where an indirect convolution
// sums over many of as many numbers as there are channels. Nothing is converted before: pictures are read as
// they come.
#pragma once

#include "kernels/common/nhwc.h"
#include "kernels/common/tile.h"

#include <fettle/kernel.h>

#include <memory>
#include <span>
#include <string_view>

namespace fettle::kernels {

inline constexpr LayoutPair kToNhwc[] = {{Layout::nchw, Layout::nhwc}, {Layout::nhwc, Layout::nhwc}};

Refusal padded_rows_supports(const LayerDesc& layer) noexcept;
std::size_t padded_rows_workspace(const LayerDesc& layer, int threads);
Result<std::size_t> padded_rows_packed_bytes(const TileSet& tiles, const LayerDesc& layer);
Status padded_rows_pack(const TileSet& tiles, const LayerDesc& layer,
                        std::span<const ConstantBytes> constants, std::span<std::byte> packed);
Result<std::unique_ptr<BoundKernel>> padded_rows_bind(const TileSet& tiles, const BindArgs& args);

/// The row of an instruction set.
template <const TileSet& tiles>
constexpr Kernel padded_rows_row(std::string_view name, Isa isa, std::span<const Op> pattern) {
  Kernel kernel{};
  kernel.name = name;
  kernel.revision = 1;
  kernel.pattern = pattern;
  kernel.isa = isa;
  kernel.type = DataType::f32;
  kernel.layouts = kToNhwc;
  kernel.output_striding = Striding::pixels;
  kernel.threaded = true;
  kernel.supports = [](const LayerDesc& layer, const Cpu&) { return padded_rows_supports(layer); };
  kernel.workspace_bytes = padded_rows_workspace;
  kernel.packed_bytes = [](const LayerDesc& layer, std::span<const ConstantBytes>) {
    return padded_rows_packed_bytes(tiles, layer);
  };
  kernel.packed_for_any_size = true;
  kernel.pack = [](const LayerDesc& layer, std::span<const ConstantBytes> constants,
                   std::span<std::byte> packed) { return padded_rows_pack(tiles, layer, constants, packed); };
  kernel.bind = [](const BindArgs& args) { return padded_rows_bind(tiles, args); };
  return kernel;
}

}  // namespace fettle::kernels

// SPDX-License-Identifier: Apache-2.0
//
// Dense layers (Gemm with constant weights): rows of the input times panels of the weights. With one row, the
// usual case, all time goes into reading the weights, which lie in the order in which they are read.
#pragma once

#include "kernels/common/tile.h"

#include <fettle/kernel.h>

#include <memory>
#include <span>
#include <string_view>

namespace fettle::kernels {

Refusal dense_supports(const LayerDesc& layer) noexcept;
Result<std::size_t> dense_packed_bytes(const TileSet& tiles, const LayerDesc& layer);
Status dense_pack(const TileSet& tiles, const LayerDesc& layer, std::span<const ConstantBytes> constants,
                  std::span<std::byte> packed);
Result<std::unique_ptr<BoundKernel>> dense_bind(const TileSet& tiles, const BindArgs& args);

inline constexpr LayoutPair kNchwPair[] = {{Layout::nchw, Layout::nchw}};

/// The row of an instruction set.
template <const TileSet& tiles>
constexpr Kernel dense_row(std::string_view name, Isa isa, std::span<const Op> pattern) {
  Kernel kernel{};
  kernel.name = name;
  kernel.revision = 1;
  kernel.pattern = pattern;
  kernel.isa = isa;
  kernel.type = DataType::f32;
  kernel.layouts = kNchwPair;
  kernel.threaded = true;
  kernel.supports = [](const LayerDesc& layer, const Cpu&) { return dense_supports(layer); };
  kernel.packed_bytes = [](const LayerDesc& layer, std::span<const ConstantBytes>) {
    return dense_packed_bytes(tiles, layer);
  };
  kernel.packed_for_any_size = true;
  kernel.pack = [](const LayerDesc& layer, std::span<const ConstantBytes> constants,
                   std::span<std::byte> packed) { return dense_pack(tiles, layer, constants, packed); };
  kernel.bind = [](const BindArgs& args) { return dense_bind(tiles, args); };
  return kernel;
}

}  // namespace fettle::kernels

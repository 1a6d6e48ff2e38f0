// SPDX-License-Identifier: Apache-2.0
//
// Convolution in nhwc as a matrix product whose rows are found through pointers, tap by tap, so that nothing
// is copied: the indirect convolution algorithm (Dukhan 2019, arXiv:1907.02129), with the pointers made for a
// tile at a time instead of kept for the whole image.
//
// A thread takes tiles of output pixels. For each it goes through a block of panels that fits into half of
// the L2 cache, and all its tiles through one block before the next: weights are read from memory once.
#pragma once

#include "kernels/common/epilogue.h"
#include "kernels/common/nhwc.h"
#include "kernels/common/tile.h"

#include <fettle/kernel.h>

#include <cstddef>
#include <memory>
#include <span>

namespace fettle::kernels {

/// Any convolution but depthwise ones; with a second part, the addition of a tensor of the result's
/// shape to it.
inline constexpr std::int64_t kMostTaps = 1024;  ///< the pointers of a tile are kept in the workspace
Refusal indirect_supports(const LayerDesc& layer) noexcept;
std::size_t indirect_workspace(const LayerDesc& layer, int threads);
Result<std::size_t> indirect_packed_bytes(const TileSet& tiles, const LayerDesc& layer);
Status indirect_pack(const TileSet& tiles, const LayerDesc& layer, std::span<const ConstantBytes> constants,
                     std::span<std::byte> packed);
Result<std::unique_ptr<BoundKernel>> indirect_bind(const TileSet& tiles, const BindArgs& args);

/// The row of an instruction set. `add` for the region with an addition.
template <const TileSet& tiles>
constexpr Kernel indirect_row(std::string_view name, Isa isa, std::span<const Op> pattern) {
  Kernel kernel{};
  kernel.name = name;
  kernel.revision = 1;
  kernel.pattern = pattern;
  kernel.isa = isa;
  kernel.type = DataType::f32;
  kernel.layouts = kNhwcPair;
  kernel.input_striding = Striding::pixels;
  kernel.output_striding = Striding::pixels;
  kernel.threaded = true;
  if (pattern.size() > 1) kernel.in_place = kResidualInPlace;
  kernel.supports = [](const LayerDesc& layer, const Cpu&) { return indirect_supports(layer); };
  kernel.workspace_bytes = indirect_workspace;
  kernel.packed_bytes = [](const LayerDesc& layer, std::span<const ConstantBytes>) {
    return indirect_packed_bytes(tiles, layer);
  };
  kernel.packed_for_any_size = true;
  kernel.pack = [](const LayerDesc& layer, std::span<const ConstantBytes> constants,
                   std::span<std::byte> packed) { return indirect_pack(tiles, layer, constants, packed); };
  kernel.bind = [](const BindArgs& args) { return indirect_bind(tiles, args); };
  return kernel;
}

}  // namespace fettle::kernels

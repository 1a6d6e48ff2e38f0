// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/blocking.h"

#include <fettle/cpu.h>

#include <algorithm>

namespace fettle::kernels {
namespace {

std::int64_t ceil_div(std::int64_t a, std::int64_t b) noexcept { return (a + b - 1) / b; }

// Floats of panels that a thread goes through again and again: half of its L2 cache.
std::int64_t resident_floats() noexcept {
  constexpr std::size_t kUnknown = std::size_t{256} * 1024;
  const Cpu& cpu = this_cpu();
  const std::size_t l2 = cpu.cores.empty() || cpu.cores.front().l2_bytes == 0 ? kUnknown : cpu.cores.front().l2_bytes;
  return static_cast<std::int64_t>(l2 / 2 / sizeof(float));
}

}  // namespace

Blocking::Blocking(const TileSet& tiles, const Panels& panels, std::int64_t rows, int threads) noexcept
    : rows_(rows),
      row_tiles_(ceil_div(rows, tiles.most_rows[panels.vectors - 1])),
      panels_(panels.count()),
      panel_groups_(std::min(panels_, ceil_div(panels.floats(), resident_floats()))) {
  // Each thread should have some pieces, so that the last to finish is not late by much.
  constexpr std::int64_t kPiecesEach = 4;
  if (threads > 1 && row_tiles_ < kPiecesEach * threads) {
    const std::int64_t wanted = ceil_div(kPiecesEach * threads, row_tiles_);
    panel_groups_ = std::min(panels_, std::max(panel_groups_, wanted));
  }
}

Block Blocking::operator[](std::int64_t index) const noexcept {
  const std::int64_t tile = index % row_tiles_;
  const std::int64_t group = index / row_tiles_;
  const std::int64_t first = rows_ * tile / row_tiles_;
  const std::int64_t last = rows_ * (tile + 1) / row_tiles_;
  return {first, static_cast<int>(last - first), panels_ * group / panel_groups_,
          panels_ * (group + 1) / panel_groups_};
}

void multiply_panels(const TileSet& tiles, const Panels& panels, const float* packed, const Block& block,
                     Tile tile) noexcept {
  const std::int64_t first_column = block.first_panel * panels.width();
  tile.output += first_column;
  if (tile.residual != nullptr) tile.residual += first_column;
  for (std::int64_t panel = block.first_panel; panel < block.last_panel; ++panel) {
    tile.panel = packed + panel * panels.floats_each();
    tile.columns = static_cast<std::size_t>(panels.columns_of(panel));
    tiles.kernel(panels.vectors_of(panel), block.rows)(tile);
    tile.output += panels.width();
    if (tile.residual != nullptr) tile.residual += panels.width();
  }
}

}  // namespace fettle::kernels

// SPDX-License-Identifier: Apache-2.0
//
// The tiles for x86, each set in a file with its own flags. Only to be called where the CPU has the
// instructions.
#pragma once

#include "kernels/common/tile.h"

namespace fettle::kernels {

extern const TileSet kTilesAvx2;    ///< AVX2 and FMA
extern const TileSet kTilesAvx512;  ///< AVX-512 F

}  // namespace fettle::kernels

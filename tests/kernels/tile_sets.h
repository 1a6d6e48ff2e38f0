// SPDX-License-Identifier: Apache-2.0
//
// The tiles that this CPU runs, for tests of what is built on them.
#pragma once

#include "kernels/common/tile.h"

#include <fettle/cpu.h>

#include <vector>

#if defined(FETTLE_ORDER_FOR_NEON) || defined(__aarch64__) || defined(__arm__)
#include "kernels/neon/instruction_sets.h"
#elif defined(__x86_64__)
#include "kernels/x86/instruction_sets.h"
#endif

namespace fettle::test {

struct NamedTiles {
  const char* name;
  const kernels::TileSet* set;
};

inline std::vector<NamedTiles> tile_sets_here() {
  std::vector<NamedTiles> sets;
#if defined(FETTLE_ORDER_FOR_NEON)
  sets.push_back({"neon", &kernels::kTilesNeon});
  sets.push_back({"neon_in_order", &kernels::kTilesNeonInOrder});
#elif defined(__aarch64__) || defined(__arm__)
  if (has_all(this_cpu().isa, kernels::Neon::kIsa)) {
    sets.push_back({"neon", &kernels::kTilesNeon});
    sets.push_back({"neon_in_order", &kernels::kTilesNeonInOrder});
  }
#elif defined(__x86_64__)
  if (has_all(this_cpu().isa, kernels::Avx2::kIsa)) sets.push_back({"avx2", &kernels::kTilesAvx2});
  if (has_all(this_cpu().isa, kernels::Avx512::kIsa)) sets.push_back({"avx512", &kernels::kTilesAvx512});
#endif
  return sets;
}

}  // namespace fettle::test

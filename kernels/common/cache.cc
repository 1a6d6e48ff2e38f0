// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/cache.h"

#include <fettle/cpu.h>

#include <cstddef>

namespace fettle::kernels {

std::int64_t l2_floats() noexcept {
  constexpr std::size_t kUnknown = std::size_t{256} * 1024;
  const Cpu& cpu = this_cpu();
  const std::size_t bytes = cpu.cores.empty() ? 0 : cpu.cores.front().l2_bytes;
  return static_cast<std::int64_t>((bytes == 0 ? kUnknown : bytes) / sizeof(float));
}

}  // namespace fettle::kernels

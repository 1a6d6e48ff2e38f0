// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/cache.h"

#include "kernels/common/ceil_div.h"

#include <fettle/cpu.h>

#include <algorithm>
#include <cstddef>

namespace fettle::kernels {
std::int64_t l2_floats() noexcept {
  constexpr std::size_t kUnknown = std::size_t{256} * 1024;
  const Cpu& cpu = this_cpu();
  const std::size_t bytes = cpu.cores.empty() ? 0 : cpu.cores.front().l2_bytes;
  return static_cast<std::int64_t>((bytes == 0 ? kUnknown : bytes) / sizeof(float));
}

std::int64_t weight_groups(std::int64_t weight_floats, std::int64_t input_floats) noexcept {
  // Groups read at most two inputs for each weight, all in all; the first one is waited for, which takes no
  // longer than some tiles where it has 64 KiB.
  constexpr std::int64_t kStreamed = std::int64_t{16} * 1024;
  const std::int64_t fit = ceil_div(weight_floats, l2_floats() / 2);
  if (input_floats > l2_floats() / 2) return fit;
  const std::int64_t small = 2 * weight_floats / std::max(input_floats, 2 * kStreamed);
  return std::max(fit, small);
}

}  // namespace fettle::kernels

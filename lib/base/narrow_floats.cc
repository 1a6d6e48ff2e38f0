// SPDX-License-Identifier: Apache-2.0
#include "lib/base/narrow_floats.h"

namespace fettle {

void widen(DataType type, std::span<const std::uint16_t> from, std::span<float> to) noexcept {
  if (type == DataType::f16)
    for (std::size_t i = 0; i < from.size(); ++i) to[i] = from_f16(from[i]);
  else
    for (std::size_t i = 0; i < from.size(); ++i) to[i] = from_bf16(from[i]);
}

}  // namespace fettle

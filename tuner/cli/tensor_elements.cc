// SPDX-License-Identifier: Apache-2.0
#include "tuner/cli/tensor_elements.h"

#include "tuner/tensor_places.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace fettle::cli {
std::vector<std::byte> dense_elements(const TensorDesc& desc, const void* data) {
  const auto size = static_cast<std::int64_t>(size_of(desc.format.type));
  const auto* bytes = static_cast<const std::byte*>(data);
  std::vector<std::byte> dense(static_cast<std::size_t>(desc.shape.elements() * size));
  tuner::for_each_place(desc, [&](std::int64_t i, std::int64_t place) {
    std::memcpy(dense.data() + i * size, bytes + place * size, static_cast<std::size_t>(size));
  });
  return dense;
}

void place_elements(const TensorDesc& desc, std::span<const std::byte> dense, void* data) {
  const auto size = static_cast<std::int64_t>(size_of(desc.format.type));
  auto* bytes = static_cast<std::byte*>(data);
  tuner::for_each_place(desc, [&](std::int64_t i, std::int64_t place) {
    std::memcpy(bytes + place * size, dense.data() + i * size, static_cast<std::size_t>(size));
  });
}

std::optional<std::size_t> span_bytes(const TensorDesc& desc, std::size_t most) {
  const std::size_t size = size_of(desc.format.type);
  if (desc.shape.elements() == 0) return 0;
  const bool blocked = desc.format.layout == Layout::nchwc;
  const std::int64_t block = blocked ? desc.format.block : 1;
  // Doubles do not overflow, and are exact as far as `most` goes.
  double last = static_cast<double>(block - 1);
  for (int axis = 0; axis < desc.shape.rank(); ++axis) {
    const std::int64_t extent =
        blocked && axis == 1 ? (desc.shape[axis] + block - 1) / block : desc.shape[axis];
    const std::int64_t stride = desc.strides[static_cast<std::size_t>(axis)];
    if (extent > 1 && stride < 0) return std::nullopt;
    last += static_cast<double>(extent - 1) * static_cast<double>(std::max<std::int64_t>(stride, 0));
  }
  const double bytes = (last + 1) * static_cast<double>(size);
  if (bytes > static_cast<double>(most)) return std::nullopt;
  return static_cast<std::size_t>(bytes);
}

}  // namespace fettle::cli

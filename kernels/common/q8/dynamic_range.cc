// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/q8/dynamic_range.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>

namespace fettle::kernels {

DynamicRange range_of(const float* x, std::int64_t count) noexcept {
  constexpr std::size_t kLanes = 32;
  std::array<float, kLanes> low{};
  std::array<float, kLanes> high{};
  std::int64_t i = 0;
  for (; i + static_cast<std::int64_t>(kLanes) <= count; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const float value = x[i + static_cast<std::int64_t>(lane)];
      low[lane] = value < low[lane] ? value : low[lane];
      high[lane] = value > high[lane] ? value : high[lane];
    }
  }
  DynamicRange range;
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    range.include(low[lane]);
    range.include(high[lane]);
  }
  for (; i < count; ++i) range.include(x[i]);
  return range;
}

// In a loop that compilers vectorise.
void quantise_all(const float* x, std::int64_t count, float scale, int zero, std::uint8_t* bytes) noexcept {
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23 leaves a small number rounded in the low bits
  const auto low = static_cast<float>(-zero);
  const auto high = static_cast<float>(255 - zero);
  for (std::int64_t i = 0; i < count; ++i) {
    const float units = x[i] / scale;
    const float number = units == units ? units : 0.0f;
    const float bounded = std::min(std::max(low, number), high);
    const std::int32_t steps =
        std::bit_cast<std::int32_t>(bounded + kRound) - std::bit_cast<std::int32_t>(kRound);
    bytes[i] = static_cast<std::uint8_t>(steps + zero);
  }
}

QuantisedInput quantise_input(ThreadPool* pool, int threads, const float* x, std::int64_t count,
                              DynamicRange* ranges, std::uint8_t* bytes) noexcept {
  std::fill_n(ranges, threads, DynamicRange{});
  parallel_for(pool, threads, count, [&](std::int64_t begin, std::int64_t end, int worker) {
    const DynamicRange part = range_of(x + begin, end - begin);
    ranges[worker].include(part.low);
    ranges[worker].include(part.high);
  });
  DynamicRange range;
  for (int worker = 0; worker < threads; ++worker) {
    range.include(ranges[worker].low);
    range.include(ranges[worker].high);
  }
  const QuantisedInput input{range.scale(), range.zero_point()};
  parallel_for(pool, threads, count, [&](std::int64_t begin, std::int64_t end, int) {
    quantise_all(x + begin, end - begin, input.scale, input.zero, bytes + begin);
  });
  return input;
}

}  // namespace fettle::kernels

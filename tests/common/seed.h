// SPDX-License-Identifier: Apache-2.0
//
// Tests that draw what they test draw something else every day, and the same all day on every machine.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdlib>

namespace fettle::test {

/// FETTLE_TEST_SEED, or the number of the day (UTC) since 1970. Tests print it where they fail.
/// Does not change while the program runs.
inline std::uint32_t seed_of_the_day() {
  static const std::uint32_t seed = [] {
    if (const char* set = std::getenv("FETTLE_TEST_SEED"))
      return static_cast<std::uint32_t>(std::strtoul(set, nullptr, 10));
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::hours>(now).count() / 24);
  }();
  return seed;
}

}  // namespace fettle::test

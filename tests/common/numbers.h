// SPDX-License-Identifier: Apache-2.0
//
// Numbers that are not finite.
#pragma once

#include <limits>

namespace fettle::test {

inline constexpr float kInfinity = std::numeric_limits<float>::infinity();
inline constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

}  // namespace fettle::test

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace fettle::tuner {

/// A layer's, candidate's or value's number as an index into a vector.
constexpr std::size_t at(int index) noexcept { return static_cast<std::size_t>(index); }

}  // namespace fettle::tuner

// SPDX-License-Identifier: Apache-2.0
//
// How far apart two tensors are.
#pragma once

#include <fettle/types.h>

#include <cstddef>
#include <span>

namespace fettle::cli {

/// The largest difference, relative to the largest finite magnitude of the reference. NaN beside NaN is no
/// difference, nor is an infinity beside the same one; any other value beside them, buffers of different
/// sizes and truth values that differ are infinitely far apart.
double relative_error(DataType type, std::span<const std::byte> values, std::span<const std::byte> reference);

}  // namespace fettle::cli

// SPDX-License-Identifier: Apache-2.0
//
// Bounds on what files may ask for.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fettle {

/// What an untrusted file may ask for before it is refused with kLimitExceeded.
struct ModelLimits {
  std::size_t file_bytes = std::size_t{2} << 30;  ///< of the model; again, of all its files of weights
  std::size_t nodes = 100'000;
  std::int64_t tensor_elements = std::int64_t{1} << 31;     ///< of any one tensor
  std::size_t folded_bytes = std::size_t{1} << 30;          ///< all constants that folding creates
  std::int64_t folding_operations = std::int64_t{1} << 32;  ///< about how many numbers folding may compute
  /// Of all layers for one run, see LayerInfo::operations. The default lets hours of work through: more than
  /// any network that is in use asks for.
  std::int64_t run_operations = std::int64_t{1} << 44;
};

}  // namespace fettle

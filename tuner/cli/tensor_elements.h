// SPDX-License-Identifier: Apache-2.0
//
// A tensor's elements, in ONNX order and where its format and strides put them.
#pragma once

#include <fettle/kernel.h>

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace fettle::cli {

/// The elements as dense bytes in ONNX order. `data` has those that span_bytes counts.
std::vector<std::byte> dense_elements(const TensorDesc& desc, const void* data);

/// The inverse: puts dense bytes in ONNX order where they belong. What lies between them stays.
void place_elements(const TensorDesc& desc, std::span<const std::byte> dense, void* data);

/// Bytes from the first element to the end of the last one, blocks of channels filled up. Nothing when they
/// are more than `most`, or a stride is negative.
std::optional<std::size_t> span_bytes(const TensorDesc& desc, std::size_t most);

}  // namespace fettle::cli

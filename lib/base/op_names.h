// SPDX-License-Identifier: Apache-2.0
//
// Operators by name.
#pragma once

#include <fettle/op.h>

#include <optional>
#include <string_view>

namespace fettle {

/// The inverse of to_string(Op).
std::optional<Op> op_from_text(std::string_view text) noexcept;
/// The operator that ONNX calls `name`, if Fettle knows it.
std::optional<Op> op_from_onnx(std::string_view name) noexcept;
/// ONNX's name; empty for Fettle's own operators.
std::string_view onnx_name(Op op) noexcept;

}  // namespace fettle

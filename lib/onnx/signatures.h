// SPDX-License-Identifier: Apache-2.0
//
// The attributes and operands that a node of a file may have, by operator and opset. What an operator does
// not know would otherwise be passed over, and the network compute something else than was meant.
#pragma once

#include <fettle/op.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fettle::onnx_import {

/// Why a node of that operator has no such attribute in a file of that opset; nothing if it has.
std::optional<std::string> wrong_attribute(Op op, std::string_view attribute, std::int64_t opset);
/// The same for so many operands.
std::optional<std::string> too_many_operands(Op op, std::size_t operands, std::int64_t opset);

}  // namespace fettle::onnx_import

// SPDX-License-Identifier: Apache-2.0
//
// The words that attributes of text may have, by operator and opset. A word that is not known would otherwise
// be taken for the default, and the network compute something else.
#pragma once

#include <fettle/op.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fettle::onnx_import {

/// Whether the attribute is one of a few words (each of several, for lists).
bool takes_words(Op op, std::string_view attribute) noexcept;
/// What is wrong with a word for such an attribute in a file of that opset; nothing if it is allowed.
std::optional<std::string> wrong_word(Op op, std::string_view attribute, std::string_view word,
                                      std::int64_t opset);

}  // namespace fettle::onnx_import

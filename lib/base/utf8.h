// SPDX-License-Identifier: Apache-2.0
//
// Names come from files and may be any bytes, but plans, records and traces are JSON, which is UTF-8.
#pragma once

#include <string>
#include <string_view>

namespace fettle {

/// `text` with every byte that is not part of valid UTF-8 (no overlong forms, no surrogates, nothing above
/// U+10FFFF) replaced by U+FFFD. Valid text comes back as it is.
std::string valid_utf8(std::string_view text);

}  // namespace fettle

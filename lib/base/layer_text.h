// SPDX-License-Identifier: Apache-2.0
//
// What the writers and the reader of layers as text agree on.
#pragma once

#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>

namespace fettle {

/// The bits of the only NaN that texts call `nan`; others have theirs behind it.
inline constexpr std::uint32_t kPlainNan = 0x7fc00000;

/// Whether the text is letters, digits and underscores, and does not begin with a digit. Such names and
/// strings stand without quotes, unless they would be read as something else.
inline bool is_plain_word(std::string_view text) noexcept {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  if (text.empty() || !is_letter(text.front())) return false;
  for (const char c : text) {
    if (!is_letter(c) && (c < '0' || c > '9')) return false;
  }
  return true;
}

/// The shortest text that reads back to the same bits: "1", "0.1", "1e+20", "-inf", "nan", "nan(ffc00000)".
inline void append_shortest(std::string& text, float value) {
  char buffer[48];
  if (std::isnan(value)) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    text += "nan";
    if (bits == kPlainNan) return;
    const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, bits, 16);
    text.append("(").append(buffer, error == std::errc() ? end : buffer).push_back(')');
    return;
  }
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value);
  text.append(buffer, error == std::errc() ? end : buffer);
}

}  // namespace fettle

// SPDX-License-Identifier: Apache-2.0
//
// What the writers and readers of layers and variants as text agree on.
#pragma once

#include <bit>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

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

/// The whole text as a number; nothing for any other.
template <typename T>
std::optional<T> whole_number(std::string_view text, int base = 10) noexcept {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// The value in quotes, with a backslash before quotes and backslashes, and \xHH for what is not printable
/// ASCII.
inline void append_quoted(std::string& text, std::string_view value) {
  constexpr char kHex[] = "0123456789abcdef";
  text.push_back('"');
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < ' ' || byte > '~') {
      text.append("\\x").push_back(kHex[byte >> 4]);
      text.push_back(kHex[byte & 15]);
      continue;
    }
    if (c == '"' || c == '\\') text.push_back('\\');
    text.push_back(c);
  }
  text.push_back('"');
}

/// Reads what append_quoted wrote at text[at], which is a quote, and moves `at` behind it. False, with `at`
/// at what is wrong: a character that is not printable ASCII, or the end (no closing quote), or a backslash.
inline bool take_quoted(std::string_view text, std::size_t& at, std::string& value) {
  for (++at; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '"') return ++at, true;
    if (c < ' ' || c > '~') return false;
    if (c != '\\') {
      value.push_back(c);
      continue;
    }
    const std::string_view escaped = text.substr(at + 1, 3);
    if (escaped.starts_with('"') || escaped.starts_with('\\')) {
      value.push_back(escaped.front());
      at += 1;
      continue;
    }
    const std::optional<std::uint8_t> byte = escaped.size() == 3 && escaped.front() == 'x'
                                                 ? whole_number<std::uint8_t>(escaped.substr(1), 16)
                                                 : std::nullopt;
    if (!byte) return false;
    value.push_back(static_cast<char>(*byte));
    at += 3;
  }
  return false;
}

}  // namespace fettle

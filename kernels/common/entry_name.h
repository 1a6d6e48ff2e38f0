// SPDX-License-Identifier: Apache-2.0
//
// Names of entries as template arguments, and put together.
#pragma once

#include "kernels/op_text.h"

#include <fettle/op.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

namespace fettle::kernels {

/// A string as a template argument.
template <std::size_t size>
struct Text {
  char chars[size]{};
  constexpr Text() = default;
  constexpr Text(const char (&text)[size]) {
    std::copy_n(text, size, chars);
  }  // NOLINT: meant to be implicit
  constexpr std::string_view view() const { return {chars, size - 1}; }
};

/// The texts one after the other.
template <std::size_t... sizes>
constexpr auto concatenated(const Text<sizes>&... parts) {
  Text<((sizes - 1) + ... + 1)> whole;
  char* at = whole.chars;
  ((at = std::copy_n(parts.chars, sizes - 1, at)), ...);
  return whole;
}

/// An operator's name.
template <Op op>
inline constexpr auto kOpText = [] {
  constexpr std::string_view kName = op_text(op);
  Text<kName.size() + 1> text;
  std::copy(kName.begin(), kName.end(), text.chars);
  return text;
}();

/// An entry's name: "<before><operator><after...>".
template <Text before, Op op, Text... after>
struct EntryName {
  static constexpr auto kChars = concatenated(before, kOpText<op>, after...);
  static constexpr std::string_view kText = kChars.view();
};

/// The operators, one after the other: the pattern of an entry, or an epilogue.
template <Op... ops>
inline constexpr Op kPatternOf[] = {ops...};

/// Families of entries as one.
template <typename Entry, std::size_t... sizes>
constexpr auto join(const std::array<Entry, sizes>&... parts) {
  std::array<Entry, (sizes + ...)> entries{};
  auto at = entries.begin();
  ((at = std::copy(parts.begin(), parts.end(), at)), ...);
  return entries;
}

}  // namespace fettle::kernels

// SPDX-License-Identifier: Apache-2.0
//
// Entries of operators that share everything but their name and pattern.
#pragma once

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
  constexpr Text(const char (&text)[size]) {
    std::copy_n(text, size, chars);
  }  // NOLINT: meant to be implicit
};

/// An entry's name: "<before><operator><after...>".
template <Text before, Op op, Text... after>
struct EntryName {
  static constexpr auto kChars = [] {
    constexpr std::string_view kNames[] = {
#define FETTLE_X(name, onnx) #name,
        FETTLE_OPERATORS(FETTLE_X)
#undef FETTLE_X
    };
    constexpr std::string_view kName = kNames[static_cast<std::size_t>(op)];
    std::array<char, sizeof before.chars - 1 + kName.size() + ((sizeof after.chars - 1) + ... + 0)> text{};
    char* at = std::copy_n(before.chars, sizeof before.chars - 1, text.data());
    at = std::copy(kName.begin(), kName.end(), at);
    ((at = std::copy_n(after.chars, sizeof after.chars - 1, at)), ...);
    return text;
  }();
  static constexpr std::string_view kText{kChars.data(), kChars.size()};
};

/// The pattern of an entry that covers one operator.
template <Op op>
inline constexpr Op kPatternOf[] = {op};

/// Families of entries as one.
template <typename Entry, std::size_t... sizes>
constexpr auto join(const std::array<Entry, sizes>&... parts) {
  std::array<Entry, (sizes + ...)> entries{};
  auto at = entries.begin();
  ((at = std::copy(parts.begin(), parts.end(), at)), ...);
  return entries;
}

}  // namespace fettle::kernels

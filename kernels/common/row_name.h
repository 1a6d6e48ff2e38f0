// SPDX-License-Identifier: Apache-2.0
//
// Rows of operators that share everything but their name and pattern.
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

/// A row's name: "<before><operator><after...>".
template <Text before, Op op, Text... after>
struct RowName {
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

/// The pattern of a row that covers one operator.
template <Op op>
inline constexpr Op kPatternOf[] = {op};

/// Families of rows as one.
template <typename Row, std::size_t... sizes>
constexpr auto join(const std::array<Row, sizes>&... parts) {
  std::array<Row, (sizes + ...)> rows{};
  auto at = rows.begin();
  ((at = std::copy(parts.begin(), parts.end(), at)), ...);
  return rows;
}

}  // namespace fettle::kernels

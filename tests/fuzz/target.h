// SPDX-License-Identifier: Apache-2.0
//
// What every fuzz target defines, and how it says that it has found something.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

/// Tries one input. Comes back whatever the bytes are; a finding ends the process. Called by libFuzzer, or by
/// replay.cc.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace fettle::fuzz {

/// Ends the process with a text, as fuzzers want it.
[[noreturn]] inline void fail(std::string_view text) {
  std::fprintf(stderr, "finding: %.*s\n", static_cast<int>(text.size()), text.data());
  std::abort();
}

/// Something that must hold for every input.
inline void require(bool holds, std::string_view text) {
  if (!holds) fail(text);
}

/// A result that must not be an error.
template <typename Result>
void require_ok(const Result& result, std::string_view text) {
  if (!result) fail(std::string(text) + ": " + result.error().text());
}

}  // namespace fettle::fuzz

// SPDX-License-Identifier: Apache-2.0
//
// Content hashes: 128-bit XXH3, as text.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace fettle {

/// "xxh3:" and 32 hexadecimal digits.
std::string hash_text(std::span<const std::byte> bytes);

/// Hashes a sequence of pieces. Each piece counts with its length, so that moving bytes from one to the next
/// changes the hash.
class Hasher {
 public:
  Hasher();
  ~Hasher();
  Hasher(const Hasher&) = delete;
  Hasher& operator=(const Hasher&) = delete;

  void add(std::span<const std::byte> bytes);
  void add(std::string_view text);
  void add(std::int64_t number);
  std::string text() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace fettle

// SPDX-License-Identifier: Apache-2.0
//
// float16 and bfloat16 from and to float: no branches and no tables, so that compilers turn loops over these
// into vectors for any instruction set. Rounds to nearest, ties to even; NaN has one pattern.
#pragma once

#include <fettle/types.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace fettle {

constexpr bool is_narrow_float(DataType type) noexcept {
  return type == DataType::f16 || type == DataType::bf16;
}

/// All ones where `condition` holds: selects without a branch.
constexpr std::uint32_t mask_of(bool condition) noexcept {
  return 0u - static_cast<std::uint32_t>(condition);
}
constexpr std::uint32_t select_bits(bool condition, std::uint32_t yes, std::uint32_t no) noexcept {
  return (yes & mask_of(condition)) | (no & ~mask_of(condition));
}

/// float16 to float, exactly.
constexpr float from_f16(std::uint16_t half) noexcept {
  const std::uint32_t bits = std::uint32_t{half} << 16;
  const std::uint32_t sign = bits & 0x80000000u;
  const std::uint32_t size = bits + bits;  // without the sign
  // Normal numbers, infinities and NaN: the exponent is moved as far as it goes, and scaled back, which
  // leaves those two what they are.
  const float normal = std::bit_cast<float>((size >> 4) + (0xe0u << 23)) * 0x1p-112f;
  // Subnormal ones: the fraction becomes that of a number from 0.5 on, which is taken off again.
  const float subnormal = std::bit_cast<float>((size >> 17) | (126u << 23)) - 0.5f;
  return std::bit_cast<float>(sign | select_bits(size < (1u << 27), std::bit_cast<std::uint32_t>(subnormal),
                                                 std::bit_cast<std::uint32_t>(normal)));
}

/// float to float16; too large numbers become infinite.
constexpr std::uint16_t to_f16(float value) noexcept {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t size = bits + bits;
  // Scaled up and down, so that too large numbers are infinite.
  const float scaled = std::bit_cast<float>(bits & 0x7fffffffu) * 0x1p112f * 0x1p-110f;
  // A number so much larger that the sum has no more digits than float16 would have: it rounds.
  const std::uint32_t exponent = size & 0xff000000u;
  const std::uint32_t bias = select_bits(exponent < 0x71000000u, 0x71000000u, exponent);
  const auto rounded = std::bit_cast<std::uint32_t>(std::bit_cast<float>((bias >> 1) + 0x07800000u) + scaled);
  const std::uint32_t number = ((rounded >> 13) & 0x7c00u) + (rounded & 0x0fffu);
  return static_cast<std::uint16_t>(
      select_bits(size > 0xff000000u, 0x7e00u, (bits >> 16 & 0x8000u) | number));
}

/// bfloat16 to float, exactly.
constexpr float from_bf16(std::uint16_t brain) noexcept {
  return std::bit_cast<float>(std::uint32_t{brain} << 16);
}

/// float to bfloat16; too large numbers become infinite.
constexpr std::uint16_t to_bf16(float value) noexcept {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t rounded = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
  return static_cast<std::uint16_t>(select_bits(bits + bits > 0xff000000u, 0x7fc0u, rounded));
}

/// All elements of a tensor of either type.
void widen(DataType type, std::span<const std::uint16_t> from, std::span<float> to) noexcept;

}  // namespace fettle

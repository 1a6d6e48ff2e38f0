// SPDX-License-Identifier: Apache-2.0
//
// How a thread computes with floating-point numbers: what its control register says of rounding, traps and
// subnormal numbers. Results must not depend on what an application has set, nor on which thread computes
// them, so whatever computes does it in a FloatScope.
//
// Only modes are restored: whether the status flags (inexact, underflow...) show what was computed is open.
#pragma once

#include <cstdint>

#if defined(__SSE__)
#include <xmmintrin.h>
#endif

namespace fettle {

/// What becomes of subnormal numbers, those below 2^-126 in f32 and below 2^-1022 in f64.
enum class Subnormals : std::uint8_t {
  keep,   ///< they count as what they are (but NEON of 32-bit Arm flushes always)
  flush,  ///< operands count as zero, and results become zero, with their sign
};

/// A mode; what a thread's control register holds.
class FloatMode {
 public:
  /// What IEEE 754 has by default: rounding to the nearest number, no traps; and subnormals as asked.
  static FloatMode standard(Subnormals subnormals) noexcept {
    return FloatMode(subnormals == Subnormals::flush ? kStandard | kFlush : kStandard);
  }
  /// The calling thread's.
  static FloatMode of_thread() noexcept { return FloatMode(read() & kMode); }
  /// Makes it the calling thread's.
  void apply() const noexcept { write((read() & ~kMode) | bits_); }

  friend bool operator==(FloatMode, FloatMode) = default;

 private:
#if defined(__SSE__)
  using Register = std::uint32_t;  // mxcsr
  static constexpr Register kMode = 0xffc0;
  static constexpr Register kStandard = 0x1f80;  // every exception masked
  // Results to zero; and operands, which the oldest 32-bit CPUs lack: every CPU with SSE3 has it.
#if defined(__x86_64__) || defined(__SSE3__)
  static constexpr Register kFlush = 0x8040;
#else
  static constexpr Register kFlush = 0x8000;
#endif
  static Register read() noexcept { return _mm_getcsr(); }
  static void write(Register value) noexcept { _mm_setcsr(value); }
#elif defined(__aarch64__)
  using Register = std::uint64_t;  // fpcr, which holds no flags
  static constexpr Register kMode = ~Register{0};
  static constexpr Register kStandard = 0;
  static constexpr Register kFlush = Register{1} << 24;  // FZ; f16, by FZ16, keeps its subnormals
  static Register read() noexcept {
    Register value = 0;
    __asm__ volatile("mrs %0, fpcr" : "=r"(value));
    return value;
  }
  static void write(Register value) noexcept { __asm__ volatile("msr fpcr, %0" : : "r"(value) : "memory"); }
#elif defined(__arm__) && defined(__ARM_FP)
  using Register = std::uint32_t;                // fpscr
  static constexpr Register kMode = 0x07ff9f00;  // without the flags of comparisons and exceptions
  static constexpr Register kStandard = 0;
  static constexpr Register kFlush = Register{1} << 24;  // FZ
  static Register read() noexcept {
    Register value = 0;
    __asm__ volatile("vmrs %0, fpscr" : "=r"(value));
    return value;
  }
  static void write(Register value) noexcept { __asm__ volatile("vmsr fpscr, %0" : : "r"(value) : "memory"); }
#else
  using Register = std::uint32_t;
  static constexpr Register kMode = 0;
  static constexpr Register kStandard = 0;
  static constexpr Register kFlush = 0;
  static Register read() noexcept { return 0; }
  static void write(Register) noexcept {}
#endif

  explicit FloatMode(Register bits) noexcept : bits_(bits) {}

  Register bits_;
};

/// Sets the calling thread's mode in its scope, and puts back what was there. The register is written only
/// where something changes, since some cores take tens of cycles for that.
class FloatScope {
 public:
  FloatScope() noexcept : saved_(FloatMode::of_thread()), now_(saved_) {}
  explicit FloatScope(FloatMode mode) noexcept : FloatScope() { set(mode); }
  ~FloatScope() { set(saved_); }
  FloatScope(const FloatScope&) = delete;
  FloatScope& operator=(const FloatScope&) = delete;

  /// The mode from here on.
  void set(FloatMode mode) noexcept {
    if (mode == now_) return;
    mode.apply();
    now_ = mode;
  }

 private:
  FloatMode saved_;
  FloatMode now_;
};

}  // namespace fettle

// SPDX-License-Identifier: Apache-2.0
//
// One variant of a layer by itself, with memory of its own: packed, bound, run and timed.
#pragma once

#include <fettle/kernel.h>

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace fettle::benchmarks {

class TimedKernel {
 public:
  /// `layer` has the formats of one of the kernel's signatures, and the kernel accepts it.
  static Result<TimedKernel> make(const Kernel& kernel, const LayerDesc& layer, ThreadPool* pool,
                                  int threads);

  const Kernel& kernel() const { return *kernel_; }
  const Signature& signature() const { return signature_; }
  /// The mean time of one run in microseconds, over runs that together take about `seconds`. With one thread
  /// it is that thread's time on the CPU, which other processes disturb less than the clock on the wall.
  double time_us(double seconds);
  /// The same for several that run one after the other.
  static double time_us(std::span<TimedKernel* const> kernels, double seconds);
  /// Takes another kernel's result, of the same size, as its first operand from now on.
  Status read_from(const TimedKernel& before);

 private:
  struct Free {
    void operator()(std::byte* memory) const noexcept;
  };
  using Memory = std::unique_ptr<std::byte[], Free>;
  static Memory allocate(std::size_t bytes);

  const Kernel* kernel_ = nullptr;
  Signature signature_;
  int threads_ = 1;
  std::vector<Memory> memory_;  // operands, results, workspace, packed weights
  std::vector<const void*> inputs_;
  std::vector<void*> outputs_;
  void* workspace_ = nullptr;
  std::unique_ptr<BoundKernel> bound_;
};

}  // namespace fettle::benchmarks

// SPDX-License-Identifier: Apache-2.0
#include "benchmarks/kernels/timed_kernel.h"

#include <time.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace fettle::benchmarks {
namespace {

constexpr std::size_t kAlignment = 64;

// Small numbers of both signs, so that sums stay small and nothing is denormal.
void fill(std::byte* memory, std::size_t bytes) {
  auto* values = reinterpret_cast<float*>(memory);
  unsigned state = 1;
  for (std::size_t i = 0; i < bytes / sizeof(float); ++i) {
    state = state * 1664525u + 1013904223u;
    values[i] = static_cast<float>(state >> 16) / 65536.0f - 0.5f;
  }
}

double now_s(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

}  // namespace

void TimedKernel::Free::operator()(std::byte* memory) const noexcept { std::free(memory); }

TimedKernel::Memory TimedKernel::allocate(std::size_t bytes) {
  const std::size_t size = (std::max<std::size_t>(bytes, 1) + kAlignment - 1) / kAlignment * kAlignment;
  Memory memory(static_cast<std::byte*>(std::aligned_alloc(kAlignment, size)));
  if (memory) fill(memory.get(), size);
  return memory;
}

Result<TimedKernel> TimedKernel::make(const Kernel& kernel, const LayerDesc& layer, ThreadPool* pool,
                                      int threads) {
  TimedKernel timed;
  timed.kernel_ = &kernel;
  timed.threads_ = threads;
  timed.signature_ = signature_of(layer, {layer.inputs[0].format.layout, layer.outputs[0].format.layout});
  const auto add = [&](std::size_t bytes) { return timed.memory_.emplace_back(allocate(bytes)).get(); };
  std::vector<ConstantBytes> constants;
  for (const TensorDesc& tensor : layer.inputs) {
    const std::size_t bytes = dense_bytes(tensor.shape, tensor.format);
    std::byte* memory = add(bytes + kernel.overread_bytes);
    constants.push_back(tensor.constant ? ConstantBytes(memory, bytes) : ConstantBytes());
    timed.inputs_.push_back(tensor.constant && kernel.pack != nullptr ? nullptr : memory);
  }
  for (const TensorDesc& tensor : layer.outputs)
    timed.outputs_.push_back(add(dense_bytes(tensor.shape, tensor.format)));
  timed.workspace_ = add(kernel.workspace_bytes != nullptr ? kernel.workspace_bytes(layer, threads) : 0);
  std::span<std::byte> packed;
  if (kernel.pack != nullptr) {
    const Result<std::size_t> size = kernel.packed_bytes(layer, constants);
    if (!size) return size.error();
    packed = {add(*size), *size};
    if (Status status = kernel.pack(layer, constants, packed); !status) return status.error();
  }
  Result<std::unique_ptr<BoundKernel>> bound = kernel.bind({layer, packed, pool, threads});
  if (!bound) return bound.error();
  timed.bound_ = *std::move(bound);
  if (Status status = timed.bound_->set_buffers(timed.inputs_, timed.outputs_, timed.workspace_); !status)
    return status.error();
  if (Status status = timed.bound_->run(); !status) return status.error();
  return timed;
}

double TimedKernel::time_us(double seconds) {
  TimedKernel* const alone[] = {this};
  return time_us(alone, seconds);
}

double TimedKernel::time_us(std::span<TimedKernel* const> kernels, double seconds) {
  const clockid_t clock = kernels.front()->threads_ == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC;
  const double start = now_s(clock);
  long runs = 0;
  double elapsed = 0;
  do {
    for (TimedKernel* kernel : kernels) (void)kernel->bound_->run();
    ++runs;
    elapsed = now_s(clock) - start;
  } while (elapsed < seconds);
  return elapsed / static_cast<double>(runs) * 1e6;
}

Status TimedKernel::read_from(const TimedKernel& before) {
  inputs_.front() = before.outputs_.front();
  return bound_->set_buffers(inputs_, outputs_, workspace_);
}

}  // namespace fettle::benchmarks

// SPDX-License-Identifier: Apache-2.0
//
// What kernels get for a pool: Fettle's own or the application's, with every task in the mode of the thread
// that calls.
#pragma once

#include "lib/base/float_mode.h"

#include <fettle/thread_pool.h>

#include <cstdint>

namespace fettle::runtime {

/// Forwards to another pool. A task computes in the mode that the caller of `parallel` has, whichever thread
/// it runs on, and that thread gets its own mode back: results do not depend on the number of threads, nor on
/// what they did before, and an application's threads are left as they were.
class SameModePool final : public ThreadPool {
 public:
  /// `inner` must outlive it.
  explicit SameModePool(ThreadPool& inner) noexcept : inner_(inner) {}

  int threads() const noexcept override { return inner_.threads(); }
  void parallel(int max_threads, std::int64_t range, Task task, void* context) noexcept override {
    Call call{task, context, FloatMode::of_thread()};
    inner_.parallel(max_threads, range, &run, &call);
  }

 private:
  struct Call {
    Task task;
    void* context;
    FloatMode mode;
  };
  static void run(void* context, std::int64_t begin, std::int64_t end, int worker) {
    const auto& call = *static_cast<const Call*>(context);
    const FloatScope scope(call.mode);
    call.task(call.context, begin, end, worker);
  }

  ThreadPool& inner_;
};

}  // namespace fettle::runtime

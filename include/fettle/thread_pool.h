// SPDX-License-Identifier: Apache-2.0
//
// The thread interface: one pool serves every kernel of every runtime, XNNPACK's included. Fettle's own pool
// is one implementation; an application may supply another.
#pragma once

#include <fettle/error.h>
#include <fettle/export.h>

#include <cstdint>
#include <memory>

namespace fettle {

/// The most threads that a pool, a program, a plan or the tuner may have.
inline constexpr int kMaxThreads = 256;

/// Fork-join over a range. Implementations must be callable from several threads at once.
class ThreadPool {
 public:
  /// `task(context, begin, end, worker)`: do the items [begin, end). `worker` is below the call's
  /// max_threads, and no two tasks that run at once within one call of `parallel` share it, so it may index
  /// scratch memory. Must not throw.
  using Task = void (*)(void* context, std::int64_t begin, std::int64_t end, int worker);

  virtual ~ThreadPool() = default;

  /// How many threads may work at once, the caller's included; at least 1.
  virtual int threads() const noexcept = 0;

  /// Splits [0, range) among at most `max_threads` threads, the caller among them, in chunks of at least one
  /// item, and returns when all items are done. With max_threads 1, range 1 or a busy pool the caller does
  /// all of it alone and never waits for other work. Does not allocate. Called from inside a task, it runs
  /// alone on the calling thread.
  virtual void parallel(int max_threads, std::int64_t range, Task task, void* context) noexcept = 0;
};

/// How Fettle's own pool waits.
struct ThreadPoolOptions {
  int threads = 0;   ///< threads in all, the caller included; 0: one for each performance core
  int spin_us = 50;  ///< how long an idle worker spins for more work before it sleeps; 0 never spins
};

/// Makes Fettle's own pool (threads - 1 workers). Never sets affinity. Errors: kInvalidArgument for a
/// negative count or one above kMaxThreads, kOutOfMemory when threads cannot be made.
FETTLE_API Result<std::shared_ptr<ThreadPool>> make_thread_pool(const ThreadPoolOptions& options = {});

/// Calls `body(begin, end, worker)` over the pool, without allocation. `body` outlives the call by
/// construction.
template <typename Body>
void parallel_for(ThreadPool* pool, int max_threads, std::int64_t range, Body&& body) noexcept {
  if (pool == nullptr || max_threads <= 1 || range <= 1) {
    if (range > 0) body(std::int64_t{0}, range, 0);
    return;
  }
  using Type = std::remove_reference_t<Body>;
  pool->parallel(
      max_threads, range,
      [](void* context, std::int64_t begin, std::int64_t end, int worker) {
        (*static_cast<Type*>(context))(begin, end, worker);
      },
      const_cast<void*>(static_cast<const void*>(&body)));
}

}  // namespace fettle

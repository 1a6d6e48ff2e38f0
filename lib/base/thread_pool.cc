// SPDX-License-Identifier: Apache-2.0
//
// Fettle's own thread pool: fork-join with a share of the range for each thread. A thread that has done its
// own takes chunks of the others', from their ends. So it mostly works on the same part of every range, and
// finds what a layer reads in the cache that it wrote the layer before to; and a slow or late thread holds
// nobody up.
//
// One call at a time owns the pool (`busy_`); a call that finds it owned, or comes from inside a task, runs
// alone. A call is opened by raising `generation_` to an odd number and closed by raising it to the next even
// one. A worker joins a call by counting itself in `active_` and then checking that the call is still open;
// the caller closes first and then waits for `active_` to fall to 0. Either the worker sees the call closed,
// or the caller sees the worker: nobody waits for a worker that has not woken up.
#include "lib/base/guard.h"

#include <fettle/cpu.h>
#include <fettle/thread_pool.h>

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace fettle {
namespace {

// Several chunks a thread let a fast thread take over what a slow or late one leaves.
constexpr std::int64_t kChunksPerThread = 4;
static_assert(kMaxThreads * kChunksPerThread < 1 << 16);

// The chunks that are left of a thread's share. The thread itself takes the first one, others the last.
class alignas(64) Share {
 public:
  void set(std::uint32_t first, std::uint32_t last) noexcept {
    left_.store(pack(first, last), std::memory_order_relaxed);
  }
  std::optional<std::uint32_t> take_first() noexcept {
    std::uint32_t left = left_.load(std::memory_order_relaxed);
    while (first_of(left) < last_of(left)) {
      if (left_.compare_exchange_weak(left, pack(first_of(left) + 1, last_of(left)),
                                      std::memory_order_relaxed))
        return first_of(left);
    }
    return std::nullopt;
  }
  std::optional<std::uint32_t> take_last() noexcept {
    std::uint32_t left = left_.load(std::memory_order_relaxed);
    while (first_of(left) < last_of(left)) {
      if (left_.compare_exchange_weak(left, pack(first_of(left), last_of(left) - 1),
                                      std::memory_order_relaxed))
        return last_of(left) - 1;
    }
    return std::nullopt;
  }

 private:
  static std::uint32_t pack(std::uint32_t first, std::uint32_t last) noexcept { return first << 16 | last; }
  static std::uint32_t first_of(std::uint32_t left) noexcept { return left >> 16; }
  static std::uint32_t last_of(std::uint32_t left) noexcept { return left & 0xffff; }

  std::atomic<std::uint32_t> left_{0};
};

inline void relax() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
  asm volatile("yield" ::: "memory");
#endif
}

thread_local bool inside_task = false;

class Pool final : public ThreadPool {
 public:
  explicit Pool(const ThreadPoolOptions& options)
      : threads_(options.threads),
        spin_(std::max(0, options.spin_us)),
        shares_(static_cast<std::size_t>(options.threads)) {}

  ~Pool() override {
    stop_.store(true);
    generation_.fetch_add(2);
    generation_.notify_all();
    for (const Worker& worker : workers_) pthread_join(worker.thread, nullptr);
  }

  Status start() {
    workers_.resize(static_cast<std::size_t>(threads_ - 1));
    for (std::size_t i = 0; i < workers_.size(); ++i) {
      workers_[i].pool = this;
      workers_[i].index = static_cast<int>(i) + 1;
      if (pthread_create(&workers_[i].thread, nullptr, &Pool::enter, &workers_[i]) != 0) {
        workers_.resize(i);
        return Error(
            ErrorCode::kOutOfMemory,
            "the system gives only " + std::to_string(i + 1) + " of " + std::to_string(threads_) + " threads",
            "ask for fewer threads");
      }
    }
    return {};
  }

  int threads() const noexcept override { return threads_; }

  void parallel(int max_threads, std::int64_t range, Task task, void* context) noexcept override {
    if (range <= 0) return;
    const int wanted = static_cast<int>(std::min<std::int64_t>({max_threads, threads_, range}));
    if (wanted <= 1 || inside_task || busy_.exchange(true, std::memory_order_acquire)) {
      task(context, 0, range, 0);
      return;
    }
    task_ = task;
    context_ = context;
    range_ = range;
    chunks_ = std::min<std::int64_t>(range, wanted * kChunksPerThread);
    wanted_ = wanted;
    for (int i = 0; i < wanted; ++i) {
      shares_[static_cast<std::size_t>(i)].set(static_cast<std::uint32_t>(chunks_ * i / wanted),
                                               static_cast<std::uint32_t>(chunks_ * (i + 1) / wanted));
    }
    generation_.fetch_add(1);  // odd: open
    generation_.notify_all();
    work(0);
    generation_.fetch_add(1);  // even: closed
    for (int spins = 0; active_.load() != 0; ++spins) {
      if (spins < 4096)
        relax();
      else
        std::this_thread::yield();
    }
    busy_.store(false, std::memory_order_release);
  }

 private:
  struct Worker {
    Pool* pool = nullptr;
    int index = 0;
    pthread_t thread{};
  };

  static void* enter(void* argument) {
    const auto* worker = static_cast<const Worker*>(argument);
    worker->pool->serve(worker->index);
    return nullptr;
  }

  void serve(int index) noexcept {
    std::uint32_t seen = 0;
    for (;;) {
      seen = wait_for_change(seen);
      if (stop_.load()) return;
      if (seen % 2 == 0) continue;
      active_.fetch_add(1);
      if (generation_.load() == seen && index < wanted_) work(index);
      active_.fetch_sub(1);
    }
  }

  // Spins for a while, then sleeps, until the generation differs from `seen`.
  std::uint32_t wait_for_change(std::uint32_t seen) const noexcept {
    if (spin_.count() > 0) {
      const auto until = std::chrono::steady_clock::now() + spin_;
      do {
        for (int i = 0; i < 64; ++i) {
          const std::uint32_t now = generation_.load();
          if (now != seen) return now;
          relax();
        }
      } while (std::chrono::steady_clock::now() < until);
    }
    generation_.wait(seen);
    return generation_.load();
  }

  void work(int index) noexcept {
    inside_task = true;
    while (const auto chunk = share(index).take_first()) do_chunk(*chunk, index);
    for (int other = 1; other < wanted_; ++other) {
      while (const auto chunk = share(index + other).take_last()) do_chunk(*chunk, index);
    }
    inside_task = false;
  }

  Share& share(int index) noexcept { return shares_[static_cast<std::size_t>(index % wanted_)]; }

  void do_chunk(std::int64_t chunk, int index) noexcept {
    task_(context_, first_item(chunk), first_item(chunk + 1), index);
  }

  // Chunks differ by one item at most.
  std::int64_t first_item(std::int64_t chunk) const noexcept {
    return range_ / chunks_ * chunk + std::min(chunk, range_ % chunks_);
  }

  const int threads_;
  const std::chrono::microseconds spin_;
  std::vector<Worker> workers_;
  std::atomic<bool> stop_{false};
  std::atomic<bool> busy_{false};

  // The call that is open; written by its caller before opening, read by workers that have joined.
  Task task_ = nullptr;
  void* context_ = nullptr;
  std::int64_t range_ = 0;
  std::int64_t chunks_ = 1;
  int wanted_ = 0;

  alignas(64) std::atomic<std::uint32_t> generation_{0};
  alignas(64) std::atomic<int> active_{0};
  std::vector<Share> shares_;
};

// All cores of the fastest kind: slow cores in the same fork-join hold fast ones up.
int default_threads() noexcept {
  const Cpu& cpu = this_cpu();
  return cpu.cores.empty() ? 1 : std::clamp(cpu.cores.front().count, 1, kMaxThreads);
}

}  // namespace

Result<std::shared_ptr<ThreadPool>> make_thread_pool(const ThreadPoolOptions& options) {
  if (options.threads < 0 || options.threads > kMaxThreads) {
    return Error(ErrorCode::kInvalidArgument,
                 "ThreadPoolOptions::threads is " + std::to_string(options.threads),
                 "give 1 to " + std::to_string(kMaxThreads) + ", or 0 for one a performance core");
  }
  return guard_allocation([&]() -> Result<std::shared_ptr<ThreadPool>> {
    ThreadPoolOptions resolved = options;
    if (resolved.threads == 0) resolved.threads = default_threads();
    auto pool = std::make_shared<Pool>(resolved);
    if (Status status = pool->start(); !status) return std::move(status).error();
    return std::shared_ptr<ThreadPool>(std::move(pool));
  });
}

}  // namespace fettle

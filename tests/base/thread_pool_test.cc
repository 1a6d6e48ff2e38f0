// SPDX-License-Identifier: Apache-2.0
#include <fettle/thread_pool.h>

#include <catch2/catch_test_macros.hpp>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

namespace {

std::shared_ptr<fettle::ThreadPool> pool_of(int threads, int spin_us = 50) {
  fettle::ThreadPoolOptions options;
  options.threads = threads;
  options.spin_us = spin_us;
  auto pool = fettle::make_thread_pool(options);
  REQUIRE(pool);
  return *pool;
}

// Runs a call and counts how often each item is done.
void check_coverage(fettle::ThreadPool* pool, int max_threads, std::int64_t range) {
  std::vector<std::atomic<int>> done(static_cast<std::size_t>(range));
  std::atomic<bool> bad_worker = false;
  fettle::parallel_for(pool, max_threads, range, [&](std::int64_t begin, std::int64_t end, int worker) {
    if (worker < 0 || worker >= max_threads) bad_worker = true;
    for (std::int64_t i = begin; i < end; ++i) done[static_cast<std::size_t>(i)].fetch_add(1);
  });
  CHECK_FALSE(bad_worker);
  for (const auto& count : done) REQUIRE(count == 1);
}

}  // namespace

TEST_CASE("every item is done exactly once") {
  for (int threads : {1, 2, 3, 5}) {
    for (int spin_us : {0, 50}) {
      const auto pool = pool_of(threads, spin_us);
      CHECK(pool->threads() == threads);
      for (int max_threads : {1, 2, 3, 8}) {
        for (std::int64_t range : {0, 1, 2, 3, 7, 64, 1001}) check_coverage(pool.get(), max_threads, range);
      }
    }
  }
}

TEST_CASE("no two tasks of a call share a worker number at once") {
  const auto pool = pool_of(4);
  std::atomic<int> in_use[4] = {};
  std::atomic<bool> shared = false;
  for (int round = 0; round < 200; ++round) {
    fettle::parallel_for(pool.get(), 4, 64, [&](std::int64_t, std::int64_t, int worker) {
      if (in_use[worker].fetch_add(1) != 0) shared = true;
      in_use[worker].fetch_sub(1);
    });
  }
  CHECK_FALSE(shared);
}

TEST_CASE("many short calls with sleeping workers") {
  const auto pool = pool_of(3, 0);
  std::atomic<std::int64_t> sum = 0;
  for (int round = 0; round < 3000; ++round) {
    fettle::parallel_for(pool.get(), 3, 5,
                         [&](std::int64_t begin, std::int64_t end, int) { sum += end - begin; });
  }
  CHECK(sum == 3000 * 5);
}

TEST_CASE("a call inside a task runs alone") {
  const auto pool = pool_of(3);
  std::atomic<std::int64_t> inner = 0;
  std::atomic<bool> wrong = false;
  fettle::parallel_for(pool.get(), 3, 6, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t i = begin; i < end; ++i) {
      fettle::parallel_for(pool.get(), 3, 10, [&](std::int64_t b, std::int64_t e, int worker) {
        if (worker != 0) wrong = true;
        inner += e - b;
      });
    }
  });
  CHECK(inner == 60);
  CHECK_FALSE(wrong);
}

TEST_CASE("callers in several threads share a pool without waiting for each other") {
  const auto pool = pool_of(2);
  std::vector<std::thread> callers;
  std::atomic<std::int64_t> sum = 0;
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&] {
      for (int round = 0; round < 500; ++round) {
        fettle::parallel_for(pool.get(), 2, 9,
                             [&](std::int64_t begin, std::int64_t end, int) { sum += end - begin; });
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  CHECK(sum == 4 * 500 * 9);
}

TEST_CASE("impossible thread counts are errors") {
  for (int threads : {-1, 257}) {
    fettle::ThreadPoolOptions options;
    options.threads = threads;
    const auto pool = fettle::make_thread_pool(options);
    REQUIRE_FALSE(pool);
    CHECK(pool.error().code() == fettle::ErrorCode::kInvalidArgument);
  }
}

// SPDX-License-Identifier: Apache-2.0
//
// Every entry point of pthreadpool must visit every item of its box exactly once, in tiles cut at the edges.
#include "kernels/xnnpack/pthreadpool_shim.h"

#include "lib/base/float_mode.h"

#include <catch2/catch_test_macros.hpp>

#include <array>
#include <atomic>
#include <limits>
#include <memory>
#include <vector>

namespace {

constexpr std::size_t kMostThreads = 3;
constexpr std::uint32_t kFlags = PTHREADPOOL_FLAG_DISABLE_DENORMALS;

// Counts how often each item of a box of six dimensions (the unused ones of extent 1) is visited.
struct Visits {
  std::array<std::size_t, 6> range{1, 1, 1, 1, 1, 1};
  std::array<std::size_t, 6> tile{1, 1, 1, 1, 1, 1};
  std::vector<std::atomic<int>> count;
  std::atomic<bool> wrong = false;

  Visits(std::array<std::size_t, 6> r, std::array<std::size_t, 6> t)
      : range(r), tile(t), count(r[0] * r[1] * r[2] * r[3] * r[4] * r[5]) {}

  void visit(std::array<std::size_t, 6> start, std::array<std::size_t, 6> size, std::size_t worker = 0) {
    for (std::size_t i = 0; i < 6; ++i) {
      const std::size_t left = range[i] - start[i];
      if (start[i] >= range[i] || size[i] != (tile[i] < left ? tile[i] : left)) wrong = true;
      if (wrong) return;
    }
    if (worker >= kMostThreads) wrong = true;
    std::array<std::size_t, 6> at{};
    for (at[0] = 0; at[0] < size[0]; ++at[0])
      for (at[1] = 0; at[1] < size[1]; ++at[1])
        for (at[2] = 0; at[2] < size[2]; ++at[2])
          for (at[3] = 0; at[3] < size[3]; ++at[3])
            for (at[4] = 0; at[4] < size[4]; ++at[4])
              for (at[5] = 0; at[5] < size[5]; ++at[5]) {
                std::size_t index = 0;
                for (std::size_t i = 0; i < 6; ++i) index = index * range[i] + start[i] + at[i];
                count[index].fetch_add(1);
              }
  }

  void check() const {
    CHECK_FALSE(wrong);
    for (const std::atomic<int>& n : count) REQUIRE(n == 1);
  }
};

Visits& visits(void* context) { return *static_cast<Visits*>(context); }

// Calls `body` without a pool, with one that gives one thread, and with several threads.
template <typename Body>
void with_pools(const Body& body) {
  fettle::ThreadPoolOptions options;
  options.threads = static_cast<int>(kMostThreads);
  const auto pool = fettle::make_thread_pool(options);
  REQUIRE(pool);
  body(static_cast<pthreadpool_t>(nullptr));
  for (const int threads : {1, 2, 3, 64}) {
    pthreadpool several{pool->get(), threads};
    body(&several);
  }
}

}  // namespace

TEST_CASE("threads are counted", "[xnnpack]") {
  CHECK(pthreadpool_get_threads_count(nullptr) == 1);
  fettle::ThreadPoolOptions options;
  options.threads = 3;
  const auto pool = fettle::make_thread_pool(options);
  REQUIRE(pool);
  for (const auto& [asked, given] : {std::pair{0, 1}, {1, 1}, {2, 2}, {3, 3}, {9, 3}}) {
    pthreadpool threads{pool->get(), asked};
    CHECK(pthreadpool_get_threads_count(&threads) == static_cast<std::size_t>(given));
  }
}

TEST_CASE("loops over one dimension visit all", "[xnnpack]") {
  with_pools([](pthreadpool_t pool) {
    Visits plain({7, 1, 1, 1, 1, 1}, {1, 1, 1, 1, 1, 1});
    pthreadpool_parallelize_1d(
        pool,
        [](void* c, size_t i) {
          visits(c).visit({i}, {1, 1, 1, 1, 1, 1});
        },
        &plain, 7, kFlags);
    plain.check();
    Visits threaded({7, 1, 1, 1, 1, 1}, {1, 1, 1, 1, 1, 1});
    pthreadpool_parallelize_1d_with_thread(
        pool,
        [](void* c, size_t w, size_t i) {
          visits(c).visit({i}, {1, 1, 1, 1, 1, 1}, w);
        },
        &threaded, 7, kFlags);
    threaded.check();
    for (const std::size_t tile : {1, 3, 7, 9}) {
      Visits tiled({7, 1, 1, 1, 1, 1}, {tile, 1, 1, 1, 1, 1});
      pthreadpool_parallelize_1d_tile_1d(
          pool,
          [](void* c, size_t i, size_t t) {
            visits(c).visit({i}, {t, 1, 1, 1, 1, 1});
          },
          &tiled, 7, tile, kFlags);
      tiled.check();
    }
  });
}

TEST_CASE("loops over two dimensions visit all", "[xnnpack]") {
  with_pools([](pthreadpool_t pool) {
    const std::array<std::size_t, 6> box{5, 7, 1, 1, 1, 1};
    Visits plain(box, {1, 1, 1, 1, 1, 1});
    pthreadpool_parallelize_2d(
        pool,
        [](void* c, size_t i, size_t j) {
          visits(c).visit({i, j}, {1, 1, 1, 1, 1, 1});
        },
        &plain, 5, 7, kFlags);
    plain.check();
    Visits threaded(box, {1, 1, 1, 1, 1, 1});
    pthreadpool_parallelize_2d_with_thread(
        pool,
        [](void* c, size_t w, size_t i, size_t j) {
          visits(c).visit({i, j}, {1, 1, 1, 1, 1, 1}, w);
        },
        &threaded, 5, 7, kFlags);
    threaded.check();
    Visits one(box, {1, 4, 1, 1, 1, 1});
    pthreadpool_parallelize_2d_tile_1d(
        pool,
        [](void* c, size_t i, size_t j, size_t tj) {
          visits(c).visit({i, j}, {1, tj, 1, 1, 1, 1});
        },
        &one, 5, 7, 4, kFlags);
    one.check();
    Visits two(box, {2, 4, 1, 1, 1, 1});
    pthreadpool_parallelize_2d_tile_2d(
        pool,
        [](void* c, size_t i, size_t j, size_t ti, size_t tj) {
          visits(c).visit({i, j}, {ti, tj, 1, 1, 1, 1});
        },
        &two, 5, 7, 2, 4, kFlags);
    two.check();
    Visits kind(box, {2, 4, 1, 1, 1, 1});
    pthreadpool_parallelize_2d_tile_2d_with_uarch(
        pool,
        [](void* c, uint32_t id, size_t i, size_t j, size_t ti, size_t tj) {
          if (id == 5) visits(c).visit({i, j}, {ti, tj, 1, 1, 1, 1});
        },
        &kind, 5, 8, 5, 7, 2, 4, kFlags);
    kind.check();
    Visits kind_one(box, {1, 4, 1, 1, 1, 1});
    pthreadpool_parallelize_2d_tile_1d_with_uarch(
        pool,
        [](void* c, uint32_t id, size_t i, size_t j, size_t tj) {
          if (id == 5) visits(c).visit({i, j}, {1, tj, 1, 1, 1, 1});
        },
        &kind_one, 5, 8, 5, 7, 4, kFlags);
    kind_one.check();
  });
}

TEST_CASE("loops over three dimensions visit all", "[xnnpack]") {
  with_pools([](pthreadpool_t pool) {
    const std::array<std::size_t, 6> box{3, 5, 7, 1, 1, 1};
    Visits plain(box, {1, 1, 1, 1, 1, 1});
    pthreadpool_parallelize_3d(
        pool,
        [](void* c, size_t i, size_t j, size_t k) {
          visits(c).visit({i, j, k}, {1, 1, 1, 1, 1, 1});
        },
        &plain, 3, 5, 7, kFlags);
    plain.check();
    const std::array<std::size_t, 6> tile1{1, 1, 4, 1, 1, 1};
    Visits one(box, tile1);
    pthreadpool_parallelize_3d_tile_1d(
        pool,
        [](void* c, size_t i, size_t j, size_t k, size_t tk) {
          visits(c).visit({i, j, k}, {1, 1, tk, 1, 1, 1});
        },
        &one, 3, 5, 7, 4, kFlags);
    one.check();
    Visits threaded(box, tile1);
    pthreadpool_parallelize_3d_tile_1d_with_thread(
        pool,
        [](void* c, size_t w, size_t i, size_t j, size_t k, size_t tk) {
          visits(c).visit({i, j, k}, {1, 1, tk, 1, 1, 1}, w);
        },
        &threaded, 3, 5, 7, 4, kFlags);
    threaded.check();
    Visits kind(box, tile1);
    pthreadpool_parallelize_3d_tile_1d_with_uarch(
        pool,
        [](void* c, uint32_t id, size_t i, size_t j, size_t k, size_t tk) {
          if (id == 5) visits(c).visit({i, j, k}, {1, 1, tk, 1, 1, 1});
        },
        &kind, 5, 8, 3, 5, 7, 4, kFlags);
    kind.check();
    Visits both(box, tile1);
    pthreadpool_parallelize_3d_tile_1d_with_uarch_with_thread(
        pool,
        [](void* c, uint32_t id, size_t w, size_t i, size_t j, size_t k, size_t tk) {
          if (id == 5) visits(c).visit({i, j, k}, {1, 1, tk, 1, 1, 1}, w);
        },
        &both, 5, 8, 3, 5, 7, 4, kFlags);
    both.check();
    const std::array<std::size_t, 6> tile2{1, 2, 4, 1, 1, 1};
    Visits two(box, tile2);
    pthreadpool_parallelize_3d_tile_2d(
        pool,
        [](void* c, size_t i, size_t j, size_t k, size_t tj, size_t tk) {
          visits(c).visit({i, j, k}, {1, tj, tk, 1, 1, 1});
        },
        &two, 3, 5, 7, 2, 4, kFlags);
    two.check();
    Visits two_kind(box, tile2);
    pthreadpool_parallelize_3d_tile_2d_with_uarch(
        pool,
        [](void* c, uint32_t id, size_t i, size_t j, size_t k, size_t tj, size_t tk) {
          if (id == 5) visits(c).visit({i, j, k}, {1, tj, tk, 1, 1, 1});
        },
        &two_kind, 5, 8, 3, 5, 7, 2, 4, kFlags);
    two_kind.check();
  });
}

TEST_CASE("loops over four to six dimensions visit all", "[xnnpack]") {
  with_pools([](pthreadpool_t pool) {
    const std::array<std::size_t, 6> box4{2, 3, 5, 7, 1, 1};
    Visits four(box4, {1, 1, 1, 1, 1, 1});
    pthreadpool_parallelize_4d(
        pool,
        [](void* c, size_t i, size_t j, size_t k, size_t l) {
          visits(c).visit({i, j, k, l}, {1, 1, 1, 1, 1, 1});
        },
        &four, 2, 3, 5, 7, kFlags);
    four.check();
    Visits four_tiled(box4, {1, 1, 2, 4, 1, 1});
    pthreadpool_parallelize_4d_tile_2d(
        pool,
        [](void* c, size_t i, size_t j, size_t k, size_t l, size_t tk, size_t tl) {
          visits(c).visit({i, j, k, l}, {1, 1, tk, tl, 1, 1});
        },
        &four_tiled, 2, 3, 5, 7, 2, 4, kFlags);
    four_tiled.check();
    Visits four_kind(box4, {1, 1, 2, 4, 1, 1});
    pthreadpool_parallelize_4d_tile_2d_with_uarch(
        pool,
        [](void* c, uint32_t id, size_t i, size_t j, size_t k, size_t l, size_t tk, size_t tl) {
          if (id == 5) visits(c).visit({i, j, k, l}, {1, 1, tk, tl, 1, 1});
        },
        &four_kind, 5, 8, 2, 3, 5, 7, 2, 4, kFlags);
    four_kind.check();
    const std::array<std::size_t, 6> box5{2, 3, 2, 5, 7, 1};
    Visits five(box5, {1, 1, 1, 1, 1, 1});
    pthreadpool_parallelize_5d(
        pool,
        [](void* c, size_t i, size_t j, size_t k, size_t l, size_t m) {
          visits(c).visit({i, j, k, l, m}, {1, 1, 1, 1, 1, 1});
        },
        &five, 2, 3, 2, 5, 7, kFlags);
    five.check();
    Visits five_tiled(box5, {1, 1, 1, 2, 4, 1});
    pthreadpool_parallelize_5d_tile_2d(
        pool,
        [](void* c, size_t i, size_t j, size_t k, size_t l, size_t m, size_t tl, size_t tm) {
          visits(c).visit({i, j, k, l, m}, {1, 1, 1, tl, tm, 1});
        },
        &five_tiled, 2, 3, 2, 5, 7, 2, 4, kFlags);
    five_tiled.check();
    Visits six({2, 3, 2, 2, 5, 7}, {1, 1, 1, 1, 2, 4});
    pthreadpool_parallelize_6d_tile_2d(
        pool,
        [](void* c, size_t i, size_t j, size_t k, size_t l, size_t m, size_t n, size_t tm, size_t tn) {
          visits(c).visit({i, j, k, l, m, n}, {1, 1, 1, 1, tm, tn});
        },
        &six, 2, 3, 2, 2, 5, 7, 2, 4, kFlags);
    six.check();
  });
}

TEST_CASE("an empty loop does nothing", "[xnnpack]") {
  with_pools([](pthreadpool_t pool) {
    bool called = false;
    pthreadpool_parallelize_2d_tile_2d(
        pool, [](void* c, size_t, size_t, size_t, size_t) { *static_cast<bool*>(c) = true; }, &called, 0, 7,
        2, 4, kFlags);
    CHECK_FALSE(called);
  });
}

TEST_CASE("the mode of subnormal numbers is the caller's, whatever XNNPACK asks", "[xnnpack]") {
  // Volatile, so that the compiler does not halve it itself.
  const auto halve_smallest = [](void* c, size_t) {
    volatile float smallest = std::numeric_limits<float>::min();
    volatile float half = smallest / 2;
    *static_cast<float*>(c) = half;
  };
  for (const std::uint32_t flags : {0u, std::uint32_t{PTHREADPOOL_FLAG_DISABLE_DENORMALS}}) {
    float result = -1;
    pthreadpool_parallelize_1d(nullptr, halve_smallest, &result, 1, flags);
    CHECK(result == std::numeric_limits<float>::min() / 2);
    const fettle::FloatScope scope(fettle::FloatMode::standard(fettle::Subnormals::flush));
    pthreadpool_parallelize_1d(nullptr, halve_smallest, &result, 1, flags);
    CHECK(result == 0);
  }
}

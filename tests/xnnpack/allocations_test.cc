// SPDX-License-Identifier: Apache-2.0
//
// Counts and fails allocations at the level of malloc: running must not allocate, and an allocation that
// fails while packing or binding must come back as an error.
#include "tests/common/sanitized.h"
#include "tests/xnnpack/layers.h"

#include <catch2/catch_test_macros.hpp>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <limits>

#if defined(__GLIBC__) && !FETTLE_SANITIZED

extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);
}

namespace {

constinit std::atomic<long> g_allocations{0};
// How many more allocations succeed.
constinit std::atomic<long> g_left{std::numeric_limits<long>::max()};

bool allowed() noexcept {
  g_allocations.fetch_add(1);
  return g_left.fetch_sub(1) > 0;
}

}  // namespace

extern "C" {
void* malloc(size_t size) { return allowed() ? __libc_malloc(size) : nullptr; }
void* calloc(size_t count, size_t size) { return allowed() ? __libc_calloc(count, size) : nullptr; }
void* realloc(void* old, size_t size) { return allowed() ? __libc_realloc(old, size) : nullptr; }
void* aligned_alloc(size_t alignment, size_t size) {
  return allowed() ? __libc_memalign(alignment, size) : nullptr;
}
int posix_memalign(void** result, size_t alignment, size_t size) {
  void* memory = allowed() ? __libc_memalign(alignment, size) : nullptr;
  if (memory == nullptr) return ENOMEM;
  *result = memory;
  return 0;
}
}

namespace fettle::test {
namespace {

// The number of allocations that `body` makes in all threads.
template <typename Body>
long allocations(const Body& body) {
  const long before = g_allocations;
  body();
  return g_allocations - before;
}

// Runs `body` with ever more allocations until it succeeds. It must fail with kOutOfMemory until then.
template <typename Body>
long failures_until_success(const Body& body) {
  for (long left = 0; left < 1000; ++left) {
    g_left = left;
    const Status status = body();
    g_left = std::numeric_limits<long>::max();
    if (status) return left;
    if (status.error().code() != ErrorCode::kOutOfMemory) {
      FAIL("another error than out of memory: " << status.error().text());
    }
  }
  return -1;
}

}  // namespace

TEST_CASE("running allocates nothing", "[xnnpack]") {
  ThreadPoolOptions options;
  options.threads = 3;
  const auto pool = make_thread_pool(options);
  REQUIRE(pool);
  for (const Case& c : all_cases()) {
    const auto weights = packed(c);
    REQUIRE(weights);
    for (const int threads : {1, 3}) {
      Instance instance(c, weights->span(), pool->get(), threads);
      REQUIRE(instance.status);
      bool ran = true;
      const long made = allocations([&] {
        for (int i = 0; i < 3; ++i) ran = static_cast<bool>(instance.run()) && ran;
      });
      INFO(c.layer.text());
      CHECK(ran);
      CHECK(made == 0);
    }
  }
}

TEST_CASE("a failed allocation while packing or binding is an error", "[xnnpack]") {
  for (const Case& c : all_cases()) {
    INFO(c.layer.text());
    const Kernel* kernel = row(c.kernel);
    const auto weights = packed(c);
    REQUIRE(weights);
    if (kernel->pack != nullptr) {
      const Bytes target(weights->span().size());
      const std::vector<ConstantBytes> constants = c.constants();
      CHECK(failures_until_success([&]() -> Status {
              if (auto size = kernel->packed_bytes(c.layer, constants); !size) return size.error();
              return kernel->pack(c.layer, constants, target.span());
            }) >= (c.layer.main().op == Op::add ? 0 : 1));
    }
    CHECK(failures_until_success([&]() -> Status {
            auto bound = kernel->bind({c.layer, weights->span(), nullptr, 1});
            return bound ? Status() : Status(bound.error());
          }) >= 1);
  }
}

}  // namespace fettle::test

#endif

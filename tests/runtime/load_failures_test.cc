// SPDX-License-Identifier: Apache-2.0
//
// Fails the first allocation, the second, the third, ... of a load: each must come back as an error, and give
// back what was taken before it.
#include "tests/common/check.h"
#include "tests/common/data.h"

#include <fettle/runtime.h>

#include <catch2/catch_test_macros.hpp>

#include <malloc.h>
#include <atomic>
#include <cerrno>
#include <limits>

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define FETTLE_FAILS_ALLOCATIONS 1

extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);
void __libc_free(void*);
}

namespace {
constexpr long kAll = std::numeric_limits<long>::max();
constinit std::atomic<long> g_left{kAll};  // how many more allocations succeed
constinit std::atomic<long> g_alive{0};    // blocks that have not been freed

void* counted(void* memory) {
  if (memory != nullptr) g_alive.fetch_add(1);
  return memory;
}
// Only failures of this thread are wanted; a pool's threads make none of their own.
bool allowed() { return g_left.load() == kAll || g_left.fetch_sub(1) > 0; }
}  // namespace

extern "C" {
void* malloc(size_t size) { return allowed() ? counted(__libc_malloc(size)) : nullptr; }
void* calloc(size_t count, size_t size) { return allowed() ? counted(__libc_calloc(count, size)) : nullptr; }
void* realloc(void* old, size_t size) {
  if (!allowed()) return nullptr;
  return old == nullptr ? counted(__libc_realloc(old, size)) : __libc_realloc(old, size);
}
void* memalign(size_t alignment, size_t size) {
  return allowed() ? counted(__libc_memalign(alignment, size)) : nullptr;
}
void* aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }
int posix_memalign(void** result, size_t alignment, size_t size) {
  void* memory = memalign(alignment, size);
  if (memory == nullptr) return ENOMEM;
  *result = memory;
  return 0;
}
void free(void* memory) {
  if (memory != nullptr) g_alive.fetch_sub(1);
  __libc_free(memory);
}
}
#endif

namespace fettle::test {
namespace {

#ifdef FETTLE_FAILS_ALLOCATIONS
struct Outcome {
  bool loaded;
  ErrorCode code;
  bool leaked;
};

Outcome load_with(long allocations, const LoadOptions& options) {
  const std::string path = glyphs_model();
  const long before = g_alive;
  Outcome outcome{};
  {
    g_left = allocations;
    Result<Runtime> runtime = Runtime::load(path, {}, options);
    g_left = kAll;
    outcome.loaded = static_cast<bool>(runtime);
    outcome.code = runtime ? ErrorCode::kInternal : runtime.error().code();
  }
  outcome.leaked = g_alive != before;
  return outcome;
}

void check_failures(const LoadOptions& options) {
  // What is made once and kept (CPU detection, the backend's tables) is made by a first load.
  REQUIRE(load_with(kAll, options).loaded);
  const Outcome steady = load_with(kAll, options);
  REQUIRE(steady.loaded);
  CHECK_FALSE(steady.leaked);
  // All of the first failures, then ever fewer: a load makes tens of thousands of allocations.
  long refused = 0;
  for (long left = 0;; left += left < (quick() ? 100 : 1500) ? 1 : (quick() ? 997 : 11)) {
    const Outcome outcome = load_with(left, options);
    if (outcome.loaded) break;
    INFO("failing allocation number " << left + 1);
    if (outcome.code != ErrorCode::kOutOfMemory) CHECK(error_name(outcome.code) == "out_of_memory");
    if (outcome.leaked) CHECK_FALSE(outcome.leaked);
    ++refused;
    REQUIRE(left < 10'000'000);
  }
  CHECK(refused > 100);
}
#endif

}  // namespace

TEST_CASE("any allocation that fails during a load is an error, and nothing leaks", "[runtime]") {
#if defined(FETTLE_FAILS_ALLOCATIONS)
  LoadOptions options;
  SECTION("one thread") {}
  SECTION("two threads and a profile") {
    options.compile.threads = 2;
    options.runtime.profile = true;
  }
  check_failures(options);
#else
  SKIP("allocations cannot be made to fail here");
#endif
}

}  // namespace fettle::test

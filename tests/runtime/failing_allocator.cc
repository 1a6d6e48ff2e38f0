// SPDX-License-Identifier: Apache-2.0
#include "tests/runtime/failing_allocator.h"
#include "tests/common/sanitized.h"

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <new>

#if FETTLE_SANITIZED
#define FETTLE_FAILING_NEW 1
#elif defined(__GLIBC__)
#define FETTLE_FAILING_MALLOC 1
#endif

namespace {

constinit std::atomic<long> g_left{fettle::test::kAllAllocations};
constinit std::atomic<long> g_alive{0};

[[maybe_unused]] bool allowed() {
  return g_left.load() == fettle::test::kAllAllocations || g_left.fetch_sub(1) > 0;
}
[[maybe_unused]] void* counted(void* memory) {
  if (memory != nullptr) g_alive.fetch_add(1);
  return memory;
}

}  // namespace

#if defined(FETTLE_FAILING_MALLOC)
extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);
void __libc_free(void*);

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
#elif defined(FETTLE_FAILING_NEW)
namespace {

void* allocate(std::size_t size) noexcept { return allowed() ? counted(std::malloc(size)) : nullptr; }
void* allocate(std::size_t size, std::align_val_t alignment) noexcept {
  const auto unit = static_cast<std::size_t>(alignment);
  return allowed() ? counted(std::aligned_alloc(unit, (size + unit - 1) / unit * unit)) : nullptr;
}
void* or_throw(void* memory) {
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void release(void* memory) noexcept {
  if (memory != nullptr) g_alive.fetch_sub(1);
  std::free(memory);
}

}  // namespace

// All of them: a sanitizer has each, and none of its own calls another.
using Align = std::align_val_t;
void* operator new(std::size_t n) { return or_throw(allocate(n)); }
void* operator new[](std::size_t n) { return or_throw(allocate(n)); }
void* operator new(std::size_t n, Align a) { return or_throw(allocate(n, a)); }
void* operator new[](std::size_t n, Align a) { return or_throw(allocate(n, a)); }
void* operator new(std::size_t n, const std::nothrow_t&) noexcept { return allocate(n); }
void* operator new[](std::size_t n, const std::nothrow_t&) noexcept { return allocate(n); }
void* operator new(std::size_t n, Align a, const std::nothrow_t&) noexcept { return allocate(n, a); }
void* operator new[](std::size_t n, Align a, const std::nothrow_t&) noexcept { return allocate(n, a); }
void operator delete(void* p) noexcept { release(p); }
void operator delete[](void* p) noexcept { release(p); }
void operator delete(void* p, std::size_t) noexcept { release(p); }
void operator delete[](void* p, std::size_t) noexcept { release(p); }
void operator delete(void* p, Align) noexcept { release(p); }
void operator delete[](void* p, Align) noexcept { release(p); }
void operator delete(void* p, std::size_t, Align) noexcept { release(p); }
void operator delete[](void* p, std::size_t, Align) noexcept { release(p); }
void operator delete(void* p, const std::nothrow_t&) noexcept { release(p); }
void operator delete[](void* p, const std::nothrow_t&) noexcept { release(p); }
void operator delete(void* p, Align, const std::nothrow_t&) noexcept { release(p); }
void operator delete[](void* p, Align, const std::nothrow_t&) noexcept { release(p); }
#endif

namespace fettle::test {

bool allocations_can_fail() {
#if defined(FETTLE_FAILING_MALLOC) || defined(FETTLE_FAILING_NEW)
  return true;
#else
  return false;
#endif
}
void allow_allocations(long count) { g_left = count; }
long blocks_alive() { return g_alive; }

}  // namespace fettle::test

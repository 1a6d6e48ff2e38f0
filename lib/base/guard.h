// SPDX-License-Identifier: Apache-2.0
//
// Where C++ exceptions end. The only exception that the library's own code can meet is a failed allocation in
// a standard container; every public function that allocates runs inside guard_allocation.
#pragma once

#include <fettle/error.h>

#include <new>
#include <stdexcept>

namespace fettle {

/// Error{kOutOfMemory}. Short enough for the small-string buffer, so that making it does not allocate.
inline Error out_of_memory() { return {ErrorCode::kOutOfMemory, "out of memory"}; }

/// Calls `body`, which returns a Result, and turns a failed allocation into an Error. Without exceptions a
/// failed small allocation ends the process as it does in any program built so; large buffers are allocated
/// without throwing.
template <typename Body>
auto guard_allocation(Body&& body) -> decltype(body()) {
#if defined(__cpp_exceptions)
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return out_of_memory();
  } catch (const std::length_error&) {
    return out_of_memory();
  }
#else
  return body();
#endif
}

}  // namespace fettle

// SPDX-License-Identifier: Apache-2.0
//
// What a `pthreadpool_t` is in Fettle: XNNPACK's parallel loops run over the application's ThreadPool. The
// entry points of pthreadpool that XNNPACK calls are defined in pthreadpool_shim.cc, under their C names.
#pragma once

#include <fettle/thread_pool.h>

#include <pthreadpool.h>

/// The structure that pthreadpool.h leaves incomplete. Plain data: whoever runs operators keeps one by value.
/// A null `pthreadpool_t`, or one without a pool, runs everything on the calling thread.
struct pthreadpool {
  fettle::ThreadPool* pool = nullptr;  ///< not owned
  int max_threads = 1;                 ///< how many of the pool's threads the operator may use
};

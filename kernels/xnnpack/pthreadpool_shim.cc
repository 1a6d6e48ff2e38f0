// SPDX-License-Identifier: Apache-2.0
//
// pthreadpool's interface over fettle::ThreadPool: the entry points that XNNPACK calls, all of them one loop
// nest.
//
// Every variant walks the tiles of a box of up to six dimensions. The tiles are numbered with the last
// dimension fastest and handed to the pool as one range. A task decodes its first number by division and
// steps like an odometer from there. Nothing is allocated, and the caller waits for nothing but the end of
// its own loop.
//
// The variants `with_uarch` always pass the default index: the tasks then use the kernels that were chosen
// for the fastest kind of core on every core, so results do not depend on where a thread happens to run.
//
// XNNPACK asks every loop to flush subnormal numbers (PTHREADPOOL_FLAG_DISABLE_DENORMALS), divisions and
// functions too. The flags are passed over: the runtime knows the layer and has set every thread.
#include "kernels/xnnpack/pthreadpool_shim.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace {

// One dimension of the box: its extent, and how much of it a tile covers.
struct Dimension {
  std::size_t range;
  std::size_t tile = 1;

  std::size_t tiles() const noexcept { return range / tile + (range % tile != 0 ? 1 : 0); }
};

// Where a tile begins in each dimension, and how much of the dimension is left for it.
template <std::size_t N>
struct Tile {
  std::array<std::size_t, N> start;
  std::array<std::size_t, N> size;
};

int thread_count(pthreadpool_t threads) noexcept {
  if (threads == nullptr || threads->pool == nullptr) return 1;
  return std::max(1, std::min(threads->max_threads, threads->pool->threads()));
}

// Calls `body(tile, worker)` for every tile of the box.
template <std::size_t N, typename Body>
void for_each_tile(pthreadpool_t threads, const std::array<Dimension, N>& box, const Body& body) {
  std::size_t total = 1;
  for (const Dimension& dimension : box) total *= dimension.tiles();
  fettle::parallel_for(threads == nullptr ? nullptr : threads->pool, thread_count(threads),
                       static_cast<std::int64_t>(total),
                       [&](std::int64_t begin, std::int64_t end, int worker) {
                         Tile<N> at;
                         std::size_t rest = static_cast<std::size_t>(begin);
                         for (std::size_t i = N; i-- > 0;) {
                           const std::size_t tiles = box[i].tiles();
                           at.start[i] = rest % tiles * box[i].tile;
                           at.size[i] = std::min(box[i].tile, box[i].range - at.start[i]);
                           rest /= tiles;
                         }
                         for (std::int64_t item = begin; item < end; ++item) {
                           body(at, static_cast<std::size_t>(worker));
                           for (std::size_t i = N; i-- > 0;) {
                             at.start[i] += box[i].tile;
                             const bool wraps = at.start[i] >= box[i].range;
                             if (wraps) at.start[i] = 0;
                             at.size[i] = std::min(box[i].tile, box[i].range - at.start[i]);
                             if (!wraps) break;
                           }
                         }
                       });
}

}  // namespace

extern "C" {

size_t pthreadpool_get_threads_count(pthreadpool_t threads) {
  return static_cast<size_t>(thread_count(threads));
}

void pthreadpool_parallelize_1d(pthreadpool_t threads, pthreadpool_task_1d_t task, void* context,
                                size_t range, uint32_t) {
  for_each_tile<1>(threads, {{{range}}}, [&](const Tile<1>& t, size_t) { task(context, t.start[0]); });
}

void pthreadpool_parallelize_1d_with_thread(pthreadpool_t threads, pthreadpool_task_1d_with_thread_t task,
                                            void* context, size_t range, uint32_t) {
  for_each_tile<1>(threads, {{{range}}},
                   [&](const Tile<1>& t, size_t worker) { task(context, worker, t.start[0]); });
}

void pthreadpool_parallelize_1d_tile_1d(pthreadpool_t threads, pthreadpool_task_1d_tile_1d_t task,
                                        void* context, size_t range, size_t tile, uint32_t) {
  for_each_tile<1>(threads, {{{range, tile}}},
                   [&](const Tile<1>& t, size_t) { task(context, t.start[0], t.size[0]); });
}

void pthreadpool_parallelize_2d(pthreadpool_t threads, pthreadpool_task_2d_t task, void* context,
                                size_t range_i, size_t range_j, uint32_t) {
  for_each_tile<2>(threads, {{{range_i}, {range_j}}},
                   [&](const Tile<2>& t, size_t) { task(context, t.start[0], t.start[1]); });
}

void pthreadpool_parallelize_2d_with_thread(pthreadpool_t threads, pthreadpool_task_2d_with_thread_t task,
                                            void* context, size_t range_i, size_t range_j, uint32_t) {
  for_each_tile<2>(threads, {{{range_i}, {range_j}}},
                   [&](const Tile<2>& t, size_t worker) { task(context, worker, t.start[0], t.start[1]); });
}

void pthreadpool_parallelize_2d_tile_1d(pthreadpool_t threads, pthreadpool_task_2d_tile_1d_t task,
                                        void* context, size_t range_i, size_t range_j, size_t tile_j,
                                        uint32_t) {
  for_each_tile<2>(threads, {{{range_i}, {range_j, tile_j}}},
                   [&](const Tile<2>& t, size_t) { task(context, t.start[0], t.start[1], t.size[1]); });
}

void pthreadpool_parallelize_2d_tile_1d_with_uarch(pthreadpool_t threads,
                                                   pthreadpool_task_2d_tile_1d_with_id_t task, void* context,
                                                   uint32_t default_uarch, uint32_t, size_t range_i,
                                                   size_t range_j, size_t tile_j, uint32_t) {
  for_each_tile<2>(threads, {{{range_i}, {range_j, tile_j}}}, [&](const Tile<2>& t, size_t) {
    task(context, default_uarch, t.start[0], t.start[1], t.size[1]);
  });
}

void pthreadpool_parallelize_2d_tile_2d(pthreadpool_t threads, pthreadpool_task_2d_tile_2d_t task,
                                        void* context, size_t range_i, size_t range_j, size_t tile_i,
                                        size_t tile_j, uint32_t) {
  for_each_tile<2>(threads, {{{range_i, tile_i}, {range_j, tile_j}}}, [&](const Tile<2>& t, size_t) {
    task(context, t.start[0], t.start[1], t.size[0], t.size[1]);
  });
}

void pthreadpool_parallelize_2d_tile_2d_with_uarch(pthreadpool_t threads,
                                                   pthreadpool_task_2d_tile_2d_with_id_t task, void* context,
                                                   uint32_t default_uarch, uint32_t, size_t range_i,
                                                   size_t range_j, size_t tile_i, size_t tile_j, uint32_t) {
  for_each_tile<2>(threads, {{{range_i, tile_i}, {range_j, tile_j}}}, [&](const Tile<2>& t, size_t) {
    task(context, default_uarch, t.start[0], t.start[1], t.size[0], t.size[1]);
  });
}

void pthreadpool_parallelize_3d(pthreadpool_t threads, pthreadpool_task_3d_t task, void* context,
                                size_t range_i, size_t range_j, size_t range_k, uint32_t) {
  for_each_tile<3>(threads, {{{range_i}, {range_j}, {range_k}}},
                   [&](const Tile<3>& t, size_t) { task(context, t.start[0], t.start[1], t.start[2]); });
}

void pthreadpool_parallelize_3d_tile_1d(pthreadpool_t threads, pthreadpool_task_3d_tile_1d_t task,
                                        void* context, size_t range_i, size_t range_j, size_t range_k,
                                        size_t tile_k, uint32_t) {
  for_each_tile<3>(threads, {{{range_i}, {range_j}, {range_k, tile_k}}}, [&](const Tile<3>& t, size_t) {
    task(context, t.start[0], t.start[1], t.start[2], t.size[2]);
  });
}

void pthreadpool_parallelize_3d_tile_1d_with_thread(pthreadpool_t threads,
                                                    pthreadpool_task_3d_tile_1d_with_thread_t task,
                                                    void* context, size_t range_i, size_t range_j,
                                                    size_t range_k, size_t tile_k, uint32_t) {
  for_each_tile<3>(threads, {{{range_i}, {range_j}, {range_k, tile_k}}},
                   [&](const Tile<3>& t, size_t worker) {
                     task(context, worker, t.start[0], t.start[1], t.start[2], t.size[2]);
                   });
}

void pthreadpool_parallelize_3d_tile_1d_with_uarch(pthreadpool_t threads,
                                                   pthreadpool_task_3d_tile_1d_with_id_t task, void* context,
                                                   uint32_t default_uarch, uint32_t, size_t range_i,
                                                   size_t range_j, size_t range_k, size_t tile_k, uint32_t) {
  for_each_tile<3>(threads, {{{range_i}, {range_j}, {range_k, tile_k}}}, [&](const Tile<3>& t, size_t) {
    task(context, default_uarch, t.start[0], t.start[1], t.start[2], t.size[2]);
  });
}

void pthreadpool_parallelize_3d_tile_1d_with_uarch_with_thread(
    pthreadpool_t threads, pthreadpool_task_3d_tile_1d_with_id_with_thread_t task, void* context,
    uint32_t default_uarch, uint32_t, size_t range_i, size_t range_j, size_t range_k, size_t tile_k,
    uint32_t) {
  for_each_tile<3>(threads, {{{range_i}, {range_j}, {range_k, tile_k}}},
                   [&](const Tile<3>& t, size_t worker) {
                     task(context, default_uarch, worker, t.start[0], t.start[1], t.start[2], t.size[2]);
                   });
}

void pthreadpool_parallelize_3d_tile_2d(pthreadpool_t threads, pthreadpool_task_3d_tile_2d_t task,
                                        void* context, size_t range_i, size_t range_j, size_t range_k,
                                        size_t tile_j, size_t tile_k, uint32_t) {
  for_each_tile<3>(threads, {{{range_i}, {range_j, tile_j}, {range_k, tile_k}}},
                   [&](const Tile<3>& t, size_t) {
                     task(context, t.start[0], t.start[1], t.start[2], t.size[1], t.size[2]);
                   });
}

void pthreadpool_parallelize_3d_tile_2d_with_uarch(pthreadpool_t threads,
                                                   pthreadpool_task_3d_tile_2d_with_id_t task, void* context,
                                                   uint32_t default_uarch, uint32_t, size_t range_i,
                                                   size_t range_j, size_t range_k, size_t tile_j,
                                                   size_t tile_k, uint32_t) {
  for_each_tile<3>(threads, {{{range_i}, {range_j, tile_j}, {range_k, tile_k}}},
                   [&](const Tile<3>& t, size_t) {
                     task(context, default_uarch, t.start[0], t.start[1], t.start[2], t.size[1], t.size[2]);
                   });
}

void pthreadpool_parallelize_4d(pthreadpool_t threads, pthreadpool_task_4d_t task, void* context,
                                size_t range_i, size_t range_j, size_t range_k, size_t range_l, uint32_t) {
  for_each_tile<4>(threads, {{{range_i}, {range_j}, {range_k}, {range_l}}}, [&](const Tile<4>& t, size_t) {
    task(context, t.start[0], t.start[1], t.start[2], t.start[3]);
  });
}

void pthreadpool_parallelize_4d_tile_2d(pthreadpool_t threads, pthreadpool_task_4d_tile_2d_t task,
                                        void* context, size_t range_i, size_t range_j, size_t range_k,
                                        size_t range_l, size_t tile_k, size_t tile_l, uint32_t) {
  for_each_tile<4>(threads, {{{range_i}, {range_j}, {range_k, tile_k}, {range_l, tile_l}}},
                   [&](const Tile<4>& t, size_t) {
                     task(context, t.start[0], t.start[1], t.start[2], t.start[3], t.size[2], t.size[3]);
                   });
}

void pthreadpool_parallelize_4d_tile_2d_with_uarch(pthreadpool_t threads,
                                                   pthreadpool_task_4d_tile_2d_with_id_t task, void* context,
                                                   uint32_t default_uarch, uint32_t, size_t range_i,
                                                   size_t range_j, size_t range_k, size_t range_l,
                                                   size_t tile_k, size_t tile_l, uint32_t) {
  for_each_tile<4>(
      threads, {{{range_i}, {range_j}, {range_k, tile_k}, {range_l, tile_l}}}, [&](const Tile<4>& t, size_t) {
        task(context, default_uarch, t.start[0], t.start[1], t.start[2], t.start[3], t.size[2], t.size[3]);
      });
}

void pthreadpool_parallelize_5d(pthreadpool_t threads, pthreadpool_task_5d_t task, void* context,
                                size_t range_i, size_t range_j, size_t range_k, size_t range_l,
                                size_t range_m, uint32_t) {
  for_each_tile<5>(threads, {{{range_i}, {range_j}, {range_k}, {range_l}, {range_m}}},
                   [&](const Tile<5>& t, size_t) {
                     task(context, t.start[0], t.start[1], t.start[2], t.start[3], t.start[4]);
                   });
}

void pthreadpool_parallelize_5d_tile_2d(pthreadpool_t threads, pthreadpool_task_5d_tile_2d_t task,
                                        void* context, size_t range_i, size_t range_j, size_t range_k,
                                        size_t range_l, size_t range_m, size_t tile_l, size_t tile_m,
                                        uint32_t) {
  for_each_tile<5>(threads, {{{range_i}, {range_j}, {range_k}, {range_l, tile_l}, {range_m, tile_m}}},
                   [&](const Tile<5>& t, size_t) {
                     task(context, t.start[0], t.start[1], t.start[2], t.start[3], t.start[4], t.size[3],
                          t.size[4]);
                   });
}

void pthreadpool_parallelize_6d_tile_2d(pthreadpool_t threads, pthreadpool_task_6d_tile_2d_t task,
                                        void* context, size_t range_i, size_t range_j, size_t range_k,
                                        size_t range_l, size_t range_m, size_t range_n, size_t tile_m,
                                        size_t tile_n, uint32_t) {
  for_each_tile<6>(threads,
                   {{{range_i}, {range_j}, {range_k}, {range_l}, {range_m, tile_m}, {range_n, tile_n}}},
                   [&](const Tile<6>& t, size_t) {
                     task(context, t.start[0], t.start[1], t.start[2], t.start[3], t.start[4], t.start[5],
                          t.size[4], t.size[5]);
                   });
}

}  // extern "C"

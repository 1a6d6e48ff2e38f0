// SPDX-License-Identifier: Apache-2.0
#include "lib/compile/memory_planner.h"

#include <catch2/catch_test_macros.hpp>

#include <random>
#include <vector>

namespace {

using fettle::runtime::largest_live_set;
using fettle::runtime::MemoryBlock;
using fettle::runtime::place_blocks;

bool overlap(const MemoryBlock& a, const MemoryBlock& b) {
  const bool in_time = a.first <= b.last && b.first <= a.last;
  const bool in_space = a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes;
  return in_time && in_space && a.bytes > 0 && b.bytes > 0;
}

void check_placement(std::vector<MemoryBlock>& blocks) {
  const std::size_t bytes = place_blocks(blocks);
  REQUIRE(bytes >= largest_live_set(blocks));
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    REQUIRE(blocks[i].offset % fettle::runtime::kArenaAlignment == 0);
    REQUIRE(blocks[i].offset + blocks[i].bytes <= bytes);
    for (std::size_t j = 0; j < i; ++j) REQUIRE_FALSE(overlap(blocks[i], blocks[j]));
  }
}

}  // namespace

TEST_CASE("an arena without blocks is empty") {
  std::vector<MemoryBlock> none;
  CHECK(place_blocks(none) == 0);
}

TEST_CASE("a chain needs its largest neighbours only") {
  std::vector<MemoryBlock> blocks;
  const std::size_t sizes[] = {640, 1280, 64, 2560, 128, 1280};
  for (int i = 0; i < 6; ++i) blocks.push_back({sizes[i], i, i + 1, 0});
  check_placement(blocks);
  CHECK(place_blocks(blocks) == 2560 + 128);
}

TEST_CASE("sizes are rounded to the alignment") {
  std::vector<MemoryBlock> blocks{{1, 0, 1, 0}, {65, 0, 1, 0}};
  CHECK(place_blocks(blocks) == 64 + 128);
}

TEST_CASE("random blocks never overlap and stay near the bound") {
  std::mt19937 random(7);
  for (int round = 0; round < 30; ++round) {
    std::vector<MemoryBlock> blocks;
    const int steps = 20 + static_cast<int>(random() % 60);
    for (int i = 0; i < steps; ++i) {
      const int last = std::min(steps, i + 1 + static_cast<int>(random() % (random() % 5 == 0 ? 20 : 3)));
      blocks.push_back({64 * (1 + random() % 400), i, last, 0});
    }
    check_placement(blocks);
    CHECK(static_cast<double>(place_blocks(blocks)) <= 1.1 * static_cast<double>(largest_live_set(blocks)));
  }
}

TEST_CASE("placement is deterministic") {
  std::vector<MemoryBlock> a{{640, 0, 3, 0}, {128, 1, 2, 0}, {256, 2, 5, 0}, {512, 4, 6, 0}};
  std::vector<MemoryBlock> b = a;
  CHECK(place_blocks(a) == place_blocks(b));
  for (std::size_t i = 0; i < a.size(); ++i) CHECK(a[i].offset == b[i].offset);
}

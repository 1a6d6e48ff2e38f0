// SPDX-License-Identifier: Apache-2.0
#include "lib/compile/memory_planner.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <numeric>
#include <utility>
#include <vector>

namespace fettle::runtime {
namespace {

using Order = std::vector<std::size_t>;

// Comparisons of block pairs that improving an order may cost; keeps load time bounded for networks of any
// size.
constexpr std::size_t kEffort = 30'000'000;

bool alive_together(const MemoryBlock& a, const MemoryBlock& b) {
  return a.first <= b.last && b.first <= a.last;
}

// Places the blocks in `order`, each in the smallest gap that holds it among those already placed.
std::size_t place_in_order(std::span<MemoryBlock> blocks, const Order& order) {
  std::vector<std::size_t> placed;  // by offset
  placed.reserve(order.size());
  std::size_t top = 0;
  for (std::size_t index : order) {
    MemoryBlock& block = blocks[index];
    std::size_t best_offset = 0;
    std::size_t best_gap = SIZE_MAX;
    std::size_t end = 0;  // of everything below that is alive together with `block`
    for (std::size_t other : placed) {
      const MemoryBlock& neighbour = blocks[other];
      if (!alive_together(block, neighbour)) continue;
      if (neighbour.offset > end && neighbour.offset - end >= block.bytes &&
          neighbour.offset - end < best_gap) {
        best_gap = neighbour.offset - end;
        best_offset = end;
      }
      end = std::max(end, neighbour.offset + neighbour.bytes);
    }
    block.offset = best_gap == SIZE_MAX ? end : best_offset;
    top = std::max(top, block.offset + block.bytes);
    const auto position = std::lower_bound(
        placed.begin(), placed.end(), block.offset,
        [&](std::size_t other, std::size_t offset) { return blocks[other].offset < offset; });
    placed.insert(position, index);
  }
  return top;
}

Order sorted_order(std::span<const MemoryBlock> blocks,
                   bool (*before)(const MemoryBlock&, const MemoryBlock&)) {
  Order order(blocks.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return before(blocks[a], blocks[b]); });
  return order;
}

bool larger(const MemoryBlock& a, const MemoryBlock& b) { return a.bytes > b.bytes; }

bool larger_area(const MemoryBlock& a, const MemoryBlock& b) {
  const auto area = [](const MemoryBlock& m) {
    return static_cast<double>(m.bytes) * (m.last - m.first + 1);
  };
  return area(a) > area(b);
}

bool lives_longer(const MemoryBlock& a, const MemoryBlock& b) {
  const int length_a = a.last - a.first;
  const int length_b = b.last - b.first;
  return length_a != length_b ? length_a > length_b : a.bytes > b.bytes;
}

bool starts_earlier(const MemoryBlock& a, const MemoryBlock& b) {
  return a.first != b.first ? a.first < b.first : a.bytes > b.bytes;
}

std::vector<std::size_t> offsets_of(std::span<const MemoryBlock> blocks) {
  std::vector<std::size_t> offsets;
  offsets.reserve(blocks.size());
  for (const MemoryBlock& block : blocks) offsets.push_back(block.offset);
  return offsets;
}

// The bytes needed at the fullest step, and for each block whether it is alive there.
std::vector<std::pair<int, std::size_t>> live_bytes_by_step(std::span<const MemoryBlock> blocks) {
  std::map<int, std::ptrdiff_t> change;
  for (const MemoryBlock& block : blocks) {
    change[block.first] += static_cast<std::ptrdiff_t>(block.bytes);
    change[block.last + 1] -= static_cast<std::ptrdiff_t>(block.bytes);
  }
  std::vector<std::pair<int, std::size_t>> live;
  std::ptrdiff_t now = 0;
  for (const auto& [step, delta] : change) live.emplace_back(step, static_cast<std::size_t>(now += delta));
  return live;
}

}  // namespace

std::size_t largest_live_set(std::span<const MemoryBlock> blocks) {
  std::size_t largest = 0;
  for (const auto& [step, bytes] : live_bytes_by_step(blocks)) largest = std::max(largest, bytes);
  return largest;
}

std::size_t place_blocks(std::span<MemoryBlock> blocks) {
  for (MemoryBlock& block : blocks) block.bytes = round_to_arena(block.bytes);
  const std::size_t bound = largest_live_set(blocks);

  std::size_t best = SIZE_MAX;
  Order best_order;
  std::vector<std::size_t> best_offsets(blocks.size(), 0);
  const auto consider = [&](const Order& order) {
    const std::size_t top = place_in_order(blocks, order);
    if (top > best) return false;  // sideways moves lead out of plateaus
    best = top;
    best_order = order;
    best_offsets = offsets_of(blocks);
    return true;
  };
  for (auto* before : {larger, larger_area, lives_longer, starts_earlier}) {
    if (best > bound) consider(sorted_order(blocks, before));
  }

  // Improve: a block that reaches the top was placed too late. Move one such block, or a random one, towards
  // the front.
  const std::size_t rounds = kEffort / (blocks.size() * blocks.size() + 1);
  std::uint32_t random = 12345;
  for (std::size_t round = 0; round < std::min<std::size_t>(rounds, 5000) && best > bound; ++round) {
    random = random * 1664525u + 1013904223u;
    Order order = best_order;
    std::size_t from = (random >> 8) % order.size();
    if (round % 2 == 0) {
      const auto at_top = std::find_if(order.begin(), order.end(), [&](std::size_t index) {
        return best_offsets[index] + blocks[index].bytes == best;
      });
      from = static_cast<std::size_t>(at_top - order.begin());
    }
    random = random * 1664525u + 1013904223u;
    const std::size_t to = from == 0 ? (random >> 8) % order.size() : (random >> 8) % from;
    const std::size_t moved = order[from];
    order.erase(order.begin() + static_cast<std::ptrdiff_t>(from));
    order.insert(order.begin() + static_cast<std::ptrdiff_t>(to), moved);
    consider(order);
  }
  for (std::size_t i = 0; i < blocks.size(); ++i) blocks[i].offset = best_offsets[i];
  return blocks.empty() ? 0 : best;
}

}  // namespace fettle::runtime

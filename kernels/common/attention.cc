// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/attention.h"

#include "kernels/attention.h"
#include "kernels/common/blocking.h"
#include "kernels/common/ceil_div.h"
#include "kernels/common/fresh_panels.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace fettle::kernels {
namespace {

// How the products of a head are cut.
struct AttentionCut {
  Panels keys;    // a column for each key
  Panels values;  // a row of weights for each key
  std::int64_t tile_rows;
  std::int64_t tiles;  // of all queries
  std::int64_t pitch;  // floats from one query's scores to the next; at cache lines

  AttentionCut(const TileSet& set, const AttentionShape& s)
      : keys(set, s.keys, s.size),
        values(set, s.value_size, s.keys),
        tile_rows(std::min(most_rows(set, keys), most_rows(set, values))),
        tiles(ceil_div(s.queries, tile_rows)),
        pitch(ceil_div(s.keys, kMostLanes) * kMostLanes) {}

  std::int64_t score_floats() const { return tile_rows * pitch; }
  std::int64_t head_floats() const { return whole_lines(keys.floats()) + whole_lines(values.floats()); }
  std::int64_t value_panels() const { return whole_lines(keys.floats()); }
  std::int64_t bias_floats() const {
    return whole_lines(std::max(keys.padded_columns(), values.padded_columns()));
  }
  // First and rows of a tile: all are nearly equally high.
  std::int64_t first_row(std::int64_t tile, std::int64_t queries) const { return tile * queries / tiles; }

 private:
  static std::int64_t most_rows(const TileSet& set, const Panels& panels) {
    return set.most_rows[panels.vectors - 1];
  }
  static std::int64_t whole_lines(std::int64_t floats) { return ceil_div(floats, kMostLanes) * kMostLanes; }
};

class BoundAttention final : public BoundKernel {
 public:
  BoundAttention(const AttentionSet& set, const BindArgs& args)
      : set_(set),
        s_(args.layer),
        cut_(set.tiles, s_),
        mask_(args.layer),
        visible_(args.layer),
        scale_(args.layer.main().attributes.real("scale")),
        softcap_(args.layer.main().attributes.real("softcap")),
        key_tile_(plain_tile(1, s_.size)),
        value_tile_(plain_tile(1, s_.keys)),
        pool_(args.pool),
        threads_(args.threads) {
    key_tile_.output_stride = static_cast<std::size_t>(cut_.pitch);
    value_tile_.output_stride = static_cast<std::size_t>(s_.y.row);
  }

  // Each thread takes whole heads where there are enough; else all of them share one after the other.
  static bool shares_heads(const AttentionShape& s, int threads) {
    return threads > 1 && s.batch * s.key_heads < 4 * threads;
  }

  static std::int64_t workspace_floats(const AttentionCut& cut, const AttentionShape& s, int threads) {
    const std::int64_t heads = shares_heads(s, threads) ? 1 : threads;
    return cut.bias_floats() + heads * cut.head_floats() + threads * cut.score_floats();
  }

  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void* workspace) noexcept override {
    q_ = static_cast<const float*>(inputs[0]);
    k_ = static_cast<const float*>(inputs[1]);
    v_ = static_cast<const float*>(inputs[2]);
    y_ = static_cast<float*>(outputs[0]);
    mask_.set_buffers(inputs);
    visible_.set_buffers(inputs);
    no_bias_ = static_cast<float*>(workspace);
    const std::int64_t heads = shares_heads(s_, threads_) ? 1 : threads_;
    panels_ = no_bias_ + cut_.bias_floats();
    scores_ = panels_ + heads * cut_.head_floats();
    return {};
  }

  Status run() noexcept override {
    std::fill_n(no_bias_, cut_.bias_floats(), 0.0f);
    const std::int64_t key_heads = s_.batch * s_.key_heads;
    const std::int64_t tiles = s_.group() * cut_.tiles;
    if (shares_heads(s_, threads_)) {
      for (std::int64_t head = 0; head < key_heads; ++head) {
        parallel_for(pool_, threads_, all_panels(),
                     [&](std::int64_t begin, std::int64_t end, int) { pack(head, begin, end, panels_); });
        parallel_for(pool_, threads_, tiles, [&](std::int64_t begin, std::int64_t end, int worker) {
          attend(head, begin, end, panels_, scores_of(worker));
        });
      }
      return {};
    }
    parallel_for(pool_, threads_, key_heads, [&](std::int64_t begin, std::int64_t end, int worker) {
      float* panels = panels_ + worker * cut_.head_floats();
      for (std::int64_t head = begin; head < end; ++head) {
        pack(head, 0, all_panels(), panels);
        attend(head, 0, tiles, panels, scores_of(worker));
      }
    });
    return {};
  }

 private:
  std::int64_t all_panels() const noexcept { return cut_.keys.count + cut_.values.count; }
  float* scores_of(int worker) const noexcept { return scores_ + worker * cut_.score_floats(); }

  // Some panels of a head's keys and, behind them, values.
  void pack(std::int64_t head, std::int64_t begin, std::int64_t end, float* panels) const noexcept {
    const std::int64_t image = head / s_.key_heads;
    const std::int64_t of_image = head % s_.key_heads;
    const FreshMatrix keys{k_ + s_.k.at(image, of_image), s_.k.element, s_.k.row};
    const FreshMatrix values{v_ + s_.v.at(image, of_image), s_.v.row, s_.v.element};
    for (std::int64_t i = begin; i < end; ++i) {
      if (i < cut_.keys.count)
        pack_fresh_panel(set_.convert, cut_.keys, keys, i, panels);
      else
        pack_fresh_panel(set_.convert, cut_.values, values, i - cut_.keys.count,
                         panels + cut_.value_panels());
    }
  }

  // Some tiles of the queries that share a head of keys.
  void attend(std::int64_t key_head, std::int64_t begin, std::int64_t end, const float* panels,
              float* scores) const noexcept {
    const std::int64_t image = key_head / s_.key_heads;
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t head = key_head % s_.key_heads * s_.group() + i / cut_.tiles;
      const std::int64_t tile = i % cut_.tiles;
      const std::int64_t first = cut_.first_row(tile, s_.queries);
      const std::int64_t rows = cut_.first_row(tile + 1, s_.queries) - first;
      attend_tile(image, head, first, static_cast<int>(rows), panels, scores);
    }
  }

  void attend_tile(std::int64_t image, std::int64_t head, std::int64_t query, int rows, const float* panels,
                   float* scores) const noexcept {
    const float* q = q_ + s_.q.at(image, head) + query * s_.q.row;
    float* y = y_ + s_.y.at(image, head) + query * s_.y.row;
    // A cap makes numbers of masked scores: then all of them count.
    const Keys keys = softcap_ > 0 ? Keys{0, s_.keys} : visible_.of_any(s_, image, query, rows);
    if (keys.empty()) {
      for (int r = 0; r < rows; ++r) std::fill_n(y + r * s_.y.row, s_.value_size, 0.0f);
      return;
    }
    Tile tile = key_tile_;
    tile.output = scores;
    const Block seen{0, rows, cut_.keys.panel_of(keys.first), cut_.keys.panel_of(keys.last - 1) + 1};
    multiply_rows(set_.tiles, cut_.keys, {panels, no_bias_}, seen, q, s_.q.row, tile, {});
    for (int r = 0; r < rows; ++r) weigh(image, head, query + r, keys, scores + r * cut_.pitch);
    tile = value_tile_;
    tile.depth = static_cast<std::size_t>(keys.last - keys.first);
    tile.output = y;
    multiply_rows(set_.tiles, cut_.values, {panels + cut_.value_panels(), no_bias_, nullptr, keys.first},
                  {0, rows, 0, cut_.values.count}, scores + keys.first, cut_.pitch, tile, {});
    if (mask_.is_plain() || softcap_ > 0 || (!mask_.exists() && !visible_.restricts())) return;
    const float* v = v_ + s_.v.at(image, head / s_.group());
    for (int r = 0; r < rows; ++r)
      leave_hidden_out(s_, mask_, image, head, query + r, keys, visible_.of(s_, image, query + r), v,
                       scores + keys.first + r * cut_.pitch, y + r * s_.y.row);
  }

  // Scores of a query with the keys that its tile sees become weights; `scores` is the first key's of all.
  void weigh(std::int64_t image, std::int64_t head, std::int64_t query, const Keys& tile,
             float* scores) const noexcept {
    Keys own = visible_.of(s_, image, query);
    if (softcap_ > 0) {
      cap(image, head, query, own, scores);
      set_.scores.weigh({scores, s_.keys, 1, nullptr, false});
      return;
    }
    own.first = std::clamp(own.first, tile.first, tile.last);
    own.last = std::clamp(own.last, own.first, tile.last);
    std::fill(scores + tile.first, scores + own.first, 0.0f);
    std::fill(scores + own.last, scores + tile.last, 0.0f);
    if (own.empty()) return;
    ScoreRow row{scores + own.first, own.last - own.first, scale_, nullptr, !mask_.is_plain()};
    if (mask_.has_rows()) {
      row.added = mask_.row(image, head, query, own.first);
    } else if (mask_.exists()) {
      for (std::int64_t i = 0; i < row.count; ++i) row.scores[i] *= scale_;
      mask_.apply(image, head, query, own.first, row.count, row.scores);
      row.scale = 1;
    }
    set_.scores.weigh(row);
  }

  void cap(std::int64_t image, std::int64_t head, std::int64_t query, const Keys& own,
           float* scores) const noexcept {
    for (std::int64_t key = 0; key < s_.keys; ++key) scores[key] *= scale_;
    mask_.apply(image, head, query, 0, s_.keys, scores);
    for (std::int64_t key = 0; key < s_.keys; ++key) {
      const float score = own.has(key) ? scores[key] : AttentionMask::kMasked;
      scores[key] = softcap_ * std::tanh(score / softcap_);
    }
  }

  const AttentionSet& set_;
  const AttentionShape s_;
  const AttentionCut cut_;
  AttentionMask mask_;
  VisibleKeys visible_;
  const float scale_, softcap_;
  Tile key_tile_, value_tile_;
  ThreadPool* const pool_;
  const int threads_;
  const float* q_ = nullptr;
  const float* k_ = nullptr;
  const float* v_ = nullptr;
  float* y_ = nullptr;
  float* no_bias_ = nullptr;  // what sums begin with
  float* panels_ = nullptr;   // of a head's keys and values, for each thread or for all
  float* scores_ = nullptr;   // of a tile, for each thread
};

}  // namespace

Refusal Attention::supports(const LayerDesc& layer) noexcept {
  if (const Refusal refusal = check_attention_f32(layer); refusal != Refusal::none) return refusal;
  return check_rows_and_columns(AttentionShape(layer));
}

std::size_t Attention::workspace_bytes(const AttentionSet& set, const LayerDesc& layer, int threads) {
  const AttentionShape s(layer);
  const AttentionCut cut(set.tiles, s);
  return static_cast<std::size_t>(BoundAttention::workspace_floats(cut, s, threads)) * sizeof(float);
}

Result<std::unique_ptr<BoundKernel>> Attention::bind(const AttentionSet& set, const BindArgs& args) {
  return bind_as<BoundAttention>(set, args);
}

}  // namespace fettle::kernels

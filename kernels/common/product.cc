// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/product.h"

#include "kernels/common/blocking.h"
#include "kernels/common/epilogue.h"
#include "kernels/common/fresh_panels.h"
#include "kernels/common/panels.h"
#include "kernels/common/product_shape.h"
#include "kernels/common/uniform.h"
#include "lib/base/guard.h"

#include <algorithm>
#include <cstring>

namespace fettle::kernels {
namespace {

constexpr std::size_t kBias = 2;

Panels panels_of_product(const ProductSet& set, const ProductShape& s) { return {set.tiles, s.n, s.k}; }

// Right operands that are packed beforehand where they are constant.
std::int64_t constant_products(const ProductShape& s) { return s.shares_b() ? 1 : s.batches(); }

// How many products' right operands are packed at a time.
std::int64_t products_together(const ProductShape& s, int threads) {
  return s.shares_b() ? 1 : std::min<std::int64_t>(threads, s.batches());
}

// The numbers of a bias, times Gemm's beta: one for each column.
class BiasOfProduct {
 public:
  BiasOfProduct(const LayerDesc& layer, std::span<const ConstantBytes> constants)
      : beta_(layer.main().attributes.real("beta", 1)) {
    if (layer.operand(kBias) == nullptr) return;
    const ConstantBytes& bytes = constants[static_cast<std::size_t>(layer.main().operands[kBias])];
    given_ = reinterpret_cast<const float*>(bytes.data());
    single_ = bytes.size() == sizeof(float);
  }
  float of(std::int64_t column) const {
    return given_ == nullptr ? 0.0f : beta_ * given_[single_ ? 0 : column];
  }

 private:
  float beta_;
  const float* given_ = nullptr;
  bool single_ = false;
};

// What is packed beforehand, in this order: constant right operands in panels with their biases, or, where
// the right operand is computed, the bias alone; then a constant left operand as it is.
struct PackedOperands {
  bool right;                // the right operand is there
  PackedProducts products;   // where its panels and biases lie then
  std::int64_t before_left;  // floats
  std::int64_t left;         // floats of the left operand

  PackedOperands(const ProductSet& set, const Panels& panels, const LayerDesc& layer, const ProductShape& s)
      : right(layer.operand(1)->constant),
        products(panels, right ? constant_products(s) : 1, 0, set.weights.stored),
        before_left(right                             ? products.floats()
                    : layer.operand(kBias) != nullptr ? panels.padded_columns()
                                                      : 0),
        left(layer.operand(0)->constant ? layer.operand(0)->shape.elements() : 0) {}
  std::int64_t floats() const { return before_left + left; }
};

class BoundProduct final : public BoundKernel {
 public:
  BoundProduct(const ProductSet& set, const BindArgs& args, const UnaryFunction& activation)
      : set_(set),
        s_(*ProductShape::of(args.layer)),
        panels_(panels_of_product(set, s_)),
        packed_(set, panels_, args.layer, s_),
        blocks_(set.tiles, panels_, s_.m, s_.m * s_.k, args.threads),
        batches_(s_.batches()),
        together_(products_together(s_, args.threads)),
        epilogue_(args.layer),
        activation_(activation),
        common_(plain_tile(1, s_.k)),
        pool_(args.pool),
        threads_(args.threads) {
    common_.low = epilogue_.clamp.low, common_.high = epilogue_.clamp.high;
    common_.last_low = epilogue_.after_added.low, common_.last_high = epilogue_.after_added.high;
    common_.output_stride = common_.residual_stride = static_cast<std::size_t>(s_.y.row);
    const auto* floats = reinterpret_cast<const float*>(args.packed.data());
    if (packed_.right)
      constant_ = floats;
    else if (packed_.before_left > 0)
      bias_ = floats;
    if (packed_.left > 0) constant_a_ = floats + packed_.before_left;
    const std::vector<int>& operands = args.layer.main().operands;
    a_at_ = static_cast<std::size_t>(operands[0]), b_at_ = static_cast<std::size_t>(operands[1]);
  }

  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void* workspace) noexcept override {
    a_ = constant_a_ != nullptr ? constant_a_ : static_cast<const float*>(inputs[a_at_]);
    b_ = static_cast<const float*>(inputs[b_at_]);
    y_ = static_cast<float*>(outputs[0]);
    residual_ = epilogue_.residual_of(inputs);
    fresh_panels_ = static_cast<float*>(workspace);
    if (constant_ == nullptr) no_bias_ = fresh_panels_ + together_ * panels_.floats();
    return {};
  }

  Status run() noexcept override {
    if (bias_ == nullptr && constant_ == nullptr) std::fill_n(no_bias_, panels_.padded_columns(), 0.0f);
    const float* bias = bias_ == nullptr ? no_bias_ : bias_;
    if (constant_ != nullptr) {
      multiply(0, batches_, [&](std::int64_t product) {
        return packed_.products.weights(constant_, s_.shares_b() ? 0 : product);
      });
    } else if (s_.shares_b()) {
      pack(0, 1);
      multiply(0, batches_, [&](std::int64_t) { return ProductWeights{fresh_panels_, bias}; });
    } else {
      for (std::int64_t first = 0; first < batches_; first += together_) {
        const std::int64_t count = std::min(together_, batches_ - first);
        pack(first, count);
        multiply(first, count, [&](std::int64_t product) {
          return ProductWeights{fresh_panels_ + product * panels_.floats(), bias};
        });
      }
    }
    return {};
  }

 private:
  // The right operands of `count` products, in panels.
  void pack(std::int64_t first, std::int64_t count) const noexcept {
    parallel_for(pool_, threads_, count * panels_.count, [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t product = i / panels_.count;
        pack_fresh_panel(set_.convert, panels_,
                         {b_ + s_.offset(s_.b, first + product), s_.b.row, s_.b.column}, i % panels_.count,
                         fresh_panels_ + product * panels_.floats());
      }
    });
  }

  // Products from `first` on; `weights_of` says what they are multiplied by, counted from there.
  template <typename WeightsOf>
  void multiply(std::int64_t first, std::int64_t count, WeightsOf&& weights_of) const noexcept {
    parallel_for(pool_, threads_, count * blocks_.count(), [&](std::int64_t begin, std::int64_t end, int) {
      blocks_.for_each(begin, end, [&](std::int64_t product, const Block& block) {
        const std::int64_t at = s_.offset(s_.y, first + product) + block.first_row * s_.y.row;
        Tile tile = common_;
        tile.output = y_ + at;
        if (residual_ != nullptr) tile.residual = residual_ + at;
        multiply_rows(set_.tiles, panels_, weights_of(product), block, a_ + s_.offset(s_.a, first + product),
                      s_.a.row, tile, activation_);
      });
    });
  }

  const ProductSet& set_;
  const ProductShape s_;
  const Panels panels_;
  const PackedOperands packed_;
  const Blocking blocks_;
  const std::int64_t batches_, together_;
  const Epilogue epilogue_;
  const UnaryFunction activation_;
  Tile common_;
  ThreadPool* const pool_;
  const int threads_;
  std::size_t a_at_, b_at_;
  const float* constant_ = nullptr;
  const float* constant_a_ = nullptr;
  const float* bias_ = nullptr;
  const float* a_ = nullptr;
  const float* b_ = nullptr;
  float* y_ = nullptr;
  const float* residual_ = nullptr;
  float* fresh_panels_ = nullptr;
  float* no_bias_ = nullptr;  // zeros behind them
};

// A row of constants, one for each column, or a single one.
Refusal check_bias(const LayerDesc& layer, const ProductShape& s) {
  const TensorDesc* bias = layer.operand(kBias);
  if (bias == nullptr) return Refusal::none;
  if (!bias->constant) return Refusal::not_constant;
  const Shape& shape = bias->shape;
  const bool row = shape.elements() == s.n && shape.rank() >= 1 && shape[shape.rank() - 1] == s.n;
  return row || shape.elements() == 1 ? Refusal::none : Refusal::shape;
}

}  // namespace

Refusal Product::supports(const LayerDesc& layer) noexcept {
  if (const Refusal refusal = uniform_f32(layer); refusal != Refusal::none) return refusal;
  if (layout_of(layer) != Layout::nchw) return Refusal::layout;
  if (layer.main().operands.size() > 3 || layer.outputs.size() != 1) return Refusal::op;
  const std::optional<ProductShape> s = ProductShape::of(layer);
  if (!s || layer.outputs[0].shape.elements() <= 0 || s->k <= 0) return Refusal::shape;
  // Rows of the left operand and the result lie in one piece, and either rows or columns of the right one.
  if ((s->k > 1 && s->a.column != 1) || (s->n > 1 && s->y.column != 1)) return Refusal::strides;
  const bool right = layer.operand(1)->constant;
  if (!right && s->n > 1 && s->k > 1 && s->b.column != 1 && s->b.row != 1) return Refusal::strides;
  if (right && layer.operand(0)->constant) return Refusal::constant;
  if (!right && s->alpha != 1) return Refusal::attribute;
  // What is packed must not depend on the other operand's batch axes.
  if (right && !s->shares_b() && s->batches() * s->k * s->n != layer.operand(1)->shape.elements())
    return Refusal::shape;
  if (const Refusal refusal = check_bias(layer, *s); refusal != Refusal::none) return refusal;
  // Nor must the number of columns.
  const TensorDesc* bias = layer.operand(kBias);
  if (!right && bias != nullptr && bias->shape.elements() != s->n) return Refusal::shape;
  return check_second_part(layer);
}

std::size_t Product::workspace_bytes(const ProductSet& set, const LayerDesc& layer, int threads) {
  if (layer.operand(1)->constant) return 0;
  const ProductShape s = *ProductShape::of(layer);
  const Panels panels = panels_of_product(set, s);
  return static_cast<std::size_t>(products_together(s, threads) * panels.floats() + panels.padded_columns()) *
         sizeof(float);
}

std::size_t Product::packed_bytes(const ProductSet& set, const LayerDesc& layer) {
  const ProductShape s = *ProductShape::of(layer);
  return static_cast<std::size_t>(PackedOperands(set, panels_of_product(set, s), layer, s).floats()) *
         sizeof(float);
}

Status Product::pack(const ProductSet& set, const LayerDesc& layer, std::span<const ConstantBytes> constants,
                     std::span<std::byte> packed) {
  const ProductShape s = *ProductShape::of(layer);
  const Panels panels = panels_of_product(set, s);
  const PackedOperands parts(set, panels, layer, s);
  const BiasOfProduct bias(layer, constants);
  auto* target = reinterpret_cast<float*>(packed.data());
  const auto* weights =
      reinterpret_cast<const float*>(constants[static_cast<std::size_t>(layer.main().operands[1])].data());
  std::fill_n(target, parts.before_left, 0.0f);
  for (std::int64_t product = 0; parts.right && product < constant_products(s); ++product) {
    set.weights.pack(panels, s, weights + s.offset(s.b, product), parts.products.panels(target, product),
                     parts.products.scale(target, product));
    for (std::int64_t column = 0; column < s.n; ++column)
      parts.products.bias(target, product)[column] = bias.of(column);
  }
  const bool biased = !parts.right && parts.before_left > 0;
  for (std::int64_t column = 0; biased && column < s.n; ++column) target[column] = bias.of(column);
  if (parts.left > 0) {
    const ConstantBytes& left = constants[static_cast<std::size_t>(layer.main().operands[0])];
    std::memcpy(target + parts.before_left, left.data(), left.size());
  }
  return {};
}

Result<std::unique_ptr<BoundKernel>> Product::bind(const ProductSet& set, const BindArgs& args,
                                                   const UnaryFunction& activation) {
  return bind_as<BoundProduct>(set, args, activation);
}

}  // namespace fettle::kernels

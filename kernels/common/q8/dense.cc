// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/q8/dense.h"

#include "kernels/common/ceil_div.h"
#include "kernels/common/dense_shape.h"
#include "kernels/common/integer_product.h"
#include "kernels/common/q8/product.h"
#include "kernels/common/uniform.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace fettle::kernels {
namespace {

ProductQ8Shape product_of(const DenseShape& s) { return {s.outputs, 1, s.depth}; }

class BoundDenseQ8 final : public BoundKernel {
 public:
  BoundDenseQ8(const TileQ8Set& set, const BindArgs& args)
      : set_(set),
        shape_(args.layer),
        product_(product_of(shape_)),
        panels_(panels_of_q8(set, product_)),
        blocks_(set.most_rows[panels_.vectors - 1], panels_, shape_.rows,
                ceil_div(shape_.rows * shape_.depth, std::int64_t{sizeof(float)}), args.threads),
        common_(tile_of_q8(set, args.layer, product_)),
        weights_(PackedQ8Products(set, panels_, product_, args.layer, 1, 0).weights(args.packed.data(), 0)),
        pool_(args.pool),
        threads_(args.threads) {}

  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void*) noexcept override {
    input_ = static_cast<const std::uint8_t*>(inputs[0]);
    output_ = static_cast<std::uint8_t*>(outputs[0]);
    return {};
  }

  Status run() noexcept override {
    parallel_for(pool_, threads_, blocks_.count(), [&](std::int64_t begin, std::int64_t end, int) {
      blocks_.for_each(begin, end, [&](std::int64_t, const Block& block) { run_block(block); });
    });
    return {};
  }

 private:
  void run_block(const Block& block) const noexcept {
    std::array<const std::uint8_t*, kMostQ8Rows> rows;
    for (int r = 0; r < block.rows; ++r)
      rows[static_cast<std::size_t>(r)] = input_ + (block.first_row + r) * shape_.depth;
    TileQ8 tile = common_;
    tile.rows = rows.data();
    tile.output = output_ + block.first_row * shape_.outputs;
    tile.output_stride = static_cast<std::size_t>(shape_.outputs);
    multiply_q8(set_, panels_, weights_, block, tile);
  }

  const TileQ8Set& set_;
  const DenseShape shape_;
  const ProductQ8Shape product_;
  const Panels panels_;
  const Blocking blocks_;
  const TileQ8 common_;
  const ProductQ8Weights weights_;
  ThreadPool* const pool_;
  const int threads_;
  const std::uint8_t* input_ = nullptr;
  std::uint8_t* output_ = nullptr;
};

}  // namespace

Refusal DenseQ8::supports(const LayerDesc& layer) noexcept {
  if (const Refusal refusal = check_dense_layer(layer); refusal != Refusal::none) return refusal;
  if (const Refusal refusal = check_q8_product(layer, DenseShape(layer).outputs); refusal != Refusal::none)
    return refusal;
  return layout_of(layer) == Layout::nchw ? Refusal::none : Refusal::layout;
}

std::size_t DenseQ8::packed_bytes(const TileQ8Set& set, const LayerDesc& layer) {
  const ProductQ8Shape product = product_of(DenseShape(layer));
  return PackedQ8Products(set, panels_of_q8(set, product), product, layer, 1, 0).bytes();
}

Status DenseQ8::pack(const TileQ8Set& set, const LayerDesc& layer, std::span<const ConstantBytes> constants,
                     std::span<std::byte> packed) {
  const DenseShape s(layer);
  const ProductQ8Shape product = product_of(s);
  const Panels panels = panels_of_q8(set, product);
  std::memset(packed.data(), 0, packed.size());
  PackedQ8Products(set, panels, product, layer, 1, 0)
      .pack(set, panels, product, layer, constants, 0, 0, packed,
            [&](std::int64_t column, std::int64_t, std::int64_t k) { return s.element(column, k); });
  return {};
}

Result<std::unique_ptr<BoundKernel>> DenseQ8::bind(const TileQ8Set& set, const BindArgs& args) {
  return bind_as<BoundDenseQ8>(set, args);
}

}  // namespace fettle::kernels

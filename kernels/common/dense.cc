// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/dense.h"

#include "kernels/common/blocking.h"
#include "kernels/common/epilogue.h"
#include "kernels/common/gemm_shape.h"
#include "kernels/common/panels.h"

#include <algorithm>

namespace fettle::kernels {
namespace {

class BoundDense final : public BoundKernel {
 public:
  BoundDense(const TileSet& tiles, const BindArgs& args, const UnaryFunction& activation)
      : tiles_(tiles),
        shape_(args.layer),
        panels_(tiles, shape_.n, shape_.k),
        blocks_(tiles, panels_, shape_.m, shape_.m * shape_.k, args.threads),
        activation_(activation),
        common_(plain_tile(1, shape_.k)),
        weights_(PackedProducts(panels_).weights(reinterpret_cast<const float*>(args.packed.data()))),
        pool_(args.pool),
        threads_(args.threads) {
    const Clamp clamp = Epilogue(args.layer).clamp;
    common_.low = clamp.low, common_.high = clamp.high;
    common_.output_stride = static_cast<std::size_t>(shape_.n);
  }

  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void*) noexcept override {
    input_ = static_cast<const float*>(inputs[0]);
    output_ = static_cast<float*>(outputs[0]);
    return {};
  }

  Status run() noexcept override {
    parallel_for(pool_, threads_, blocks_.count(), [&](std::int64_t begin, std::int64_t end, int) {
      blocks_.for_each(begin, end, [&](std::int64_t, const Block& block) {
        Tile tile = common_;
        tile.output = output_ + block.first_row * shape_.n;
        multiply_rows(tiles_, panels_, weights_, block, input_, shape_.k, tile, activation_);
      });
    });
    return {};
  }

 private:
  const TileSet& tiles_;
  const GemmShape shape_;
  const Panels panels_;
  const Blocking blocks_;
  const UnaryFunction activation_;
  Tile common_;
  const ProductWeights weights_;
  ThreadPool* const pool_;
  const int threads_;
  const float* input_ = nullptr;
  float* output_ = nullptr;
};

}  // namespace

Refusal Dense::supports(const LayerDesc& layer) noexcept {
  const Refusal refusal = check_gemm(layer);
  return refusal != Refusal::none ? refusal : check_second_part(layer);
}

std::size_t Dense::packed_bytes(const TileSet& tiles, const LayerDesc& layer) {
  const GemmShape shape(layer);
  return static_cast<std::size_t>(PackedProducts(Panels(tiles, shape.n, shape.k)).floats()) * sizeof(float);
}

Status Dense::pack(const TileSet& tiles, const LayerDesc& layer, std::span<const ConstantBytes> constants,
                   std::span<std::byte> packed) {
  const GemmShape shape(layer);
  const Panels panels(tiles, shape.n, shape.k);
  const auto* weights = reinterpret_cast<const float*>(constants[1].data());
  auto* target = reinterpret_cast<float*>(packed.data());
  const PackedProducts products(panels);
  std::fill_n(target, products.floats(), 0.0f);
  shape.scaled_bias(layer, constants, products.bias(target));
  for (std::int64_t column = 0; column < shape.n; ++column) {
    const std::int64_t width = panels.width_of(panels.panel_of(column));
    float* place = products.panels(target) + panels.place(column, 0);
    const float* from = weights + (shape.transposed ? column * shape.k : column);
    const std::int64_t step = shape.transposed ? 1 : shape.n;
    for (std::int64_t k = 0; k < shape.k; ++k) place[k * width] = shape.alpha * from[k * step];
  }
  return {};
}

Result<std::unique_ptr<BoundKernel>> Dense::bind(const TileSet& tiles, const BindArgs& args,
                                                 const UnaryFunction& activation) {
  return bind_as<BoundDense>(tiles, args, activation);
}

}  // namespace fettle::kernels

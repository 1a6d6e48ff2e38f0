// SPDX-License-Identifier: Apache-2.0
//
// Resizing of pictures by nearest neighbours, in every layout.
#include "kernels/common/blocked.h"
#include "kernels/common/in_blocks.h"
#include "kernels/portable/box.h"
#include "kernels/portable/portable.h"

#include <cmath>
#include <string_view>

namespace fettle::kernels::portable {
namespace {

// One direction: the source row or column of each output one by ONNX's rules.
class NearestAxis {
 public:
  NearestAxis(const Attributes& attributes, std::int64_t in, std::int64_t out, double scale) : last_(in - 1) {
    const std::string_view mode = attributes.string("coordinate_transformation_mode");
    const std::string_view rounding = attributes.string("nearest_mode");
    if (mode == "align_corners") {
      step_ = out == 1 ? 0 : static_cast<double>(last_);
      divisor_ = out == 1 ? 1 : static_cast<double>(out - 1);
    } else if (mode == "pytorch_half_pixel" && out <= 1) {
      step_ = 0;
    } else {
      divisor_ = scale;
      centre_ = mode == "asymmetric" ? 0 : 0.5;
    }
    up_ = rounding != "floor" && rounding != "round_prefer_ceil";
    tie_ = rounding == "floor" || rounding == "ceil" ? 0 : 0.5;
  }

  std::int64_t source(std::int64_t out) const noexcept {
    const double position = (static_cast<double>(out) * step_ + centre_) / divisor_ - centre_;
    const double chosen = up_ ? std::ceil(position - tie_) : std::floor(position + tie_);
    return static_cast<std::int64_t>(std::clamp(chosen, 0.0, static_cast<double>(last_)));
  }

 private:
  std::int64_t last_;
  double step_ = 1, divisor_ = 1;
  double centre_ = 0;  // of a pixel
  bool up_;            // else down: to the next whole number `tie` away
  double tie_;
};

void resize_nearest(const Call& call) {
  const TensorDesc& x = call.layer.inputs.front();
  const TensorDesc& y = call.layer.outputs.front();
  const auto scales = call.attributes().reals("scales");
  const std::int64_t rows = y.shape[2];
  const NearestAxis down(call.attributes(), x.shape[2], rows, static_cast<double>(scales[2]));
  const NearestAxis across(call.attributes(), x.shape[3], y.shape[3], static_cast<double>(scales[3]));
  call.parallel(y.shape[0] * rows, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t i = begin; i < end; ++i) {
      const float* from = call.in(0) + i / rows * stride(x, 0) + down.source(i % rows) * stride(x, 2);
      float* to = call.out() + i / rows * stride(y, 0) + i % rows * stride(y, 2);
      for (std::int64_t ox = 0; ox < y.shape[3]; ++ox, to += stride(y, 3))
        copy_line(from + across.source(ox) * stride(x, 3), stride(x, 1), to, stride(y, 1), y.shape[1]);
    }
  });
}

Refusal supports_nearest(const LayerDesc& layer) {
  const Attributes& a = layer.main().attributes;
  if (layer.inputs.size() != 1) return Refusal::attribute;
  if (layer.main().clamp) return Refusal::clamp;
  const TensorDesc& x = layer.inputs.front();
  const Shape& y = layer.outputs.front().shape;
  if (x.shape.rank() != 4 || a.reals("scales").size() != 4) return Refusal::rank;
  if (a.string("mode") != "nearest" || a.string("coordinate_transformation_mode") == "tf_half_pixel_for_nn")
    return Refusal::attribute;
  const bool pictures = x.shape[0] == y[0] && x.shape[1] == y[1] && a.reals("scales")[0] == 1 &&
                        a.reals("scales")[1] == 1 && a.reals("scales")[2] > 0 && a.reals("scales")[3] > 0 &&
                        x.shape.elements() > 0;
  return pictures ? Refusal::none : Refusal::shape;
}

Refusal supports_resize(const LayerDesc& layer, const Cpu&) {
  if (const Refusal refusal = supports_nearest(layer); refusal != Refusal::none) return refusal;
  if (layer.inputs.front().constant && layout_of(layer) != Layout::nchw) return Refusal::constant;
  return uniform_f32(layer);
}

Refusal supports_blocks(const LayerDesc& layer, const Cpu&) {
  if (const Refusal refusal = supports_nearest(layer); refusal != Refusal::none) return refusal;
  if (layer.inputs.front().constant) return Refusal::constant;
  return check_blocked_f32(layer, layer.outputs.front().format.block);
}

constexpr Op kResizeOp[] = {Op::resize};
constexpr Kernel kResize = [] {
  Kernel kernel = row<resize_nearest>("resize.nearest.f32.portable", kResizeOp, kBoth, supports_resize);
  kernel.input_striding = kernel.output_striding = Striding::any;
  return kernel;
}();
constexpr Kernel kResizeBlocks = [] {
  Kernel kernel =
      row<resize_nearest>("resize.nearest_blocks.f32.portable", kResizeOp, kNchwcPair, supports_blocks);
  kernel.bind = [](const BindArgs& args) {
    return guard_allocation([&]() -> Result<std::unique_ptr<BoundKernel>> {
      const LayerDesc pictures = pictures_of_blocks(args.layer);
      return bind<resize_nearest>({pictures, args.packed, args.pool, args.threads});
    });
  };
  return if_selected(kernel);
}();
constexpr const Kernel* kRows[] = {&kResize, &kResizeBlocks};

}  // namespace

std::span<const Kernel* const> resize_rows() noexcept { return kRows; }

}  // namespace fettle::kernels::portable

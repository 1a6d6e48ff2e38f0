// SPDX-License-Identifier: Apache-2.0
#include "lib/base/extents.h"

#include "lib/base/extent_rules.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace fettle {

std::optional<Extent> paired(Extent a, Extent b) noexcept {
  if (a.bounded && b.bounded) return Extent{std::max(a.most, b.most), true};
  if (a.bounded) std::swap(a, b);
  // Only b may be less than it says.
  if (a.most == 1) return b;
  if (b.bounded) return a.most <= b.most || b.most >= 1 ? std::optional(a) : std::nullopt;
  if (a.most != b.most && b.most != 1) return std::nullopt;
  return a;
}

std::optional<Extent> same(Extent a, Extent b) noexcept {
  if (a.bounded && b.bounded) return Extent{std::min(a.most, b.most), true};
  if (a.bounded) std::swap(a, b);
  const bool fits = b.bounded ? a.most <= b.most : a.most == b.most;
  return fits ? std::optional(a) : std::nullopt;
}

bool keeps_operand_shape(Op op) noexcept {
  switch (op) {
    case Op::lrn:
    case Op::batch_norm:
    case Op::instance_norm:
    case Op::layer_norm:
    case Op::rms_norm:
    case Op::group_norm:
    case Op::clamp:
    case Op::leaky_relu:
    case Op::elu:
    case Op::selu:
    case Op::celu:
    case Op::thresholded_relu:
    case Op::sigmoid:
    case Op::hard_sigmoid:
    case Op::hard_swish:
    case Op::swish:
    case Op::mish:
    case Op::tanh:
    case Op::softplus:
    case Op::softsign:
    case Op::gelu:
    case Op::gelu_tanh:
    case Op::erf:
    case Op::exp:
    case Op::log:
    case Op::sqrt:
    case Op::reciprocal:
    case Op::abs:
    case Op::neg:
    case Op::floor:
    case Op::ceil:
    case Op::round:
    case Op::sign:
    case Op::sin:
    case Op::cos:
    case Op::tan:
    case Op::asin:
    case Op::acos:
    case Op::atan:
    case Op::sinh:
    case Op::cosh:
    case Op::asinh:
    case Op::acosh:
    case Op::atanh:
    case Op::shrink:
    case Op::logical_not:
    case Op::bitwise_not:
    case Op::is_nan:
    case Op::is_inf:
    case Op::softmax:
    case Op::log_softmax:
    case Op::hardmax:
    case Op::cum_sum:
    case Op::cum_prod:
    case Op::trilu:
    case Op::cast:
    case Op::bit_cast:
    case Op::convert:
    case Op::identity:
      return true;
    default:
      return false;
  }
}

bool broadcasts(Op op) noexcept {
  switch (op) {
    case Op::add:
    case Op::sub:
    case Op::mul:
    case Op::div:
    case Op::pow:
    case Op::mod:
    case Op::min:
    case Op::max:
    case Op::prelu:
    case Op::equal:
    case Op::greater:
    case Op::less:
    case Op::greater_or_equal:
    case Op::less_or_equal:
    case Op::logical_and:
    case Op::logical_or:
    case Op::logical_xor:
    case Op::bitwise_and:
    case Op::bitwise_or:
    case Op::bitwise_xor:
    case Op::bit_shift:
    case Op::where:
      return true;
    default:
      return false;
  }
}

std::optional<TensorDesc> broadcast_bounded(const TensorDesc& a, const TensorDesc& b) noexcept {
  const int rank = std::max(a.shape.rank(), b.shape.rank());
  TensorDesc result;
  for (int axis = 0; axis < rank; ++axis) {
    const int i = axis - (rank - a.shape.rank());
    const int j = axis - (rank - b.shape.rank());
    const Extent one{1, false};
    const std::optional<Extent> both = paired(i < 0 ? one : extent_of(a, i), j < 0 ? one : extent_of(b, j));
    if (!both) return std::nullopt;
    result.shape.push_back(both->most);
    set_bounded(result, axis, both->bounded);
  }
  return result;
}

void set_extent(LayerDesc& layer, std::size_t tensor, int axis, std::int64_t extent) noexcept {
  const std::size_t inputs = layer.inputs.size();
  TensorDesc& desc = tensor < inputs ? layer.inputs[tensor] : layer.outputs[tensor - inputs];
  desc.shape[axis] = extent;
  desc.strides = dense_strides(desc.shape, desc.format);
}

int extents_result(Op op, std::size_t output) noexcept {
  switch (op) {
    case Op::non_zero:
    case Op::compress:
    case Op::non_max_suppression:
      return output == 0 ? 1 : -1;
    case Op::unique:
      return output == 0 ? 4 : output == 1 || output == 3 ? 5 : -1;
    default:
      return -1;
  }
}

bool reads_extents(const LayerPart& part, std::size_t operand) noexcept {
  switch (part.op) {
    case Op::reshape:
    case Op::expand:
    case Op::tile:
    case Op::top_k:
      return operand == 1;
    case Op::slice:
      return operand == 1 || operand == 2;
    case Op::resize:
      return operand == 2 || operand == 3;
    case Op::range:
      return true;
    case Op::constant_of_shape:
    case Op::select:
      return operand == 0;
    default:
      return false;
  }
}

std::int64_t slice_extent(std::int64_t extent, std::int64_t step, std::int64_t& start,
                          std::int64_t end) noexcept {
  if (extent == 0) return start = 0;
  // Beyond the axis in either direction all are alike, so that nothing overflows.
  const std::int64_t longest = extent;
  step = std::clamp(step, -longest, longest);
  const auto resolve = [&](std::int64_t at) {
    if (at < 0) at = at < -extent ? -1 : at + extent;
    return std::clamp<std::int64_t>(at, step > 0 ? 0 : -1, step > 0 ? extent : extent - 1);
  };
  start = resolve(start);
  end = resolve(end);
  const std::int64_t span = step > 0 ? end - start : start - end;
  const std::int64_t stride = step > 0 ? step : -step;
  return span <= 0 ? 0 : (span + stride - 1) / stride;
}

std::int64_t scaled_extent(std::int64_t extent, float scale) noexcept {
  const float scaled = std::floor(static_cast<float>(extent) * scale);
  return scaled >= 0 && scaled <= static_cast<float>(kMostResized) ? static_cast<std::int64_t>(scaled) : -1;
}

std::optional<std::int64_t> range_count(std::int64_t start, std::int64_t limit, std::int64_t delta) noexcept {
  if (delta == 0) return std::nullopt;
  if (delta > 0 ? start >= limit : start <= limit) return 0;
  const auto distance = [](std::int64_t from, std::int64_t to) {
    return static_cast<std::uint64_t>(to) - static_cast<std::uint64_t>(from);
  };
  const std::uint64_t span = delta > 0 ? distance(start, limit) : distance(limit, start);
  const std::uint64_t step = delta > 0 ? distance(0, delta) : distance(delta, 0);
  const std::uint64_t count = span / step + (span % step != 0 ? 1 : 0);
  if (count > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return std::nullopt;
  return static_cast<std::int64_t>(count);
}

}  // namespace fettle

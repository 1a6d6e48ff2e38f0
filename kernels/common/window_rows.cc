// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/window_rows.h"

#include <algorithm>

namespace fettle::kernels {

template <typename T>
WindowRowsOf<T>::WindowRowsOf(const ConvShape& shape, std::int64_t input_pitch, const T* zeros)
    : shape_(shape),
      pointwise_(shape.pointwise()),
      input_pitch_(input_pitch),
      zeros_(zeros),
      last_top_(shape.in_h - 1 - (shape.kernel_h - 1) * shape.dilation_h),
      last_left_(shape.in_w - 1 - (shape.kernel_w - 1) * shape.dilation_w),
      last_inside_(last_left_ + shape.pad_left < 0 ? -1 : (last_left_ + shape.pad_left) / shape.stride_w) {
  for (std::int64_t ky = 0; ky < shape.kernel_h; ++ky) {
    for (std::int64_t kx = 0; kx < shape.kernel_w; ++kx)
      tap_offsets_.push_back((ky * shape.dilation_h * shape.in_w + kx * shape.dilation_w) * input_pitch);
  }
}

template <typename T>
void WindowRowsOf<T>::find(const T* x, std::int64_t first, int rows, const T** pointers) const noexcept {
  const ConvShape& s = shape_;
  if (pointwise_) {
    for (int r = 0; r < rows; ++r) pointers[r] = x + (first + r) * input_pitch_;
    return;
  }
  std::int64_t oy = first / s.out_w;
  std::int64_t ox = first % s.out_w;
  for (int r = 0; r < rows;) {
    const std::int64_t top = oy * s.stride_h - s.pad_top;
    const std::int64_t left = ox * s.stride_w - s.pad_left;
    int found = 1;
    if (top >= 0 && left >= 0 && top <= last_top_ && left <= last_left_) {
      const std::int64_t last = std::min(last_inside_, s.out_w - 1);
      found = static_cast<int>(std::min<std::int64_t>(rows - r, last + 1 - ox));
      find_inside(x + (top * s.in_w + left) * input_pitch_, rows, found, pointers + r);
    } else {
      find_at_border(x, top, left, rows, pointers + r);
    }
    r += found;
    ox += found;
    if (ox == s.out_w) ox = 0, ++oy;
  }
}

// Every `rows`-th pointer is for the next tap.
template <typename T>
void WindowRowsOf<T>::find_inside(const T* corner, int rows, int count, const T** pointer) const noexcept {
  const std::int64_t step = shape_.stride_w * input_pitch_;
  for (const std::int64_t offset : tap_offsets_) {
    const T* at = corner + offset;
    for (int i = 0; i < count; ++i, at += step) pointer[i] = at;
    pointer += rows;
  }
}

template <typename T>
void WindowRowsOf<T>::find_at_border(const T* x, std::int64_t top, std::int64_t left, int rows,
                                     const T** pointer) const noexcept {
  const ConvShape& s = shape_;
  for (std::int64_t ky = 0; ky < s.kernel_h; ++ky) {
    const std::int64_t iy = top + ky * s.dilation_h;
    for (std::int64_t kx = 0; kx < s.kernel_w; ++kx, pointer += rows) {
      const std::int64_t ix = left + kx * s.dilation_w;
      *pointer = s.inside(iy, ix) ? x + (iy * s.in_w + ix) * input_pitch_ : zeros_;
    }
  }
}

template class WindowRowsOf<float>;
template class WindowRowsOf<std::uint8_t>;

}  // namespace fettle::kernels

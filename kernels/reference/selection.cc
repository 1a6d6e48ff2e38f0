// SPDX-License-Identifier: Apache-2.0
//
// Operators that choose elements. How many they choose often depends on the data: such results have memory
// for the most that can be, lie densely at its start, and one more output holds their actual extents.
// Nothing here has memory of its own: what comes next in an order is found by looking at all again, or what
// is yet to be written holds the order.
#include "kernels/reference/numbers.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace fettle::kernels::reference {
namespace {

// The elements of one line of a tensor, along an axis.
template <Number T>
struct Line {
  const Numbers<T>& numbers;
  Index base;
  std::size_t axis;

  std::int64_t size() const { return numbers.extent(static_cast<int>(axis)); }
  T operator[](std::int64_t i) const {
    Index at = base;
    at[axis] = i;
    return numbers[at];
  }
};

template <Number T>
bool is_nan(T x) {
  if constexpr (std::same_as<T, double>)
    return std::isnan(x);
  else
    return false;
}

// -1, 0, 1: which of two numbers is the smaller. NaN, which has no order, comes behind all numbers.
template <Number T>
int order(T a, T b) {
  if (is_nan(a) || is_nan(b)) return int{is_nan(a)} - int{is_nan(b)};
  return a < b ? -1 : b < a ? 1 : 0;
}

// Whether element i of a line comes before element j: the larger (or smaller) first, then the lower index.
template <Number T>
bool before(const Line<T>& line, std::int64_t i, std::int64_t j, bool largest) {
  const T a = line[i];
  const T b = line[j];
  const int sign = order(a, b);
  if (sign == 0) return i < j;
  return largest && !is_nan(a) && !is_nan(b) ? sign > 0 : sign < 0;
}

// The element that comes next after `previous` (-1: the first); -1 when there is none.
template <Number T>
std::int64_t next_after(const Line<T>& line, std::int64_t previous, bool largest) {
  std::int64_t best = -1;
  for (std::int64_t i = 0; i < line.size(); ++i) {
    if (previous >= 0 && !before(line, previous, i, largest)) continue;
    if (best < 0 || before(line, i, best, largest)) best = i;
  }
  return best;
}

template <Number T>
void top_k_typed(const Buffers& b) {
  const auto x = operand<T>(b, 0);
  const auto values = result<T>(b, 0);
  const auto indices = result<std::int64_t>(b, 1);
  const auto axis = static_cast<std::size_t>(b.attributes().integer("axis"));
  const bool largest = b.attributes().integer("largest", 1) != 0;
  Shape lines = values.shape();
  lines[static_cast<int>(axis)] = 1;
  for_each_index(lines, [&](Index i) {
    const Line<T> line{x, i, axis};
    std::int64_t at = -1;
    for (i[axis] = 0; i[axis] < values.extent(static_cast<int>(axis)); ++i[axis]) {
      at = next_after(line, at, largest);
      values.set(i, line[at]);
      indices.set(i, at);
    }
  });
}

void top_k(const Buffers& b) {
  with_number(b.layer.inputs.front().format.type, [&](auto number) { top_k_typed<decltype(number)>(b); });
}

Refusal supports_top_k(const LayerDesc& layer, const Cpu& cpu) {
  const bool fits = layer.outputs.size() == 2 &&
                    layer.outputs[0].format.type == layer.inputs[0].format.type &&
                    layer.outputs[1].format.type == DataType::s64;
  return fits ? any_number(layer, cpu) : Refusal::data_type;
}

// A result whose extents are known only now: its memory, filled densely.
template <Number T>
struct Dense {
  DataType type;
  void* data;
  std::int64_t count = 0;

  void push(T value) { store<T>(type, data, count++, value); }
};

template <Number T>
Dense<T> dense(const Buffers& b, std::size_t output) {
  return {b.layer.outputs[output].format.type, b.outputs[output]};
}

// What the actual result does not fill is zero, so that equal inputs give equal bytes.
void clear(const Buffers& b, std::size_t output) {
  const TensorDesc& desc = b.layer.outputs[output];
  const std::size_t bytes = dense_bytes(desc.shape, desc.format);
  if (bytes > 0) std::memset(b.outputs[output], 0, bytes);
}

// Writes the actual extents into the output that holds them.
void set_extents(const Buffers& b, std::size_t output, std::initializer_list<std::int64_t> extents) {
  Dense<std::int64_t> target = dense<std::int64_t>(b, output);
  for (const std::int64_t extent : extents) target.push(extent);
}

// Outputs: the coordinates of elements that are not zero, an axis a row (or a column), and the result's
// extents.
void non_zero(const Buffers& b) {
  const auto x = operand<double>(b, 0);
  const bool transposed = b.attributes().integer("transposed") != 0;
  std::int64_t count = 0;
  clear(b, 0);
  for_each_index(x.shape(), [&](const Index& i) { count += x[i] != 0 ? 1 : 0; });
  std::int64_t column = 0;
  for_each_index(x.shape(), [&](const Index& i) {
    if (x[i] == 0) return;
    for (int axis = 0; axis < x.rank(); ++axis) {
      const std::int64_t place = transposed ? column * x.rank() + axis : axis * count + column;
      store(DataType::s64, b.outputs[0], place, i[static_cast<std::size_t>(axis)]);
    }
    ++column;
  });
  if (transposed) return set_extents(b, 1, {count, x.rank()});
  set_extents(b, 1, {x.rank(), count});
}

// Keeps the slices along an axis (or the elements of all) whose condition holds.
void compress(const Buffers& b) {
  const auto x = b.in<std::byte>(0);
  const auto condition = operand<std::uint64_t>(b, 1);
  const bool flat = !b.attributes().has("axis");
  const auto axis = static_cast<std::size_t>(b.attributes().integer("axis"));
  auto* target = static_cast<std::byte*>(b.outputs[0]);
  const std::size_t bytes = b.element_bytes();
  std::int64_t kept = 0;
  std::int64_t number = 0;
  clear(b, 0);
  for_each_index(x.desc.shape, [&](const Index& i) {
    const std::int64_t at = flat ? number++ : i[axis];
    if (at >= condition.extent(0) || condition[{at}] == 0) return;
    std::memcpy(target, x.data + x.offset(i) * static_cast<std::int64_t>(bytes), bytes);
    target += bytes;
    ++kept;
  });
  Dense<std::int64_t> extents = dense<std::int64_t>(b, 1);
  if (flat) return extents.push(kept);
  std::int64_t slices = 0;
  for (std::int64_t at = 0; at < std::min(condition.extent(0), x.extent(static_cast<int>(axis))); ++at)
    slices += condition[{at}] != 0 ? 1 : 0;
  for (int k = 0; k < x.desc.shape.rank(); ++k)
    extents.push(k == static_cast<int>(axis) ? slices : x.extent(k));
}

Refusal supports_compress(const LayerDesc& layer, const Cpu& cpu) {
  const bool alike = layer.inputs[0].format.type == layer.outputs[0].format.type;
  return alike ? any_number(layer, cpu) : Refusal::data_type;
}

// The slices of a tensor along an axis, or its elements in one row.
template <Number T>
class Slices {
 public:
  Slices(const Numbers<T>& x, int axis) : x_(x), axis_(axis), rest_(x.shape()) {
    if (axis >= 0) rest_[axis] = 1;
  }
  std::int64_t count() const { return axis_ < 0 ? x_.shape().elements() : x_.extent(axis_); }
  /// -1, 0, 1: the order of slices i and j.
  int compare(std::int64_t i, std::int64_t j) const {
    if (axis_ < 0) return order(x_[place(i)], x_[place(j)]);
    int result = 0;
    for_each_index(rest_, [&](Index at) {
      if (result != 0) return;
      at[static_cast<std::size_t>(axis_)] = i;
      const T a = x_[at];
      at[static_cast<std::size_t>(axis_)] = j;
      result = order(a, x_[at]);
    });
    return result;
  }
  Index place(std::int64_t number) const {
    Index at{};
    for (int axis = x_.rank(); axis-- > 0; number /= x_.extent(axis))
      at[static_cast<std::size_t>(axis)] = number % x_.extent(axis);
    return at;
  }

 private:
  const Numbers<T>& x_;
  int axis_;
  Shape rest_;
};

// Where distinct slices first are, by their values or in the order in which they are met; for each slice, the
// number of its like; and how often each occurs. Returns how many there are.
template <Number T>
std::int64_t find_distinct(const Slices<T>& slices, bool sorted, std::int64_t* firsts, std::int64_t* inverse,
                           std::int64_t* counts) {
  const std::int64_t count = slices.count();
  std::int64_t* const by_value = counts;  // until the counting, which needs no more than `inverse`
  std::iota(by_value, by_value + count, 0);
  std::sort(by_value, by_value + count, [&](std::int64_t i, std::int64_t j) {
    const int sign = slices.compare(i, j);
    return sign == 0 ? i < j : sign < 0;
  });
  const auto begins = [&](std::int64_t k) {
    return k == 0 || slices.compare(by_value[k - 1], by_value[k]) != 0;
  };
  std::int64_t distinct = 0;
  for (std::int64_t k = 0; k < count; ++k) {
    if (begins(k)) firsts[distinct++] = by_value[k];
  }
  if (!sorted) std::sort(firsts, firsts + distinct);
  std::int64_t run = -1;
  std::int64_t rank = 0;
  for (std::int64_t k = 0; k < count; ++k) {
    if (begins(k)) {
      ++run;
      rank = sorted ? run : std::lower_bound(firsts, firsts + distinct, by_value[k]) - firsts;
    }
    inverse[by_value[k]] = rank;
  }
  std::fill_n(counts, count, 0);
  for (std::int64_t i = 0; i < count; ++i) ++counts[inverse[i]];
  return distinct;
}

// Outputs: the distinct slices, where each is first, for each slice the number of its like, how often each
// occurs; then the extents of the first and of the second and fourth.
template <Number T>
void unique_typed(const Buffers& b) {
  const auto x = operand<T>(b, 0);
  const int axis = static_cast<int>(b.attributes().integer("axis", -1));
  const bool sorted = b.attributes().integer("sorted", 1) != 0;
  const Slices<T> slices(x, axis);
  clear(b, 0);
  clear(b, 1);
  auto* firsts = static_cast<std::int64_t*>(b.outputs[1]);
  const std::int64_t distinct =
      find_distinct(slices, sorted, firsts, static_cast<std::int64_t*>(b.outputs[2]),
                    static_cast<std::int64_t*>(b.outputs[3]));
  Shape actual = axis < 0 ? Shape{distinct} : x.shape();
  if (axis >= 0) actual[axis] = distinct;
  TensorDesc desc = b.layer.outputs[0];
  desc.shape = actual;
  desc.strides = dense_strides(actual, desc.format);
  const Numbers<T> y(desc, b.outputs[0]);
  for_each_index(actual, [&](const Index& i) {
    if (axis < 0) return y.set(i, x[slices.place(firsts[i[0]])]);
    Index from = i;
    from[static_cast<std::size_t>(axis)] = firsts[i[static_cast<std::size_t>(axis)]];
    y.set(i, x[from]);
  });
  Dense<std::int64_t> extents = dense<std::int64_t>(b, 4);
  for (const std::int64_t extent : actual) extents.push(extent);
  set_extents(b, 5, {distinct});
}

void unique(const Buffers& b) {
  with_number(b.layer.inputs.front().format.type, [&](auto number) { unique_typed<decltype(number)>(b); });
}

// A box as corners, whichever way it was given.
struct Box {
  double top, left, bottom, right;
  double area() const { return (bottom - top) * (right - left); }
};

Box box_at(const Numbers<double>& boxes, std::int64_t batch, std::int64_t i, bool center) {
  const double a = boxes[{batch, i, 0}];
  const double b = boxes[{batch, i, 1}];
  const double c = boxes[{batch, i, 2}];
  const double d = boxes[{batch, i, 3}];
  if (center) return {b - d / 2, a - c / 2, b + d / 2, a + c / 2};
  return {std::min(a, c), std::min(b, d), std::max(a, c), std::max(b, d)};
}

double overlap(const Box& a, const Box& b) {
  const double height = std::min(a.bottom, b.bottom) - std::max(a.top, b.top);
  const double width = std::min(a.right, b.right) - std::max(a.left, b.left);
  if (height <= 0 || width <= 0) return 0;
  return height * width / (a.area() + b.area() - height * width);
}

// Outputs: rows of batch, class and box; the result's extents.
void non_max_suppression(const Buffers& b) {
  const auto boxes = operand<double>(b, 0);
  const auto scores = operand<double>(b, 1);
  const double most_overlap = b.has(2) ? operand<double>(b, 2)[{}] : 0;
  const bool limited = b.has(3);
  const double least_score = limited ? operand<double>(b, 3)[{}] : 0;
  const bool center = b.attributes().integer("center_point_box") != 0;
  // Of a class; the attribute is a bound where an operand says how many.
  std::int64_t most = b.attributes().integer("max_output_boxes");
  if (b.has(4)) most = std::clamp<std::int64_t>(operand<std::int64_t>(b, 4)[{}], 0, most);
  auto* rows = static_cast<std::int64_t*>(b.outputs[0]);
  std::int64_t count = 0;
  clear(b, 0);
  for_each_index(Shape{scores.extent(0), scores.extent(1)}, [&](const Index& i) {
    const Line<double> line{scores, {i[0], i[1]}, 2};
    const std::int64_t begin = count;
    for (std::int64_t at = next_after(line, -1, true); at >= 0 && count - begin < most;
         at = next_after(line, at, true)) {
      if (limited && !(line[at] > least_score)) break;
      const Box box = box_at(boxes, i[0], at, center);
      bool kept = true;
      for (std::int64_t k = begin; k < count && kept; ++k)
        kept = overlap(box, box_at(boxes, i[0], rows[3 * k + 2], center)) <= most_overlap;
      if (!kept) continue;
      const std::int64_t row[] = {i[0], i[1], at};
      std::copy_n(row, 3, rows + 3 * count++);
    }
  });
  set_extents(b, 1, {count, 3});
}

// Results whose extents are found only in running lie densely.
template <Op op, Compute compute, Supports supports, Text algorithm>
constexpr Kernel kDenseEntry = [] {
  Kernel kernel = kRowOf<op, compute, supports, algorithm>;
  kernel.output_striding = Striding::dense;
  return kernel;
}();

constexpr auto kSelectionEntries =
    join(kFamily<top_k, supports_top_k, "select.any", Op::top_k>,
         std::array<const Kernel*, 4>{
             kept(kDenseEntry<Op::non_zero, non_zero, any_number, "direct.any">),
             kept(kDenseEntry<Op::compress, compress, supports_compress, "copy.any">),
             kept(kDenseEntry<Op::unique, unique, any_number, "compare.any">),
             kept(kDenseEntry<Op::non_max_suppression, non_max_suppression, any_number, "greedy.any">)});

}  // namespace

std::span<const Kernel* const> selection_entries() noexcept { return kSelectionEntries; }

}  // namespace fettle::kernels::reference

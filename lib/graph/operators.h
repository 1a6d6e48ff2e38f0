// SPDX-License-Identifier: Apache-2.0
//
// What is known of each operator, an entry each in operators.cc: the one place to add one. Names stand in
// <fettle/op.h>; texts that attributes may hold in lib/onnx/words.cc.
#pragma once

#include "lib/graph/estimates.h"
#include "lib/graph/infer/infer.h"

#include <fettle/op.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>

namespace fettle::graph {

/// How the importer reads a node. All but `plain`, `control` and `recurrent` have one result and become other
/// nodes.
enum class Import : std::uint8_t {
  plain,
  constant,   ///< an initialiser in another place
  softmax,    ///< worked on a matrix before opset 13: reshapes around it
  chain,      ///< of any number of operands: a binary operator for each further one
  qlinear,    ///< a layer between DequantizeLinear and QuantizeLinear
  recurrent,  ///< may leave out any result; lists of texts as attributes
  control,    ///< has bodies, may leave out any result
};

/// A short list that is written in a table.
template <typename T, std::size_t capacity>
class TableList {
 public:
  constexpr TableList() = default;
  constexpr TableList(std::initializer_list<T> items) : size_(items.size()) {
    std::copy(items.begin(), items.end(), items_.begin());
  }
  constexpr const T* begin() const noexcept { return items_.data(); }
  constexpr const T* end() const noexcept { return items_.data() + size_; }

 private:
  std::array<T, capacity> items_{};
  std::size_t size_ = 0;
};

/// A real attribute that inference fills in where a node leaves it out.
struct DefaultAttribute {
  std::string_view name;
  float value = 0;
};

/// Operands that cannot be left out: all that a node has.
inline constexpr std::uint8_t kAllInputs = 255;

struct OperatorInfo {
  Op op;
  /// Of the operator set that defines it: empty for ONNX's own.
  std::string_view domain = {};
  /// The opsets that brought it or defined it anew, ascending; from 18 on without those that only allow more
  /// types. Empty for Fettle's own operators.
  TableList<std::uint8_t, 8> since = {};
  std::uint8_t least_inputs = 1;  ///< how many of its first operands cannot be left out
  Import import = Import::plain;
  /// Infers shapes and makes a node canonical; null for what the importer rewrites or bodies replace.
  Rule rule = nullptr;
  /// What the time of a plain implementation grows with; null for operators that no layer has.
  Estimate estimate = nullptr;
  /// Attributes that ONNX does not have: inference gives them to nodes in place of operands, and takes a node
  /// that has them for canonical, with its operands checked and removed. Files may not say such things.
  TableList<std::string_view, 4> own_attributes = {};
  TableList<DefaultAttribute, 2> defaults = {};
  /// Whether fold_qdq makes a quantised layer of it that wants to see the integers of its operands.
  bool quantisable = false;

  /// The operator's version in a model of this opset: the newest that is not above it. 0: it came later.
  constexpr int version(std::int64_t opset) const noexcept {
    int newest = 0;
    for (const std::uint8_t change : since) newest = change <= opset ? change : newest;
    return newest;
  }
  bool owns_attribute(std::string_view name) const noexcept {
    return std::find(own_attributes.begin(), own_attributes.end(), name) != own_attributes.end();
  }
};

/// Constant data; thread-safe.
const OperatorInfo& operator_info(Op op) noexcept;
/// The operator that a node of a file names, if Fettle knows it. "ai.onnx" is ONNX's own domain too.
const OperatorInfo* find_operator(std::string_view domain, std::string_view name) noexcept;

}  // namespace fettle::graph

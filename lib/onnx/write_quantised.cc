// SPDX-License-Identifier: Apache-2.0
//
// Quantised nodes as ONNX has them: DequantizeLinear for each operand, the operator on real numbers, and
// QuantizeLinear behind it.
#include "lib/onnx/write_node.h"

#include "lib/base/quantise.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace fettle::onnx_export {
namespace {

using graph::Value;
using graph::ValueId;

// Where products have their operands.
enum : std::size_t { kX, kWeight, kBias, kScales };

ValueId operand(const graph::Node& node, std::size_t i) {
  return i < node.inputs.size() ? node.inputs[i] : graph::kNoValue;
}

void quantise_as(FileBuilder& file, const std::string& id, const Value& as, const std::string& real,
                 const std::string& stored) {
  const std::int64_t zero = as.zero_point;
  Names inputs = file.quantisation(id, as.type, {&as.scale, 1}, {&zero, 1}, false);
  inputs.insert(inputs.begin(), real);
  file.add("QuantizeLinear", id, inputs, {stored});
}

std::string dequantise_as(FileBuilder& file, const std::string& id, const Value& as,
                          const std::string& stored) {
  const std::int64_t zero = as.zero_point;
  Names inputs = file.quantisation(id, as.type, {&as.scale, 1}, {&zero, 1}, false);
  inputs.insert(inputs.begin(), stored);
  std::string real = file.new_name(id);
  file.add("DequantizeLinear", id, inputs, {real});
  return real;
}

class Product {
 public:
  Product(FileBuilder& file, const graph::Node& node) : file_(file), node_(node) {}

  std::string write() {
    if (std::string problem = read(); !problem.empty()) return problem;
    const std::string weight = write_weight();
    const std::string bias = write_bias();
    if (node_.op == Op::matmul && !bias.empty()) return write_rows(weight, bias);
    const std::string real = file_.new_name(node_.id + ".real");
    std::string problem =
        write_operation(file_, node_, {file_.real_of(node_.inputs[kX]), weight, bias}, {real});
    quantise_as(file_, node_.id + ".quantize", y(), real, file_.name_of(node_.outputs.front()));
    return problem;
  }

 private:
  const Value& x() const { return file_.graph().value(node_.inputs[kX]); }
  const Value& w() const { return file_.graph().value(node_.inputs[kWeight]); }
  const Value& y() const { return file_.graph().value(node_.outputs.front()); }

  std::string read() {
    const graph::Graph& graph = file_.graph();
    if (!w().constant || !is_quantised_type(w().type)) return "its weights are no constant integers";
    scales_ = {w().scale};
    if (const ValueId scales = operand(node_, kScales); scales != graph::kNoValue) {
      if (!graph.is_constant(scales)) return "the scales of its weights are computed";
      const auto numbers = graph.value(scales).constant->values<float>();
      scales_.assign(numbers.begin(), numbers.end());
      for (float& scale : scales_) scale *= w().scale;
      per_channel_ = true;
    }
    if (const ValueId bias = operand(node_, kBias); bias != graph::kNoValue) {
      if (!graph.is_constant(bias) || graph.value(bias).type != DataType::s32)
        return "its bias is no constant of integers";
      const auto numbers = graph.value(bias).constant->values<std::int32_t>();
      bias_.assign(numbers.begin(), numbers.end());
    }
    for (const float scale : scales_) {
      units_.push_back(x().scale * scale);
      if (!is_valid_scale(scale)) return "a scale of its weights is no normal number above 0";
      if (!is_valid_scale(units_.back()) && adds_bias())
        return "a scale of its bias is no normal number above 0";
    }
    return {};
  }

  bool adds_bias() const {
    return std::any_of(bias_.begin(), bias_.end(), [](std::int64_t number) { return number != 0; });
  }

  // u8 around 128 is s8 around 0, which other runtimes have faster products for.
  std::string write_weight() {
    const bool flipped = w().type == DataType::u8 && w().zero_point == 128;
    const DataType type = flipped ? DataType::s8 : w().type;
    const std::vector<std::int64_t> zeros(scales_.size(), flipped ? 0 : w().zero_point);
    const std::string id = node_.id + ".weight";
    const bool rows =
        node_.op == Op::conv || (node_.op == Op::gemm && node_.attributes.integer("transB") != 0);
    const int axis = rows ? 0 : w().shape->rank() - 1;
    return dequantised(id, file_.stored(w(), type, flipped), type, scales_, zeros, axis);
  }

  // A bias of zeros is none.
  std::string write_bias() {
    if (!adds_bias()) return {};
    const Value& bias = file_.graph().value(node_.inputs[kBias]);
    const std::vector<std::int64_t> zeros(units_.size(), 0);
    return dequantised(node_.id + ".bias", file_.name_of(node_.inputs[kBias]), bias.type, units_, zeros, 0);
  }

  std::string dequantised(const std::string& id, const std::string& stored, DataType type,
                          const std::vector<float>& scales, const std::vector<std::int64_t>& zeros,
                          int axis) {
    Names inputs = file_.quantisation(id, type, scales, zeros, per_channel_);
    inputs.insert(inputs.begin(), stored);
    std::string real = file_.new_name(id + ".real");
    file_.add("DequantizeLinear", id, inputs, {real},
              per_channel_ ? with("axis", std::int64_t{axis}) : Attributes());
    return real;
  }

  // MatMul has no bias that a quantised product takes in, Gemm has, but for two axes alone.
  std::string write_rows(const std::string& weight, const std::string& bias) {
    for (const char* name : {"perm_a", "perm_b", "perm_y"}) {
      if (node_.attributes.has(name)) return "it is a quantised product with a bias and a transpose";
    }
    graph::Node gemm = node_;
    gemm.op = Op::gemm;
    gemm.attributes = {};
    const Shape& from = *x().shape;
    const Shape& to = *y().shape;
    const std::string result = file_.name_of(node_.outputs.front());
    const std::string real = file_.new_name(node_.id + ".real");
    if (from.rank() == 2) {
      std::string problem =
          write_operation(file_, gemm, {file_.real_of(node_.inputs[kX]), weight, bias}, {real});
      quantise_as(file_, node_.id + ".quantize", y(), real, result);
      return problem;
    }
    if (from.rank() < 2 || w().shape->rank() != 2) return "it is a quantised product of stacks with a bias";
    // Stored numbers are reshaped as they are: between DequantizeLinear and QuantizeLinear of one scale.
    const std::int64_t rows[] = {-1, from[from.rank() - 1]};
    const std::string stored_rows = file_.new_name(node_.id + ".x");
    file_.add("Reshape", node_.id + ".x",
              {file_.name_of(node_.inputs[kX]), file_.integers(node_.id + ".rows", rows)}, {stored_rows});
    const std::string real_rows = dequantise_as(file_, node_.id + ".x.real", x(), stored_rows);
    std::string problem = write_operation(file_, gemm, {real_rows, weight, bias}, {real});
    const std::string stored = file_.new_name(node_.id + ".y");
    quantise_as(file_, node_.id + ".quantize", y(), real, stored);
    file_.add("Reshape", node_.id + ".y", {stored, file_.integers(node_.id + ".shape", to.dims())}, {result});
    return problem;
  }

  FileBuilder& file_;
  const graph::Node& node_;
  bool per_channel_ = false;
  std::vector<float> scales_;  // one, or one an output channel
  std::vector<float> units_;   // of the bias
  std::vector<std::int32_t> bias_;
};

// From one quantisation to another.
void write_requantisation(FileBuilder& file, const graph::Node& node) {
  std::string real = file.real_of(node.inputs.front());
  std::string id = node.id;
  if (node.clamp) {
    const std::string clamped = file.new_name(node.id + ".real");
    write_clamp(file, node.id, *node.clamp, real, clamped);
    real = clamped;
    id += ".quantize";
  }
  quantise_as(file, id, file.graph().value(node.outputs.front()), real, file.name_of(node.outputs.front()));
}

}  // namespace

std::string write_quantised(FileBuilder& file, const graph::Node& node) {
  const graph::Graph& graph = file.graph();
  const bool product = node.op == Op::conv || node.op == Op::gemm || node.op == Op::matmul;
  const auto is_labelled = [&](ValueId id) {
    const Value& value = graph.value(id);
    return is_quantised_type(value.type) && is_valid_scale(value.scale);
  };
  const auto labelled = [&](const std::vector<ValueId>& values) {
    return std::all_of(values.begin(), values.end(),
                       [&](ValueId id) { return id != graph::kNoValue && is_labelled(id); });
  };
  const bool valid =
      labelled(node.outputs) && node.outputs.size() == 1 &&
      (product ? node.inputs.size() >= 2 && is_labelled(node.inputs.front()) : labelled(node.inputs));
  // What only moves stored numbers, all of one scale, needs none.
  const bool moves = node.op == Op::reshape || node.op == Op::transpose || node.op == Op::concat;
  if (!valid && moves && !node.clamp) {
    Names inputs;
    for (const ValueId input : node.inputs) inputs.push_back(file.name_of(input));
    return write_operation(file, node, inputs, {file.name_of(node.outputs.front())});
  }
  if (!valid) return "its operands or its result lack a scale";
  if (product) return Product(file, node).write();
  if (node.op == Op::quantize_linear) {
    write_requantisation(file, node);
    return {};
  }
  Names inputs;
  for (const ValueId input : node.inputs) inputs.push_back(file.real_of(input));
  const std::string real = file.new_name(node.id + ".real");
  std::string problem = write_operation(file, node, inputs, {real});
  quantise_as(file, node.id + ".quantize", graph.value(node.outputs.front()), real,
              file.name_of(node.outputs.front()));
  return problem;
}

}  // namespace fettle::onnx_export
